"""The table of a microcontroller's kernels: what is compared, what a row shows, and where it misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite_micro")
pytest.importorskip("tensorflow")
from benchmarks.micro_rows import NETWORKS, Apart, Figures, Output, apart, kernels_apart, last_step
from benchmarks.micro_section import own_allowed, section
from tests import app_bundle
from tests.tflite_models import BUILTIN, single

GOOD = Figures(
    missing=[],
    task="classification",
    metric="top1",
    higher_is_better=True,
    samples=400,
    float32=0.95,
    litert=0.94,
    micro=0.94,
    arena=(20_000, 15_000, 5_000),
    flash=70_000,
    kernels=7,
    apart=Apart(0.6, 7),
    reference=Apart(0.6, 6),
    own=Apart(0.001, 1),
    snr_db=(30.0, 30.1, 30.9),
    last_step=None,
)


def written(**rows: Figures) -> tuple[str, list[str]]:
    return section({network: rows.get(network) for network in NETWORKS})


def test_a_row_shows_its_figures_and_a_missing_operator_stands_there_instead() -> None:
    text, missed = written(digits=GOOD, unet=Figures(["GELU", "LOG"]))
    assert missed == []
    assert "| digits | top1 | 400 | 95.00 | 94.00 | 94.00 | 20.0 kB | 15.0 kB | 70.0 kB | 7 | none |" in text
    assert "| 60.0 %, 7 | 60.0 %, 6 | 0.1 %, 1 | 2 | 30.0 dB | 30.1 dB | 30.9 dB |" in text
    assert "| GELU, LOG |" in text
    assert "Not measured yet: autoencoder" in " ".join(text.split())


def test_what_misses_is_told() -> None:
    bad = GOOD._replace(apart=Apart(0.6, 9), own=Apart(0.1, 3), snr_db=(29.0, 30.1, 30.9), micro=0.92)
    assert written(digits=bad)[1] == [
        "digits: outputs are 3 steps from the reference kernels', at most 2",
        "digits: outputs are 9 steps from XNNPACK's, at most 8",
        "digits: its worst output is 1.1 dB below the reference kernels'",
        "digits: its metric is 2.00 below ai-edge-litert's",
    ]
    assert own_allowed(GOOD._replace(last_step=0.25)) == 2 + 32


def test_a_softmax_moves_by_no_more_than_the_slope_says() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(2000, 10))

    def softmax(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    step = 0.05
    moved = softmax(logits + step * rng.choice([-1, 1], logits.shape))
    assert np.abs(256 * (moved - softmax(logits))).max() <= 128 * step


def test_sets_of_kernels_are_compared_value_by_value(tmp_path: Path) -> None:
    one, other = (Output("y", np.array(steps, np.int8), np.zeros(4)) for steps in ([0, 1, 2, 127], [0, 1, 5, -128]))
    assert apart([one], [other]) == Apart(0.5, 255)
    model = app_bundle.classifier(tmp_path)
    shape = tuple(int(size) for size in app_bundle.Interpreter(str(model)).get_input_details()[0]["shape"][1:])
    values = np.random.default_rng(0).uniform(size=(5, *shape)).astype(np.float32)
    found = kernels_apart(model, model, values)
    # One dense layer: every set of kernels rounds its sum once or twice.
    assert max(found["own"].max_steps, found["reference"].max_steps) <= 1
    assert found["snr_db"][2] == float("inf")  # beside itself


def test_the_step_of_what_the_last_softmax_reads() -> None:
    assert last_step(single(BUILTIN.LOGISTIC, (0.05, 0), (1 / 256, -128))) == pytest.approx(0.05)
    assert last_step(single(BUILTIN.ELU, (0.05, 0), (0.05, 0))) is None
