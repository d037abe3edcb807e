"""An activation: a kind of the catalog with its parameters, as a value that can be written, compared and computed.

It is written like a call: `clipped_elu(alpha=0.5, max_value=4)`; what is left out has its default. No framework.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.activations.functions import Array
from edgeswap.activations.kinds import (
    ALIASES,
    CATALOG,
    FRAMEWORK_FUNCTIONS,
    HARD_SWISH_MINIMUM,
    LIMITS,
    NAMED,
    SWISH_MINIMUM,
    Bounds,
    Kind,
    Value,
)
from edgeswap.errors import ConfigError

__all__ = [
    "ALIASES",
    "CATALOG",
    "FRAMEWORK_FUNCTIONS",
    "HARD_SWISH_MINIMUM",
    "NAMED",
    "SWISH_MINIMUM",
    "Activation",
    "Bounds",
    "Kind",
    "Value",
    "parse",
]

_INT8_STEPS = 255  # between -128 and 127
_SWITCH = {"true": True, "false": False}
# Parameters at which a kind is another one.
_PLAIN = {
    "relu_n": "relu6",  # 6 is its default
    "elu(alpha=0)": "relu",
    "leaky_relu(negative_slope=0)": "relu",
    "leaky_relu(negative_slope=1)": "linear",
}


@dataclass(frozen=True)
class Activation:
    """A kind with its parameters, such as `clipped_elu(alpha=0.5)`; aliases become the kind they stand for.

    Of a parameter that a layer learns, this is the value that training starts from.

    Raises:
        ConfigError: a kind or a parameter that the catalog does not hold, or a value that cannot be meant.
    """

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind, named = NAMED.get(self.kind, (ALIASES.get(self.kind, self.kind), {}))
        if kind not in CATALOG:
            raise ConfigError(
                f"Expected an activation of the catalog, got {self.kind!r}.",
                f"Known are: {', '.join(sorted({*CATALOG, *NAMED}))}.",
            )
        defaults = CATALOG[kind].defaults
        given = {name: _checked(kind, name, value) for name, value in {**named, **self.parameters}.items()}
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "parameters", {**defaults, **given})

    def __str__(self) -> str:
        defaults = CATALOG[self.kind].defaults
        changed = [f"{name}={_text(value)}" for name, value in self.parameters.items() if value != defaults[name]]
        return f"{self.kind}({', '.join(changed)})" if changed else self.kind

    def __hash__(self) -> int:
        return hash((self.kind, tuple(sorted(self.parameters.items()))))

    def __call__(self, x: npt.ArrayLike) -> Array:
        """The function in NumPy: numbers of any shape in, the same shape out; float32 stays float32."""
        return np.asarray(CATALOG[self.kind].function(_floats(x), **self.parameters))

    def derivative(self, x: npt.ArrayLike) -> Array:
        """Its slope in NumPy, likewise; at a kink the slope on one of its sides."""
        return np.asarray(CATALOG[self.kind].derivative(_floats(x), **self.parameters))

    @property
    def bounds(self) -> Bounds:
        """Greatest lower and least upper bound of its values; None on a side that has none or that is learned."""
        return CATALOG[self.kind].bounds(**self.parameters)

    @property
    def attained(self) -> tuple[bool, bool]:
        """Whether each of the bounds is a value of the function, rather than one it only comes near to."""
        low, high = self.bounds
        asymptotes = CATALOG[self.kind].asymptotes(**self.parameters)
        return low is not None and low not in asymptotes, high is not None and high not in asymptotes

    @property
    def int8_step(self) -> float | None:
        """The scale of an int8 tensor that holds its values: range / 255; None where a side has no bound."""
        low, high = self.bounds
        return None if low is None or high is None else (high - low) / _INT8_STEPS

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the parameters that are weights of its layer, in the order of `Layer.weights`."""
        switch = self.parameters.get("learn_beta", True)
        return CATALOG[self.kind].learned if switch else ()

    def initial_weights(self, *, channels: int = 1, rank: int = 4) -> tuple[npt.NDArray[np.float32], ...]:
        """The weights that a layer of it starts with, float32, in the order of `learned`.

        Args:
            channels: size of the last axis of what the layer is given.
            rank: number of its axes, batch included.

        Returns:
            For each learned parameter an array of shape (), or, where each channel has its own, (1, ..., channels) of
            `rank` - 1 axes, as the Keras layer PReLU has it with every axis but the last shared.
        """
        shape = (1,) * (rank - 2) + (channels,) if CATALOG[self.kind].per_channel else ()
        return tuple(np.full(shape, self.parameters[name], np.float32) for name in self.learned)

    def simplified(self, weights: Sequence[npt.ArrayLike] = ()) -> Activation:
        """The plainest activation that is the same function, such as relu6 for `clipped_elu(min_value=0)`.

        Args:
            weights: what its layer has learned, in the order of `learned`; it becomes constant. Without them a learned
                activation stays learned, and so does one with different values for different channels.

        Raises:
            ConfigError: a learned value that the catalog does not allow, such as a ceiling that is not above 0.
        """
        now = self._with_constants(weights) if weights else self
        match now.kind, now.parameters:
            case "clipped_elu", {"alpha": alpha, "max_value": ceiling, "min_value": floor}:
                if alpha == 0 or floor == 0:
                    return Activation("relu6") if ceiling == 6 else Activation("relu_n", {"max_value": ceiling})
                if floor is not None and floor <= -alpha:
                    return Activation("clipped_elu", {"alpha": alpha, "max_value": ceiling})
        plain = _PLAIN.get(str(now))
        return now if plain is None else Activation(plain)

    def _with_constants(self, weights: Sequence[npt.ArrayLike]) -> Activation:
        """Itself with what was learned as constants, where one number says it."""
        if len(weights) != len(self.learned):
            expected = ", ".join(self.learned) or "no parameter"
            raise ConfigError(
                f"Expected learned values for {expected} of {self}, got {len(weights)} arrays.",
                "Give those of its layer.",
            )
        values = {name: np.unique(np.asarray(array)) for name, array in zip(self.learned, weights, strict=True)}
        if any(len(found) > 1 for found in values.values()):
            return self
        constants = {name: float(found[0]) for name, found in values.items()}
        match self.kind:
            case "pact":
                return Activation("relu_n", constants)
            case "prelu" if constants["negative_slope"] >= 0:
                return Activation("leaky_relu", constants)
            case "swish":
                return Activation("swish", {**self.parameters, **constants, "learn_beta": False})
        return Activation(self.kind, {**self.parameters, **constants})


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
            f"Known are: {', '.join(sorted({*CATALOG, *NAMED}))}.",
        )
    parameters: dict[str, Value] = {}
    for argument in filter(None, (part.strip() for part in (match["arguments"] or "").split(","))):
        name, _, value = (part.strip() for part in argument.partition("="))
        if name in parameters:
            raise ConfigError(f"Expected each parameter once in {text!r}, got {name} twice.", "Leave one out.")
        try:
            parameters[name] = _SWITCH[value] if value in _SWITCH else float(value)
        except ValueError:
            raise ConfigError(
                f"Expected 'parameter=number' in {text!r}, got {argument!r}.",
                "Write it as in clipped_elu(max_value=4).",
            ) from None
    return Activation(match["kind"], parameters)


