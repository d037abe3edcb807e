"""The catalog holds true statements about functions: no framework."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeswap.activations.catalog import ALIASES, CATALOG, FRAMEWORK_FUNCTIONS, Activation, parse
from edgeswap.activations.kinds import LIMITS, NAMED
from edgeswap.errors import ConfigError

ISSUE_KINDS = [
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "softplus",
    "elu",
    "selu",
    "relu6",
    "relu_n",
    "leaky_relu",
    "prelu",
    "swish",
    "mish",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "clipped_elu",
    "pact",
]

# What each parameter is drawn from, within its limits.
VALUES = {
    "above 0": st.floats(0.125, 20),
    "at least 0": st.just(0.0) | st.floats(0.0625, 4),
    "at most 0": st.just(0.0) | st.floats(-4, -0.0625),
    None: st.just(0.0) | st.floats(0.0625, 4) | st.floats(-4, -0.0625),
}


@st.composite
def activations(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(CATALOG)) -> Activation:
    kind = draw(st.sampled_from(kinds))
    row = CATALOG[kind]
    parameters = {}
    for name, default in row.defaults.items():
        values = st.booleans() if isinstance(default, bool) else VALUES[row.limits.get(name)]
        given_value = draw(st.one_of(st.just(default), values))
        parameters[name] = given_value
    return Activation(kind, parameters)


def test_every_kind_of_the_issue_is_there():
    assert sorted(CATALOG) == sorted(ISSUE_KINDS)


@example(activation=Activation("hard_swish", {"max_value": 3.90625}), x=3.90625)
@given(activation=activations(), x=st.floats(-12, 12))
def test_the_derivative_is_the_limit_of_finite_differences(activation, x):
    step = 1e-5
    below, here, above = (float(activation.derivative(np.float64(x + offset))) for offset in (-step, 0, step))
    kinks = _kinks(activation)
    if any(abs(x - kink) <= 2 * step for kink in kinks) or _is_near_a_ceiling(activation, x):
        return  # one of its sides
    difference = float(activation(np.float64(x + step)) - activation(np.float64(x - step))) / (2 * step)
    # A third derivative of at most 1e3 makes step^2 of it 1e-7; the difference itself loses 1e-15 * 50 / step.
    assert here == pytest.approx(difference, abs=2e-6, rel=2e-6)
    assert below == pytest.approx(above, abs=0.01), "a jump where no kink is said to be"


def _kinks(activation: Activation) -> list[float]:
    """Where the slope jumps, by the formulas, save at the ceilings that `_is_near_a_ceiling` knows."""
    p, kind = activation.parameters, activation.kind
    if kind in ("relu", "leaky_relu", "prelu", "selu", "elu"):
        return [0.0]
    if kind in ("relu6", "relu_n", "pact"):
        return [0.0, p.get("max_value", 6.0)]
    if kind == "hard_tanh":
        return [-1.0, 1.0]
    if kind == "hard_sigmoid":
        return [-0.5 / p["slope"], 0.5 / p["slope"]]
    if kind == "clipped_elu":
        floor, alpha = p["min_value"], p["alpha"]
        low = [math.log1p(floor / alpha)] if floor is not None and alpha > 0 and floor > -alpha else []
        return [0.0, p["max_value"], *low]
    return [-3.0, 3.0] if kind == "hard_swish" else []


def _is_near_a_ceiling(activation: Activation, x: float) -> bool:
    """Whether the uncapped function comes within a hundred steps of the difference to the ceiling, where it bends."""
    ceiling = activation.parameters.get("max_value")
    if ceiling is None or activation.kind not in ("swish", "hard_swish"):
        return False
    uncapped = Activation(activation.kind, {**activation.parameters, "max_value": None})
    return abs(float(uncapped(np.float64(x))) - ceiling) <= 1e-3


@given(activation=activations(), x=st.floats(-1e6, 1e6))
def test_no_value_passes_a_bound(activation, x):
    value, (low, high) = float(activation(np.float64(x))), activation.bounds
    rounding = 1e-12 * max(1.0, abs(low or 0))  # of the minima, which are irrational
    assert low is None or value >= low - rounding
    assert high is None or value <= high + rounding


@pytest.mark.slow
@given(activation=activations())
def test_bounds_are_reached_or_come_near_to(activation):
    stretch = 1 / (activation.parameters.get("beta") or 1.0)  # of where swish has its minimum
    grid = np.concatenate([np.linspace(-40, 40, 80_001), np.linspace(-2, 2, 4001) * stretch, [-1e9, -1e4, 1e4, 1e9]])
    values = activation(grid)
    for bound, extreme in zip(activation.bounds, (values.min(), values.max()), strict=True):
        if bound is not None and activation.learned:
            assert extreme * np.sign(bound) <= bound * np.sign(bound) + 1e-5  # reached with other values than these
        elif bound is not None:
            assert extreme == pytest.approx(bound, abs=1e-5)  # a grid of 1e-3 may miss a minimum by half of it
        elif not activation.learned:
            assert abs(extreme) > 1e3, "a side without a bound has values of any size"


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("swish", -1.2784645427610738),
        ("swish(beta=2)", -1.2784645427610738 / 2),
        ("mish", -1.192431214515496),
        ("gelu", -0.7517915246935644),
        ("gelu(approximate=true)", -0.7524614220710162),
        ("hard_swish", -1.5),
    ],
)
def test_a_minimum_is_where_the_slope_is_zero(text, x):
    activation = parse(text)
    assert float(activation.derivative(x)) == pytest.approx(0, abs=1e-14)
    assert float(activation(x)) == pytest.approx(activation.bounds[0], abs=1e-15)
    assert activation.attained[0]


def test_the_minimum_of_swish_is_lamberts_w():
    w = -Activation("swish").bounds[0]
    assert w * math.exp(w) == pytest.approx(math.exp(-1), rel=1e-15)


@pytest.mark.parametrize(
    ("text", "bounds", "attained"),
    [
        ("linear", (None, None), (False, False)),
        ("sigmoid", (0, 1), (False, False)),
        ("tanh", (-1, 1), (False, False)),
        ("relu", (0, None), (True, False)),
        ("softplus", (0, None), (False, False)),
        ("elu(alpha=0.5)", (-0.5, None), (False, False)),
        ("selu", (-1.7580993408473766, None), (False, False)),
        ("relu6", (0, 6), (True, True)),
        ("relu_n(max_value=3)", (0, 3), (True, True)),
        ("leaky_relu", (None, None), (False, False)),
        ("leaky_relu(negative_slope=0)", (0, None), (True, False)),
        ("prelu", (None, None), (False, False)),
        ("swish(max_value=4)", (-0.2784645427610738, 4), (True, True)),
        ("swish(beta=-1)", (None, 0.2784645427610738), (False, True)),
        ("swish(learn_beta=true)", (None, None), (False, False)),
        ("hard_sigmoid", (0, 1), (True, True)),
        ("hard_swish(max_value=4)", (-0.375, 4), (True, True)),
        ("hard_tanh", (-1, 1), (True, True)),
        ("clipped_elu(alpha=2)", (-2, 6), (False, True)),
        ("clipped_elu(alpha=2, min_value=-0.5)", (-0.5, 6), (True, True)),
        ("clipped_elu(alpha=0.5, min_value=-3)", (-0.5, 6), (False, True)),
        ("pact", (0, None), (True, False)),
    ],
)
def test_bounds(text, bounds, attained):
    activation = parse(text)
    assert activation.bounds == pytest.approx(bounds)
    assert activation.attained == attained


def test_the_int8_step_is_the_range_over_255():
    assert Activation("relu6").int8_step == 6 / 255
    assert Activation("clipped_elu").int8_step == 7 / 255
    assert Activation("relu").int8_step is None
    assert Activation("pact").int8_step is None


@given(ceiling=st.floats(0.125, 20), x=st.floats(-50, 50))
def test_clipped_elu_from_zero_is_relu_n(ceiling, x):
    clipped = Activation("clipped_elu", {"min_value": 0, "max_value": ceiling})
    plain = clipped.simplified()
    assert plain == Activation("relu_n", {"max_value": ceiling}).simplified()
    assert float(clipped(x)) == float(plain(x))


def test_clipped_elu_from_zero_to_six_is_relu6():
    assert parse("clipped_elu(min_value=0)").simplified() == Activation("relu6")
    assert parse("clipped_elu(min_value=0, max_value=4)").simplified() == parse("relu_n(max_value=4)")


@given(activation=activations(), x=st.floats(-50, 50))
def test_simplifying_keeps_the_function(activation, x):
    plain = activation.simplified()
    assert float(plain(np.float64(x))) == pytest.approx(float(activation(np.float64(x))), rel=1e-15)
    assert plain.simplified() == plain


@pytest.mark.parametrize(
    ("text", "weights", "plain"),
    [
        ("pact", [2.5], "relu_n(max_value=2.5)"),
        ("pact", [6.0], "relu6"),
        ("pact", [], "pact"),
        ("prelu", [[[[0.5, 0.5]]]], "leaky_relu(negative_slope=0.5)"),
        ("prelu", [[[[0.0, 0.0]]]], "relu"),
        ("prelu", [[[[0.5, 0.25]]]], "prelu"),
        ("prelu", [[[[-0.5, -0.5]]]], "prelu(negative_slope=-0.5)"),
        ("swish(learn_beta=true)", [1.0], "swish"),
        ("swish(max_value=4, learn_beta=true)", [1.5], "swish(beta=1.5, max_value=4)"),
        ("elu(alpha=0)", [], "relu"),
        ("leaky_relu(negative_slope=0)", [], "relu"),
        ("leaky_relu(negative_slope=1)", [], "linear"),
        ("relu_n(max_value=3)", [], "relu_n(max_value=3)"),
        ("clipped_elu(min_value=-2)", [], "clipped_elu"),
    ],
)
def test_what_was_learned_becomes_constant(text, weights, plain):
    assert str(parse(text).simplified([np.asarray(array, np.float32) for array in weights])) == plain


def test_learned_values_of_an_activation_that_learns_none_are_refused():
    with pytest.raises(ConfigError, match="Expected learned values for no parameter of relu6, got 1 arrays"):
        Activation("relu6").simplified([np.float32(6)])


def test_a_learned_ceiling_below_zero_is_refused():
    with pytest.raises(ConfigError, match="above 0"):
        Activation("pact").simplified([np.float32(-1)])


@pytest.mark.parametrize(
    ("text", "channels", "rank", "shapes"),
    [
        ("relu6", 8, 4, []),
        ("prelu", 8, 4, [(1, 1, 8)]),
        ("prelu", 8, 2, [(8,)]),
        ("pact", 8, 4, [()]),
        ("swish", 8, 4, []),
        ("swish(learn_beta=true)", 8, 4, [()]),
    ],
)
def test_weights_start_at_the_parameters(text, channels, rank, shapes):
    activation = parse(text)
    weights = activation.initial_weights(channels=channels, rank=rank)
    assert [weight.shape for weight in weights] == shapes
    for name, weight in zip(activation.learned, weights, strict=True):
        assert weight.dtype == np.float32
        assert np.all(weight == np.float32(activation.parameters[name]))


@given(activation=activations())
def test_what_is_written_is_read_as_the_same(activation):
    assert parse(str(activation)) == activation
    assert hash(parse(str(activation))) == hash(activation)


@given(activation=activations(), dtype=st.sampled_from([np.float32, np.float64]))
def test_shape_and_dtype_stay(activation, dtype):
    x = np.linspace(-9, 9, 24).reshape(2, 3, 4).astype(dtype)
    for y in (activation(x), activation.derivative(x)):
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert np.all(x == np.linspace(-9, 9, 24).reshape(2, 3, 4).astype(dtype)), "the input was changed"


@pytest.mark.parametrize(
    ("alias", "text"), [("silu", "swish"), ("hard_silu", "hard_swish"), ("relu3", "relu_n(max_value=3)")]
)
def test_aliases(alias, text):
    assert parse(alias) == parse(text)
    assert str(parse(alias)) == text
    assert alias in {*ALIASES, *NAMED}


def test_every_name_of_a_framework_is_read():
    for names in FRAMEWORK_FUNCTIONS.values():
        for text in names.values():
            assert str(parse(text)) == text


def test_the_two_hard_sigmoids_differ():
    keras_3, keras_2 = (parse(FRAMEWORK_FUNCTIONS[framework]["hard_sigmoid"]) for framework in ("keras", "tf_keras"))
    assert float(keras_3(1.5)) == pytest.approx(0.75)
    assert float(keras_2(1.5)) == pytest.approx(0.8)


@pytest.mark.parametrize("kind", CATALOG)
def test_a_row_is_complete(kind):
    row = CATALOG[kind]
    assert row.formula
    assert row.slope
    assert row.source
    assert set(row.learned) | set(row.limits) <= set(row.defaults)
    assert set(row.limits.values()) <= set(LIMITS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sofplus", "Expected an activation of the catalog, got 'sofplus'"),
        ("relu6(", "Expected an activation such as"),
        ("relu6(max_value=4)", "has no parameter 'max_value'"),
        ("clipped_elu(max_value)", "Expected 'parameter=number'"),
        ("clipped_elu(max_value=six)", "Expected 'parameter=number'"),
        ("clipped_elu(max_value=4, max_value=5)", "got max_value twice"),
        ("clipped_elu(max_value=0)", "Expected max_value of 'clipped_elu' to be above 0, got 0"),
        ("clipped_elu(max_value=nan)", "to be a finite number, got nan"),
        ("clipped_elu(max_value=inf)", "to be a finite number, got inf"),
        ("clipped_elu(alpha=-1)", "to be at least 0, got -1"),
        ("clipped_elu(min_value=0.5)", "to be at most 0, got 0.5"),
        ("clipped_elu(alpha=true)", "to be a finite number, got True"),
        ("leaky_relu(negative_slope=-0.1)", "to be at least 0, got -0.1"),
        ("gelu(approximate=2)", "to be true or false, got 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, words):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert words in caught.value.problem
    assert caught.value.remedy


def test_an_unknown_activation_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        parse("sofplus")
    assert all(kind in caught.value.remedy for kind in (*ISSUE_KINDS, "relu3"))


def test_switches_are_true_false_or_a_number():
    assert parse("gelu(approximate=true)") == parse("gelu(approximate=1)") == Activation("gelu", {"approximate": True})
    assert parse("gelu(approximate=false)") == Activation("gelu")


def test_a_parameter_out_of_a_model_file_is_written_as_it_was_meant():
    held = float(np.float32(0.3))  # 0.30000001192092896
    assert str(Activation("leaky_relu", {"negative_slope": held})) == str(
        Activation("leaky_relu", {"negative_slope": 0.3})
    )
    assert Activation("leaky_relu", {"negative_slope": held}) == Activation("leaky_relu", {"negative_slope": 0.3})
    third = 1 / 3  # no float32: kept as it is
    assert Activation("leaky_relu", {"negative_slope": third}).parameters["negative_slope"] == third
