"""Outputs that are read otherwise than they are meant."""

import numpy as np

from edgeswap.evaluation.poor_values import misread_values
from edgeswap.evaluation.scoring import Scoring, score
from edgeswap.tasks.binary import Binary
from edgeswap.tasks.outputs import ModelOutput, Signature
from edgeswap.tasks.reconstruction import Reconstruction
from edgeswap.tasks.regression import Regression

RANDOM = np.random.default_rng(0)
YES = RANDOM.integers(0, 2, 200)


def said(task, shape, outputs, labels, inputs=None):
    model = Signature({"x": shape if inputs is None else inputs.shape[1:]}, (ModelOutput("y", shape, "linear"),))
    scoring = Scoring(task, model, task.metrics(model))
    given = [np.asarray(outputs, np.float32)]
    scores = score(scoring, given, scoring.decided(given), labels, [] if inputs is None else [inputs])
    return misread_values(scoring, scores, labels)


def test_values_towards_0_and_1_are_no_logits():
    values = (YES + RANDOM.normal(0, 0.3, 200))[:, None]
    caution = said(Binary(), (1,), values, YES)
    assert caution.kind == "no_logit"
    assert "--task regression" in caution.remedy
    assert said(Binary(), (1,), values - 0.5, YES) is None  # logits, and good ones


def test_a_regressor_that_is_worse_than_the_mean_is_doubted():
    labels = RANDOM.normal(500, 100, (200, 2)).astype(np.float32)
    caution = said(Regression(), (2,), 255 * labels, labels)
    assert caution.kind == "poor_float_model"
    assert "--preprocess" in caution.remedy
    assert said(Regression(), (2,), labels + RANDOM.normal(0, 50, labels.shape), labels) is None


def test_images_of_another_scale_than_their_labels_are_doubted():
    labels = RANDOM.uniform(0, 255, (8, 4, 4, 1)).astype(np.float32)
    small = RANDOM.uniform(0, 1, (8, 2, 2, 1)).astype(np.float32)
    task = Reconstruction("labels")
    assert said(task, (4, 4, 1), labels / 255, labels, small).kind == "poor_float_model"
    assert said(task, (4, 4, 1), labels + 20, labels, small) is None
