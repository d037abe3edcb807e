"""Where ranges end: no framework, only data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.errors import ModelError
from edgeswap.quantization.placement import place
from edgeswap.quantization.ranges import HOWS, End, Ends, counted, resolve
from tests.test_placement import chain

POLICIES = ["auto", "fixed", "observed", "learned"]


def placed(*kinds):
    return place(chain(*kinds), input_ranges={"image": (0.0, 1.0)})


def ends(kind, seen, policy, trains=True):
    return resolve(placed("MaxPooling2D", kind), {"l1": seen}, policy, trains=trains)["l1"]


def test_fixed_is_the_bound_whatever_was_observed():
    assert ends("clipped_elu", (-0.5, 3.0), "fixed") == Ends(End(-1.0, "fixed", -1.0), End(6.0, "fixed", 6.0))


def test_each_side_is_narrowed_by_itself():
    assert ends("relu6", (0.0, 3.0), "observed") == Ends(End(0.0, "fixed", 0.0), End(3.0, "narrowed", 6.0))
    assert ends("clipped_elu", (-0.5, 6.0), "observed") == Ends(End(-0.5, "narrowed", -1.0), End(6.0, "fixed", 6.0))
    assert ends("hard_swish", (-0.375, 9.0), "observed") == Ends(End(-0.375, "fixed", -0.375), End(9.0, "observed"))


def test_less_than_a_step_is_not_tighter():
    step = 6 / 255
    assert ends("relu6", (0.0, 6 - step / 2), "observed").high == End(6.0, "fixed", 6.0)
    assert ends("relu6", (0.0, 6 - 2 * step), "observed").high.how == "narrowed"


def test_learned_starts_from_what_was_observed_and_needs_training():
    assert ends("relu6", (0.0, 3.0), "learned") == Ends(End(0.0, "learned", 0.0), End(3.0, "learned", 6.0))
    assert ends("relu6", (0.0, 3.0), "learned", trains=False) == ends("relu6", (0.0, 3.0), "observed")


@pytest.mark.parametrize("policy", POLICIES)
def test_what_a_kernel_prescribes_and_the_input_stand(policy):
    settled = resolve(placed("MaxPooling2D", "sigmoid"), {"l1": (0.2, 0.4), "image_range": (0.1, 0.2)}, policy)
    assert settled == {
        "l1": Ends(End(0.0, "fixed", 0.0), End(255 / 256, "fixed", 255 / 256)),
        "image_range": Ends(End(0.0, "fixed", 0.0), End(1.0, "fixed", 1.0)),
    }


@pytest.mark.parametrize("policy", POLICIES)
def test_an_input_without_bounds_is_observed_and_never_learned(policy):
    placement = place(chain("MaxPooling2D"), input_ranges={"image": None})
    settled = resolve(placement, {"image_range": (-2.0, 3.0)}, policy)
    assert settled["image_range"] == Ends(End(-2.0, "observed"), End(3.0, "observed"))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_bound_that_was_not_observed_stays_and_a_missing_one_is_an_error(policy):
    high = resolve(placed("MaxPooling2D", "relu6"), {}, policy)["l1"].high
    assert (high.value, high.limit) == (6.0, 6.0)
    with pytest.raises(ModelError, match="l1"):
        resolve(placed("MaxPooling2D", "swish"), {}, policy)


@given(
    kind=st.sampled_from(["relu6", "relu_n(max_value=2)", "clipped_elu", "hard_swish", "swish", "elu", "linear"]),
    low=st.floats(-10, 0, width=32),
    high=st.floats(0, 10, width=32),
    policy=st.sampled_from(POLICIES),
)
def test_no_range_is_wider_than_its_bounds_or_than_what_was_observed(kind, low, high, policy):
    placement = placed("Conv2D", kind)
    settled = resolve(placement, dict.fromkeys(placement.outputs, (low, high)), policy)
    for name, found in settled.items():
        bounds = placement.outputs[name]
        step = (found.high.value - found.low.value) / 255
        assert found.low.value <= 0 <= found.high.value
        for end, bound, seen, sign in ((found.low, bounds.low, low, -1), (found.high, bounds.high, high, 1)):
            if end.how != "fixed":
                assert sign * end.value <= sign * seen + max(step, found.least)
            assert bound is None or sign * end.value <= sign * bound


def test_a_range_of_zeros_is_given_a_width_above_its_upper_end():
    settled = resolve(placed("MaxPooling2D", "relu"), {"l1": (0.0, 0.0)})["l1"]
    assert (settled.low.value, settled.high.value) == (0.0, settled.least)
    assert settled.least > 0


def test_two_ends_are_counted_for_each_range():
    placement = placed("Conv2D", "hard_swish")
    settled = resolve(placement, {"l0": (-1.0, 1.0), "l1": (-0.2, 4.0)}, "observed")
    assert counted(settled) == {"fixed": 2, "narrowed": 1, "observed": 2, "saturated": 1, "searched": 0, "learned": 0}
    assert tuple(counted(settled)) == HOWS
