"""The benchmark of a QAT step: its ratios and its verdict."""

import pytest

pytest.importorskip("tensorflow")

from benchmarks.qat_step import StepClock, ratios, section

FOUND = {
    "relu6": {"float32": [0.1, 0.2, 0.1], "edgeswap": [0.11, 0.22, 0.12], "tfmot": [0.12, 0.26, 0.13]},
    "swish": {"float32": [0.1, 0.2, 0.1], "edgeswap": [0.13, 0.26, 0.12]},
}


def test_a_ratio_is_that_of_one_turn():
    assert ratios(FOUND["relu6"], "edgeswap") == pytest.approx([1.1, 1.1, 1.2])


def test_the_table_has_a_refusal_and_names_what_is_missed():
    text = section(FOUND, "the command", [0, 1], 0.0)
    assert "| relu6 | 100 ms | 1.10 (1.10 to 1.20) | 1.30 (1.20 to 1.30) | 1.12 |" in text
    assert "| swish | 100 ms | 1.30 (1.20 to 1.30) | refused | 1.20 |" in text
    assert "Missed with swish." in text
    assert "All hold." in section({"relu6": FOUND["relu6"]}, "the command", [0, 1], 0.0)


def test_steps_that_trace_are_left_out():
    clock = StepClock()
    clock.at = [0.0, 9.0, 9.5, 9.75, 10.0, 11.0]
    assert clock.seconds() == [0.25, 1.0]
