"""The rows of the catalog: one `Kind` for each activation. Data; no framework.

A default of None means that the parameter is not used, such as no ceiling; True or False makes it a switch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from edgeswap.activations import functions as f
from edgeswap.activations.functions import Array

Bounds = tuple[float | None, float | None]
Value = float | bool | None

# Lowest values of x sigmoid(x), mish and GELU, where their derivatives vanish: at x = -1.27846454, -1.19243121,
# -0.75179152 (exact) and -0.75246142 (tanh). The first is -W(1/e), Lambert's W.
SWISH_MINIMUM = -0.2784645427610738
MISH_MINIMUM = -0.3088434130172505
GELU_MINIMUM = {False: -0.16997120747990369, True: -0.17004075057125412}
# The lowest value of x relu6(x + 3) / 6, at x = -1.5.
HARD_SWISH_MINIMUM = -0.375
SELU_INFIMUM = -f.SELU_SCALE * f.SELU_ALPHA

LIMITS: Mapping[str, Callable[[float], bool]] = {
    "above 0": lambda value: value > 0,
    "at least 0": lambda value: value >= 0,
    "at most 0": lambda value: value <= 0,
}


@dataclass(frozen=True)
class Kind:
    """One row of the catalog. The callables take the parameters by name.

    Attributes:
        formula: as a person writes it.
        slope: the derivative as a person writes it; f is the function's own value.
        function: NumPy, float array in and the same shape and dtype out.
        derivative: NumPy, likewise.
        bounds: greatest lower and least upper bound for the parameters; None where there is none.
        source: where it was published.
        defaults: parameter names and default values.
        asymptotes: values that the function comes near to and never has.
        learned: names of parameters that are weights of the layer; the values given are where training starts.
        per_channel: whether a learned parameter has one value a channel instead of one a layer.
        limits: what a parameter's value must be, a key of `LIMITS`; every other number may be any but infinite.
    """

    formula: str
    slope: str
    function: Callable[..., Array]
    derivative: Callable[..., Array]
    bounds: Callable[..., Bounds]
    source: str
    defaults: Mapping[str, Value] = field(default_factory=dict)
    asymptotes: Callable[..., tuple[float, ...]] = lambda **_parameters: ()
    learned: tuple[str, ...] = ()
    per_channel: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)


def _above(low: float, alternative: float | None) -> float:
    return low if alternative is None else max(low, alternative)


def _swish_bounds(beta: float, max_value: float | None, learn_beta: bool) -> Bounds:
    """A learned beta may become anything, and below 0 the function has a highest value in place of a lowest."""
    if learn_beta or beta == 0:
        return None, max_value
    extreme = SWISH_MINIMUM / beta
    if beta > 0:
        return extreme, max_value
    return None, extreme if max_value is None else min(extreme, max_value)


def _prelu_bounds(negative_slope: float) -> Bounds:  # noqa: ARG001  (learned: it may become anything)
    return None, None


CATALOG: Mapping[str, Kind] = {
    "linear": Kind("x", "1", lambda x: x, np.ones_like, lambda: (None, None), "-"),
    "sigmoid": Kind(
        "1 / (1 + exp(-x))",
        "f (1 - f)",
        f.sigmoid,
        f.d_sigmoid,
        lambda: (0.0, 1.0),
        "logistic function, Verhulst 1838",
        asymptotes=lambda: (0.0, 1.0),
    ),
    "tanh": Kind(
        "tanh(x)",
        "1 - f^2",
        np.tanh,
        f.d_tanh,
        lambda: (-1.0, 1.0),
        "LeCun et al., Efficient BackProp, 1998",
        asymptotes=lambda: (-1.0, 1.0),
    ),
    "relu": Kind(
        "max(x, 0)",
        "1 if x > 0 else 0",
        lambda x: f.clip(x, 0, None),
        lambda x: f.inside(x, 0, None),
        lambda: (0.0, None),
        "Nair and Hinton, ICML 2010",
    ),
    "softplus": Kind(
        "log(1 + exp(x))",
        "sigmoid(x)",
        f.softplus,
        f.sigmoid,
        lambda: (0.0, None),
        "Dugas et al., NIPS 2000",
        asymptotes=lambda: (0.0,),
    ),
    "elu": Kind(
        "x if x > 0 else alpha (exp(x) - 1)",
        "1 if x > 0 else alpha exp(x)",
        f.elu,
        f.d_elu,
        lambda alpha: (-alpha, None),
        "Clevert et al., arXiv:1511.07289",
        {"alpha": 1.0},
        limits={"alpha": "at least 0"},
        asymptotes=lambda alpha: (-alpha,),
    ),
    "selu": Kind(
        "1.0507 elu(x, alpha=1.6733)",
        "1.0507 if x > 0 else 1.7581 exp(x)",
        f.selu,
        f.d_selu,
        lambda: (SELU_INFIMUM, None),
        "Klambauer et al., arXiv:1706.02515",
        asymptotes=lambda: (SELU_INFIMUM,),
    ),
    "relu6": Kind(
        "min(max(x, 0), 6)",
        "1 if 0 < x < 6 else 0",
        lambda x: f.clip(x, 0, 6),
        lambda x: f.inside(x, 0, 6),
        lambda: (0.0, 6.0),
        "Krizhevsky, Convolutional Deep Belief Networks on CIFAR-10, 2010",
    ),
    "relu_n": Kind(
        "min(max(x, 0), max_value)",
        "1 if 0 < x < max_value else 0",
        lambda x, max_value: f.clip(x, 0, max_value),
        lambda x, max_value: f.inside(x, 0, max_value),
        lambda max_value: (0.0, max_value),
        "Krizhevsky, Convolutional Deep Belief Networks on CIFAR-10, 2010",
        {"max_value": 6.0},
        limits={"max_value": "above 0"},
    ),
    "leaky_relu": Kind(
        "x if x > 0 else negative_slope x",
        "1 if x > 0 else negative_slope",
        f.leaky_relu,
        f.d_leaky_relu,
        lambda negative_slope: (0.0 if negative_slope == 0 else None, None),
        "Maas et al., ICML 2013",
        {"negative_slope": 0.2},
        limits={"negative_slope": "at least 0"},
    ),
    "prelu": Kind(
        "x if x > 0 else negative_slope x",
        "1 if x > 0 else negative_slope",
        f.leaky_relu,
        f.d_leaky_relu,
        _prelu_bounds,
        "He et al., arXiv:1502.01852",
        {"negative_slope": 0.25},
        learned=("negative_slope",),
        per_channel=True,
    ),
    "swish": Kind(
        "min(x sigmoid(beta x), max_value)",
        "sigmoid(beta x) (1 + beta x (1 - sigmoid(beta x))); 0 at max_value",
        f.swish,
        f.d_swish,
        _swish_bounds,
        "Ramachandran et al., arXiv:1710.05941; as SiLU, Elfwing et al., arXiv:1702.03118",
        {"beta": 1.0, "max_value": None, "learn_beta": False},
        learned=("beta",),
        limits={"max_value": "above 0"},
    ),
    "mish": Kind(
        "x tanh(softplus(x))",
        "tanh(s) + x sigmoid(x) (1 - tanh(s)^2), s = softplus(x)",
        f.mish,
        f.d_mish,
        lambda: (MISH_MINIMUM, None),
        "Misra, arXiv:1908.08681",
    ),
    "gelu": Kind(
        "x P(x), P the normal distribution",
        "P(x) + x exp(-x^2 / 2) / sqrt(2 pi)",
        f.gelu,
        f.d_gelu,
        lambda approximate: (GELU_MINIMUM[approximate], None),
        "Hendrycks and Gimpel, arXiv:1606.08415",
        {"approximate": False},
    ),
    "hard_sigmoid": Kind(
        "min(max(slope x + 1/2, 0), 1)",
        "slope if 0 < f < 1 else 0",
        f.hard_sigmoid,
        f.d_hard_sigmoid,
        lambda slope: (0.0, 1.0),  # noqa: ARG005
        "Courbariaux et al., arXiv:1511.00363 (slope 1/2); Howard et al., arXiv:1905.02244 (slope 1/6)",
        {"slope": 1 / 6},
        limits={"slope": "above 0"},
    ),
    "hard_swish": Kind(
        "min(x relu6(x + 3) / 6, max_value)",
        "0 if x < -3, 1 if x > 3, else (2 x + 3) / 6; 0 at max_value",
        f.hard_swish,
        f.d_hard_swish,
        lambda max_value: (HARD_SWISH_MINIMUM, max_value),
        "Howard et al., arXiv:1905.02244",
        {"max_value": None},
        limits={"max_value": "above 0"},
    ),
    "hard_tanh": Kind(
        "min(max(x, -1), 1)",
        "1 if -1 < x < 1 else 0",
        lambda x: f.clip(x, -1, 1),
        lambda x: f.inside(x, -1, 1),
        lambda: (-1.0, 1.0),
        "Collobert, Large Scale Machine Learning, 2004",
    ),
    "clipped_elu": Kind(
        "min(max(elu(x, alpha), min_value), max_value)",
        "1 or alpha exp(x), as for elu, between the bounds, else 0",
        f.clipped_elu,
        f.d_clipped_elu,
        lambda alpha, max_value, min_value: (_above(-alpha, min_value), max_value),
        "ELU (arXiv:1511.07289) with the ceiling of ReLU6",
        {"alpha": 1.0, "max_value": 6.0, "min_value": None},
        asymptotes=lambda alpha, max_value, min_value: (-alpha,),  # noqa: ARG005
        limits={"alpha": "at least 0", "max_value": "above 0", "min_value": "at most 0"},
    ),
    "pact": Kind(
        "min(max(x, 0), max_value)",
        "1 if 0 < x < max_value else 0; by max_value: 1 if x > max_value else 0",
        lambda x, max_value: f.clip(x, 0, max_value),
        lambda x, max_value: f.inside(x, 0, max_value),
        lambda max_value: (0.0, None),  # noqa: ARG005  (the ceiling is where training leaves it)
        "Choi et al., arXiv:1805.06085",
        {"max_value": 6.0},
        learned=("max_value",),
        limits={"max_value": "above 0"},
    ),
}

# Other names for a kind at its defaults.
ALIASES: Mapping[str, str] = {"silu": "swish", "hard_silu": "hard_swish"}

# Other names for a kind with parameters.
NAMED: Mapping[str, tuple[str, Mapping[str, Value]]] = {"relu3": ("relu_n", {"max_value": 3.0})}

# What a function's name in `activations` of each framework stands for, as `parse` reads it. They differ in one:
# hard_sigmoid is relu6(x + 3) / 6 in Keras 3 and clip(0.2 x + 0.5, 0, 1) in Keras 2.
FRAMEWORK_FUNCTIONS: Mapping[str, Mapping[str, str]] = {
    "keras": {
        **{name: name for name in ("linear", "sigmoid", "tanh", "relu", "relu6", "softplus", "elu", "selu")},
        **{name: name for name in ("leaky_relu", "mish", "gelu", "hard_sigmoid", "hard_tanh")},
        **dict.fromkeys(("swish", "silu"), "swish"),
        **dict.fromkeys(("hard_swish", "hard_silu"), "hard_swish"),
    },
    "tf_keras": {
        **{name: name for name in ("linear", "sigmoid", "tanh", "relu", "relu6", "softplus", "elu", "selu")},
        **{name: name for name in ("leaky_relu", "mish", "gelu")},
        **dict.fromkeys(("swish", "silu"), "swish"),
        "hard_sigmoid": "hard_sigmoid(slope=0.2)",
    },
}
