"""A poor model of another task than classes is asked whether its pixels were only read wrongly."""

import numpy as np
import pytest

from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.evaluation.misread_pixels import misread_pixels
from edgeswap.evaluation.scoring import Scoring, score
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tasks.regression import Regression
from edgeswap.tasks.segmentation import Segmentation

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 6, 6, 3)).astype(np.uint8)
BRIGHT = IMAGES.mean(axis=-1)
SHAPES = {"x": (6, 6, 3)}


def bright_places(inputs):
    """Scores (N, 6, 6, 2) of a network that was trained with pixels from -1 to 1."""
    above = inputs.mean(axis=-1)
    return np.stack([-above, above], axis=-1)


def brightness(inputs):
    return inputs.mean(axis=(1, 2, 3))[:, None]


CASES = {
    "segmentation": (Segmentation(), (6, 6, 2), bright_places, (BRIGHT > 127.5).astype(np.int64)),
    "regression": (Regression(), (1,), brightness, BRIGHT.mean(axis=(1, 2))[:, None] / 127.5 - 1),
}


def doubted(case, given):
    task, shape, network, labels = CASES[case]
    model = Signature(SHAPES, (ModelOutput("y", shape, "linear"),))
    scoring = Scoring(task, model, task.metrics(model))

    def ask(data, preprocess):
        outputs = [network(preprocess(data.read(np.arange(len(data)))))]
        return score(scoring, outputs, None, data.labels, [])

    test = load((IMAGES, labels), input_shapes=SHAPES, classes=None)
    return misread_pixels(scoring, ask(test, from_name(given)), test, from_name(given), ask=ask, seed=0)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("given", ["raw", "unit"])
def test_the_preprocess_that_the_model_was_trained_with_is_named(case, given):
    caution = doubted(case, given)
    assert caution.kind == "poor_float_model"
    assert "with --preprocess symmetric it has" in caution.problem


@pytest.mark.parametrize("case", CASES)
def test_a_good_model_is_not_doubted(case):
    assert doubted(case, "symmetric") is None
