"""Reconstruction: PSNR and MSE by hand, anomalies by the error, and what its labels may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from edgeswap.errors import DataError
from edgeswap.tasks.reconstruction import Reconstruction
from tests.signatures import signature

TASK = Reconstruction()
MODEL = signature((8, 8, 3), takes=(8, 8, 3))
INPUTS = np.random.default_rng(0).random((6, 8, 8, 3)).astype(np.float32)
OUTPUTS = INPUTS + np.float32([1, 1, 1, 1, 2, 3])[:, None, None, None] / 10
UNUSUAL = np.array([0, 0, 0, 1, 1, 1])


def scored(labels: Any, inputs: Any = (INPUTS,)) -> dict[str, float]:
    task = TASK.seeing(MODEL, labels)
    normal = None if labels is None else task.labels(labels, MODEL, 6, "d.npz")
    return {m.name: m.value(m.parts([OUTPUTS], normal, inputs)) for m in task.metrics(MODEL)}


def test_without_labels_the_input_is_wanted() -> None:
    mse = (4 * 0.01 + 0.04 + 0.09) / 6
    wanted = {"psnr": 10 * math.log10((INPUTS.max() - INPUTS.min()) ** 2 / mse), "mse": mse}
    found = scored(None)
    assert list(found) == ["psnr", "mse"]
    assert found == pytest.approx(wanted, rel=1e-5)
    assert all(m.needs_inputs and not m.needs_labels for m in TASK.metrics(MODEL))


def test_anomalies_are_told_by_the_error() -> None:
    found = scored(UNUSUAL)
    assert list(found) == ["auc", "psnr", "mse"]
    # Of 9 pairs 6 are right; three are ties up to rounding, so the last error counts for what it is.
    assert 6 / 9 <= found["auc"] <= 1
    assert scored(np.array([0, 0, 0, 0, 1, 1]))["auc"] == 1
    assert scored(1 - np.array([0, 0, 0, 0, 1, 1]))["auc"] == 0


def test_labels_of_the_shape_of_the_output_are_wanted_in_place_of_the_input() -> None:
    found = scored(OUTPUTS - 0.5, inputs=())
    assert found["mse"] == pytest.approx(0.25, rel=1e-5)
    task = TASK.seeing(MODEL, OUTPUTS)
    assert not any(m.needs_inputs for m in task.metrics(MODEL))
    labels = task.labels(OUTPUTS, MODEL, 6, "d.npz")
    assert task.targets(labels, MODEL) == {0: labels}
    assert TASK.seeing(MODEL, UNUSUAL).targets(UNUSUAL, MODEL) == {}


def test_a_perfect_output_and_an_even_input() -> None:
    psnr = TASK.metrics(MODEL)[0]
    assert psnr.value(psnr.parts([INPUTS], None, [INPUTS])) == math.inf
    assert math.isnan(psnr.value(psnr.parts([OUTPUTS], None, [INPUTS * 0])))


def test_only_pictures_are_shown_as_images() -> None:
    assert TASK.seeing(MODEL, None).shown == "image"
    assert TASK.seeing(signature((640,), takes=(640,)), None).shown == "values"


@pytest.mark.parametrize("given_labels", [np.arange(6), np.zeros((6, 8, 8, 1)), np.full(6, 0.5)])
def test_other_labels_are_rejected(given_labels: Any) -> None:
    with pytest.raises(DataError, match=r"0 and 1, or of shape \(6, 8, 8, 3\), in d.npz, got labels"):
        scored(given_labels)