def _checked(kind: str, name: str, value: Any) -> Value:
    """A parameter's value as the catalog keeps it."""
    row = CATALOG[kind]
    if name not in row.defaults:
        known = ", ".join(row.defaults) or "none"
        raise ConfigError(f"Activation {kind!r} has no parameter {name!r}.", f"Its parameters are: {known}.")
    default = row.defaults[name]
    remedy = f"The default is {_text(default)}."
    if isinstance(default, bool):
        if value not in (True, False):
            raise ConfigError(f"Expected {name} of {kind!r} to be true or false, got {value!r}.", remedy)
        return bool(value)
    if value is None and default is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        raise ConfigError(f"Expected {name} of {kind!r} to be a finite number, got {value!r}.", remedy)
    limit = row.limits.get(name)
    if limit is not None and not LIMITS[limit](float(value)):
        raise ConfigError(f"Expected {name} of {kind!r} to be {limit}, got {value:g}.", remedy)
    # Model files hold float32: 0.3 comes back as 0.30000001192092896, which is 0.3 again in any float32 model.
    single = np.float32(value)
    number = float(str(single)) if float(single) == float(value) else float(value)
    return number + 0.0  # never -0.0, which would be written otherwise than it compares


def _text(value: Value) -> str:
    """A value as `parse` reads it, in as few digits as keep it."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _floats(x: npt.ArrayLike) -> Array:
    array = np.asarray(x)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
