"""Features that are left too few steps of an input's one scale are named."""

import numpy as np

from edgeswap.quantization.feature_steps import coarse_features, coarse_values, far_values

RANDOM = np.random.default_rng(0)


def said(*features):
    return [caution.problem for caution in coarse_features({"sensors": np.stack(features, -1).astype(np.float32)})]


def test_features_of_very_different_size_are_named_with_the_steps_they_have_left():
    (problem,) = said(RANDOM.uniform(0, 255, 500), RANDOM.uniform(0, 4, 500), RANDOM.uniform(100, 140, 500))
    assert "Input 'sensors' has one int8 scale for features of very different size" in problem
    assert "Of its 255 steps, these use only a few: feature 1 4." in problem
    assert "feature 0" not in problem
    assert "feature 2" not in problem


def test_features_of_about_one_size_are_not_worth_a_word():
    assert not said(RANDOM.uniform(0, 255, 500), RANDOM.uniform(-20, 20, 500))


def test_a_flag_whose_two_values_stay_apart_is_fine():
    flag = RANDOM.integers(0, 2, 500)
    assert not said(RANDOM.uniform(0, 100, 500), flag)
    (problem,) = said(RANDOM.uniform(0, 1000, 500), flag)  # both are rounded to 0
    assert "feature 1 0.26" in problem


def test_of_many_features_the_first_are_named():
    (problem,) = said(RANDOM.uniform(0, 255, 500), *RANDOM.uniform(0, 1, (20, 500)))
    assert "feature 6 " in problem
    assert "and 14 more have fewer than 16" in problem


def test_constant_and_single_features_have_nothing_to_lose():
    assert not said(RANDOM.uniform(0, 255, 500), np.full(500, 3.0))
    assert not said(RANDOM.uniform(0, 255, 500))
    assert not said(np.zeros(500), np.zeros(500))


def test_values_of_one_output_that_are_lost_beside_large_ones_are_named():
    values = np.stack([RANDOM.uniform(0, 10_000, 500), RANDOM.uniform(0.1, 0.4, 500)], -1).astype(np.float32)
    (caution,) = coarse_values({"both": values, "large": values[:, :1]})
    assert caution.kind == "output_scale"
    assert "Output 'both'" in caution.problem
    assert "value 1 0.0076" in caution.problem  # 0.3 of 255 / 10,000


def test_values_far_from_0_that_use_few_steps_are_named():
    pressure = RANDOM.uniform(1000, 1020, (500, 1)).astype(np.float32)
    (caution,) = far_values({"pressure": pressure, "centred": pressure - 1010, "near": pressure - 990})
    assert caution.kind == "output_offset"
    assert "Output 'pressure'" in caution.problem
    assert "only 5 of its 255 steps, of 4 each" in caution.problem  # 20 / (1020 / 255)
    assert not far_values({"below": -pressure + 990, "constant": np.full((9, 1), 7, np.float32)})
    assert far_values({"below": -pressure})
