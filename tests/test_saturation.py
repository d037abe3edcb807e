"""Tensors that saturate where the activation behind them is flat: no framework, only data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.activations.catalog import CATALOG, parse
from edgeswap.quantization.placement import place
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.saturation import needed
from tests.test_placement import chain, graph

KINDS = sorted(set(CATALOG) - {"linear"})


@given(
    kind=st.sampled_from(KINDS),
    low=st.floats(-70, 0),
    high=st.floats(0, 70),
    tolerance=st.floats(1e-4, 0.2),
)
def test_a_value_clipped_to_what_is_needed_gives_nearly_what_it_gave(kind, low, high, tolerance):
    activation = parse(kind)
    least, most = needed(activation, low, high, tolerance)
    x = np.linspace(low, high, 4097)
    moved = np.abs(activation(np.clip(x, least, most)) - activation(x))
    assert low <= least <= 0 <= most <= high
    assert moved.max() <= tolerance * (1 + 1e-9)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("hard_swish", -3.0, 20.0),
        ("hard_swish(max_value=4)", -3.0, 4.0),
        ("hard_sigmoid", -3.0, 3.0),
        ("relu6", 0.0, 6.0),
        ("relu", 0.0, 20.0),
        ("hard_tanh", -1.0, 1.0),
        ("leaky_relu", -60.0, 20.0),
        ("elu", np.log(1e-3), 20.0),  # alpha exp(x) is what is left to the asymptote
        ("clipped_elu", np.log(1e-3), 6.0),
        ("sigmoid", np.log(1e-3), -np.log(1e-3)),
    ],
)
def test_a_flat_part_is_found_where_the_formula_has_it(text, least, most):
    points = 80 / 4096
    found = needed(parse(text), -60.0, 20.0, 1e-3)
    # A function of slope 1 leaves its flat part within the tolerance, 0.001; one that is parabolic there (hard-swish
    # at -3: its slope is -1/2) within twice that.
    assert found == pytest.approx((least, most), abs=points + 2e-3)


OBSERVED = {"image_range": (0.0, 1.0), "conv": (-50.0, 10.0), "hs": (-0.375, 10.0), "sum": (-50.0, 20.0)}


def before(kind, *more, policy="auto"):
    """The ends of a convolution's output that an activation reads, and perhaps others."""
    model = graph(("conv", "Conv2D", ["image"]), ("hs", kind, ["conv"]), *more)
    placement = place(model, input_ranges={"image": (0.0, 1.0)})
    seen = {name: OBSERVED.get(name, (-9.0, 9.0)) for name in placement.outputs}
    return resolve(placement, seen, policy)["conv"]


@pytest.mark.parametrize("policy", ["auto", "fixed", "observed", "learned"])
def test_what_only_a_hard_swish_reads_saturates_where_it_is_flat(policy):
    ends = before("hard_swish", policy=policy)
    assert ends.low.limit == ends.low.value == pytest.approx(-3.0, abs=60 / 4096 + 0.03)
    assert ends.high.value == 10.0


def test_what_only_a_low_ceiling_reads_saturates_at_it():
    # A quarter of a step of the activation's output, beside the points on which the function is compared.
    assert before("clipped_elu(max_value=0.5)").high.value == pytest.approx(0.5, abs=60 / 4096 + 1e-3)


def test_a_dropout_on_the_way_changes_nothing():
    model = graph(("conv", "Conv2D", ["image"]), ("drop", "Dropout", ["conv"]), ("hs", "hard_swish", ["drop"]))
    placement = place(model, input_ranges={"image": (0.0, 1.0)})
    assert resolve(placement, OBSERVED)["conv"].low.value > -3.1


def test_what_something_else_reads_as_well_keeps_its_range():
    assert before("hard_swish", ("sum", "Add", ["hs", "conv"])).low.value == -50.0


def test_of_two_activations_the_one_that_needs_more_decides():
    assert before("hard_swish", ("other", "elu", ["conv"])).low.value < -3.5
    assert before("hard_swish", ("other", "leaky_relu", ["conv"])).low.value == -50.0


def test_an_end_that_would_save_less_than_a_step_stays():
    placement = place(chain("Conv2D", "hard_swish"), input_ranges={"image": (0.0, 1.0)})
    settled = resolve(placement, {"l0": (-3.01, 10.0), "l1": (-0.375, 10.0)})
    assert settled["l0"].low.value == -3.01


def test_a_ceiling_that_training_moves_takes_nothing_away():
    model = chain("MaxPooling2D", "Conv2DTranspose", "pact")
    placement = place(model, input_ranges={"image": (0.0, 1.0)})
    assert resolve(placement, {"l1": (-50.0, 10.0), "l2": (0.0, 6.0)})["l1"].high.value == 10.0
    assert resolve(placement, {"l1": (-50.0, 10.0), "l2": (0.0, 6.0)})["l1"].low.value == pytest.approx(
        0.0, abs=60 / 4096
    )
