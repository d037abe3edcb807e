"""The catalog's functions and their derivatives in NumPy: float array of any shape in, same shape and dtype out.

Parameters are numbers, given by name. At a kink, where there is no derivative, `d_...` gives the slope on one side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

# Constants of self-normalizing networks, Klambauer et al., arXiv:1706.02515, equation 14.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
# The cubic term of the tanh form of GELU, Hendrycks and Gimpel, arXiv:1606.08415, section 2.
GELU_CUBIC = 0.044715
_SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), by tanh, which does not overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def d_sigmoid(x: Array) -> Array:
    """Sigmoid(x) sigmoid(-x)."""
    return sigmoid(x) * sigmoid(-x)


def d_tanh(x: Array) -> Array:
    """1 - tanh(x)^2."""
    return 1 - np.tanh(x) ** 2


def clip(x: Array, low: float | None, high: float | None) -> Array:
    """X between two bounds; None is no bound."""
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def inside(x: Array, low: float | None, high: float | None) -> Array:
    """The derivative of `clip`: 1 inside of the bounds, else 0."""
    return np.asarray(
        ((x > (-np.inf if low is None else low)) & (x < (np.inf if high is None else high))).astype(x.dtype)
    )


def leaky_relu(x: Array, negative_slope: float) -> Array:
    """X where it is positive, else negative_slope x."""
    return np.where(x > 0, x, negative_slope * x)


def d_leaky_relu(x: Array, negative_slope: float) -> Array:
    """1 where x is positive, else negative_slope."""
    return np.where(x > 0, np.ones_like(x), np.full_like(x, negative_slope))


def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, np.zeros_like(x)))


def elu(x: Array, alpha: float) -> Array:
    """X where it is positive, else alpha (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def d_elu(x: Array, alpha: float) -> Array:
    """1 where x is positive, else alpha exp(x)."""
    return np.where(x > 0, np.ones_like(x), alpha * np.exp(np.minimum(x, 0)))


def selu(x: Array) -> Array:
    """A fixed multiple of an ELU."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def d_selu(x: Array) -> Array:
    """The same multiple of the ELU's derivative."""
    return SELU_SCALE * d_elu(x, SELU_ALPHA)


def clipped_elu(x: Array, alpha: float, max_value: float, min_value: float | None) -> Array:
    """ELU between min_value and max_value."""
    return clip(elu(x, alpha), min_value, max_value)


def d_clipped_elu(x: Array, alpha: float, max_value: float, min_value: float | None) -> Array:
    """The ELU's derivative between the bounds, else 0."""
    return d_elu(x, alpha) * inside(elu(x, alpha), min_value, max_value)


def swish(x: Array, beta: float, max_value: float | None, learn_beta: bool) -> Array:  # noqa: ARG001
    """X sigmoid(beta x), at most max_value."""
    return clip(x * sigmoid(beta * x), None, max_value)


def d_swish(x: Array, beta: float, max_value: float | None, learn_beta: bool) -> Array:  # noqa: ARG001
    """Sigmoid(beta x) (1 + beta x sigmoid(-beta x)) below max_value, else 0."""
    slope = sigmoid(beta * x) * (1 + beta * x * sigmoid(-beta * x))
    return slope * inside(x * sigmoid(beta * x), None, max_value)


def mish(x: Array) -> Array:
    """X tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def d_mish(x: Array) -> Array:
    """tanh(s) + x sigmoid(x) (1 - tanh(s)^2), s = softplus(x)."""
    gate = np.tanh(softplus(x))
    return np.asarray(gate + x * sigmoid(x) * (1 - gate**2))


def gelu(x: Array, approximate: bool) -> Array:
    """X times the normal distribution function of x, or its approximation by tanh."""
    return np.asarray(x * (0.5 * (1 + np.tanh(_gelu_inner(x))) if approximate else _normal_cdf(x)))


def d_gelu(x: Array, approximate: bool) -> Array:
    """The distribution function plus x times the density, or the same of the approximation."""
    if approximate:
        tanh = np.tanh(_gelu_inner(x))
        inner_slope = _SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x**2)
        return np.asarray(0.5 * (1 + tanh) + 0.5 * x * (1 - tanh**2) * inner_slope)
    return np.asarray(_normal_cdf(x) + x * np.exp(-0.5 * x**2) / math.sqrt(2 * math.pi))


def _gelu_inner(x: Array) -> Array:
    return _SQRT_2_OVER_PI * (x + GELU_CUBIC * x**3)


def _normal_cdf(x: Array) -> Array:
    """By the complementary error function, which keeps its digits far below zero; NumPy has neither."""
    values = np.vectorize(lambda value: 0.5 * math.erfc(-value / math.sqrt(2)), otypes=[x.dtype])(x)
    return np.asarray(values)


def hard_sigmoid(x: Array, slope: float) -> Array:
    """Slope x + 1/2 between 0 and 1."""
    return clip(slope * x + 0.5, 0, 1)


def d_hard_sigmoid(x: Array, slope: float) -> Array:
    """Slope where the function is neither 0 nor 1, else 0."""
    return slope * inside(slope * x + 0.5, 0, 1)


def hard_swish(x: Array, max_value: float | None) -> Array:
    """X relu6(x + 3) / 6, at most max_value."""
    return clip(x * np.clip(x + 3, 0, 6) / 6, None, max_value)


def d_hard_swish(x: Array, max_value: float | None) -> Array:
    """(2 x + 3) / 6 between -3 and 3, 0 below, 1 above; 0 beyond max_value."""
    slope = np.where(x >= 3, np.ones_like(x), (2 * x + 3) / 6 * inside(x, -3, 3))
    return slope * inside(x * np.clip(x + 3, 0, 6) / 6, None, max_value)
