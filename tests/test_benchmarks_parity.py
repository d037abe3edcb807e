"""The parity benchmark's own arithmetic; `benchmarks/README.md` holds what it measured."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from benchmarks.parity import SEEDS, TOOLS, Agreement, decide, section


def test_a_tie_is_one_in_the_steps_of_the_int8_output() -> None:
    outputs = np.array([[0.5, 0.4, 0.1], [0.402, 0.401, 0.2], [0.1, 0.2, 0.7], [2.0, 1.5, 0.0]], np.float32)
    classes, is_tied = decide(outputs, 1 / 256, -128)
    assert classes.tolist() == [0, 0, 2, 0]
    assert is_tied.tolist() == [False, True, False, True]  # the last two values of the last row saturate
    _, is_tied = decide(outputs, 1 / 2560, -128)
    assert is_tied.all()  # all above 0.1 saturate, as they do in the int8 model


def agreements(ours: int, stock: int) -> dict:
    counts = {"edgeswap": ours, "stock": stock}
    return {(tool, seed): Agreement(78.5, 85.0, 84.9, counts[tool], 4950) for tool in TOOLS for seed in SEEDS}


@pytest.mark.parametrize(("ours", "stock", "holds"), [(4900, 4900, True), (4901, 4900, True), (4899, 4900, False)])
def test_less_agreement_than_stock_is_a_miss(ours: int, stock: int, holds: bool) -> None:
    text, missed = section(agreements(ours, stock), 5000)
    assert bool(missed) != holds
    assert ("It holds." in text) == holds
    assert "| edgeswap | 0 | 85.00 | 84.90 | 50 |" in text
    assert f"| stock | all |  |  |  |  | {100 * stock / 4950:.2f} % |" in text
