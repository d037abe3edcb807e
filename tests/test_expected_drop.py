"""What a candidate costs in right answers, from the float model's probabilities."""

import numpy as np
import pytest

from edgeswap.evaluation.expected_drop import FLIP, expected_drop

FLOAT = np.tile([[0.6, 0.3, 0.1], [0.5, 0.45, 0.05]], (50, 1))


def flipped(count):
    """The candidate takes the second class for that many of the samples that are near a tie."""
    candidate = FLOAT.copy()
    candidate[1 : 2 * count : 2] = [0.4, 0.5, 0.1]
    return candidate


def test_a_flip_costs_what_the_float_model_was_surer_of():
    drop, (low, high) = expected_drop(["softmax"], [FLOAT], [flipped(10)], ["softmax"], flip=0)
    assert drop == pytest.approx(100 * 10 / 100 * 0.05)
    assert low < drop < high < 1.0


def test_without_labels_a_flip_near_a_tie_is_charged_more():
    drop, _ = expected_drop(["softmax"], [FLOAT], [flipped(10)], ["softmax"])
    assert drop == pytest.approx(100 * 10 / 100 * FLIP)


def test_no_flip_among_a_few_samples_is_no_proof():
    drop, (_, high) = expected_drop(["softmax"], [FLOAT[:20]], [FLOAT[:20]], ["softmax"])
    assert drop == 0
    assert high == pytest.approx(100 * 0.05 * 3 / 21)  # the one that was added, drawn up to three times in 21


def test_logits_and_one_score_mean_the_same():
    logits = np.log(FLOAT)
    by_logits, _ = expected_drop(["softmax"], [logits], [np.log(flipped(10))], ["linear"], flip=0)
    assert by_logits == pytest.approx(0.5)
    scores = np.tile([[0.9], [0.55]], (50, 1))
    other = scores.copy()
    other[1::10] = 0.45
    drop, _ = expected_drop(["sigmoid"], [scores], [other], ["sigmoid"], flip=0)
    assert drop == pytest.approx(100 * 0.1 * 0.1)


def test_numbers_decide_nothing():
    assert expected_drop(["linear"], [FLOAT], [FLOAT], ["linear"]) is None
