"""The catalog of activations: formula, parameters, bounds and a NumPy reference of each. Data; no framework.

A kind with parameters is written like a call: `clipped_elu(alpha=0.5, max_value=4)`; what is left out has its default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ConfigError

Array = npt.NDArray[np.floating[Any]]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Kind:
    """One row of the catalog.

    Attributes:
        formula: as a person writes it.
        reference: NumPy, float in and the same shape and float out, parameters by keyword.
        bounds: lowest and highest value the function can give for its parameters; None where there is none.
        defaults: parameter names and default values.
        source: where it was published.
    """

    formula: str
    reference: Callable[..., Array]
    bounds: Callable[..., Bounds]
    source: str
    defaults: Mapping[str, float] = field(default_factory=dict)


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


# The lowest value of x * sigmoid(x), at x = -1.27846454: solve 1 + exp(-x) + x exp(-x) = 0.
SWISH_MINIMUM = -0.2784645427610738
# The lowest value of x * relu6(x + 3) / 6, at x = -1.5.
HARD_SWISH_MINIMUM = -0.375

CATALOG: Mapping[str, Kind] = {
    "linear": Kind("x", lambda x: x, lambda: (None, None), "-"),
    "sigmoid": Kind("1 / (1 + exp(-x))", _sigmoid, lambda: (0.0, 1.0), "-"),
    "tanh": Kind("tanh(x)", np.tanh, lambda: (-1.0, 1.0), "-"),
    "relu": Kind("max(x, 0)", lambda x: np.maximum(x, 0), lambda: (0.0, None), "Nair and Hinton, ICML 2010"),
    "relu6": Kind(
        "min(max(x, 0), 6)", lambda x: np.clip(x, 0, 6), lambda: (0.0, 6.0), "Krizhevsky, Convolutional DBNs, 2010"
    ),
    "elu": Kind(
        "x if x > 0 else alpha (exp(x) - 1)",
        _elu,
        lambda alpha: (-alpha, None),
        "Clevert et al., arXiv:1511.07289",
        {"alpha": 1.0},
    ),
    "swish": Kind(
        "x sigmoid(x)",
        lambda x: x * _sigmoid(x),
        lambda: (SWISH_MINIMUM, None),
        "Ramachandran et al., arXiv:1710.05941",
    ),
    "hard_swish": Kind(
        "x min(max(x + 3, 0), 6) / 6",
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda: (HARD_SWISH_MINIMUM, None),
        "Howard et al., arXiv:1905.02244",
    ),
    "clipped_elu": Kind(
        "min(elu(x, alpha), max_value)",
        lambda x, alpha, max_value: np.minimum(_elu(x, alpha), max_value),
        lambda alpha, max_value: (-alpha, max_value),
        "ELU (arXiv:1511.07289) with the ceiling of ReLU6",
        {"alpha": 1.0, "max_value": 6.0},
    ),
}

ALIASES: Mapping[str, str] = {"silu": "swish", "hard_silu": "hard_swish"}


@dataclass(frozen=True)
class Activation:
    """A kind with its parameters, such as `clipped_elu(alpha=0.5)`.

    Raises:
        ConfigError: a kind or a parameter that the catalog does not hold, or a ceiling or alpha that is not positive.
    """

    kind: str
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = ALIASES.get(self.kind, self.kind)
        if kind not in CATALOG:
            raise ConfigError(
                f"Expected an activation of the catalog, got {self.kind!r}.",
                f"Known are: {', '.join(sorted(CATALOG))}.",
            )
        defaults = CATALOG[kind].defaults
        for name, value in self.parameters.items():
            if name not in defaults:
                known = ", ".join(defaults) or "none"
                raise ConfigError(f"Activation {kind!r} has no parameter {name!r}.", f"Its parameters are: {known}.")
            if not value > 0:
                raise ConfigError(
                    f"Expected {name} of {kind!r} to be above 0, got {value}.", f"The default is {defaults[name]}."
                )
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "parameters", {**defaults, **self.parameters})

    def __str__(self) -> str:
        defaults = CATALOG[self.kind].defaults
        changed = [f"{name}={value:g}" for name, value in self.parameters.items() if value != defaults[name]]
        return f"{self.kind}({', '.join(changed)})" if changed else self.kind

    def __hash__(self) -> int:
        return hash((self.kind, tuple(sorted(self.parameters.items()))))

    @property
    def bounds(self) -> Bounds:
        """Lowest and highest value; None on a side that has none."""
        return CATALOG[self.kind].bounds(**self.parameters)

    def __call__(self, x: npt.ArrayLike) -> Array:
        """The NumPy reference: float array of any shape in, the same shape out."""
        return CATALOG[self.kind].reference(np.asarray(x), **self.parameters)


_CALL = re.compile(r"^\s*(?P<kind>\w+)\s*(?:\((?P<arguments>[^()]*)\))?\s*$")


def parse(text: str) -> Activation:
    """The activation that `text` names, such as `relu6` or `clipped_elu(alpha=0.5, max_value=4)`.

    Raises:
        ConfigError: `text` is not of that form, or names what the catalog does not hold.
    """
    match = _CALL.match(text)
    if not match:
        raise ConfigError(
            f"Expected an activation such as 'relu6' or 'clipped_elu(max_value=4)', got {text!r}.",
            f"Known are: {', '.join(sorted(CATALOG))}.",
        )
    parameters: dict[str, float] = {}
    for argument in filter(None, (part.strip() for part in (match["arguments"] or "").split(","))):
        name, _, value = argument.partition("=")
        try:
            parameters[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(
                f"Expected 'parameter=number' in {text!r}, got {argument!r}.",
                "Write it as in clipped_elu(max_value=4).",
            ) from None
    return Activation(match["kind"], parameters)
