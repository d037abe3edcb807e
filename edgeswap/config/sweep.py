"""What a user may set for a sweep: the settings of an export, some of them with several values."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.config.export import export_config
from edgeswap.errors import ConfigError, EdgeswapError

LEFT_OUT = "-"
# Settings that may have several values, in the order of a candidate's name.
AXES = ("activation", "swap", "method", "precision", "ranges", "weight_scales", "dense_scales")
# Of these the float part of a run is made, which candidates have in common.
FLOAT_AXES = ("activation", "swap")
MOST_CANDIDATES = 200
MOST_COMBINATIONS = 10_000  # that --trials may choose of: each is checked
# What changes no operator of the int8 file, only values.
VALUE_AXES = ("method", "ranges")


@dataclass(frozen=True)
class Planned:
    """One combination.

    Attributes:
        name: of its folder, such as `relu6-qat`.
        varied: setting to the value as it was written, `-` where it is left out.
        settings: of the export, by name.
        problem: why this combination cannot be; None where it can.
    """

    name: str
    varied: Mapping[str, str]
    settings: Mapping[str, Any]
    problem: str | None = None

    @property
    def float_part(self) -> tuple[str, ...]:
        """What decides the float model that it begins with."""
        return tuple(self.varied.get(axis, LEFT_OUT) for axis in FLOAT_AXES)

    @property
    def graph_part(self) -> tuple[str, ...]:
        """What decides the operators of its file."""
        return tuple(value for axis, value in self.varied.items() if axis not in VALUE_AXES)

    @property
    def trains(self) -> bool:
        """Whether it trains, or may train, with fake-quant."""
        precision = self.settings.get("precision", "int8")
        return bool(self.settings.get("method", "qat") != "ptq" and precision == "int8")


def values_of(axis: str, text: str) -> list[str]:
    """The values of one axis: `relu6,clipped_elu(alpha=1,max_value=6)` are two.

    Raises:
        ConfigError: a value is empty or named twice.
    """
    found = [part.strip() for part in re.split(r",(?![^()]*\))", text)]
    if not all(found) or len(set(found)) != len(found):
        raise ConfigError(
            f"Expected values separated by commas for --{axis.replace('_', '-')}, each once, got {text!r}.",
            f"Write {LEFT_OUT} for a candidate without it.",
        )
    return found


def plan(
    axes: Mapping[str, Sequence[str]],
    settings: Mapping[str, Any],
    folder: Path | None = None,
    *,
    trials: int | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> list[Planned]:
    """Every combination, those of one float model together.

    Args:
        axes: setting to its values; a value of `swap` is a list of swaps separated by commas.
        settings: of every export, as on the command line.
        folder: as for `export_config`.
        trials: how many of them are to be tried; None tries all.
        defaults: as for `export_config`.

    Raises:
        ConfigError: there are too many, or not one of them can be.
    """
    named = [axis for axis in AXES if axis in axes]
    count = 1
    for axis in named:
        count *= len(axes[axis])
    if count > (MOST_CANDIDATES if trials is None else MOST_COMBINATIONS):
        raise ConfigError(
            f"Expected at most {MOST_CANDIDATES if trials is None else MOST_COMBINATIONS:,} candidates, got {count:,}.",
            f"Pass --trials N to try some of them, {MOST_CANDIDATES} at most, or leave out values."
            if trials is None
            else "Leave out values, or sweep in two parts.",
        )
    planned: list[Planned] = []
    names: set[str] = set()
    refused: EdgeswapError | None = None
    for combination in itertools.product(*(axes[axis] for axis in named)):
        varied = dict(zip(named, combination, strict=True))
        given = {**settings, **{axis: _value(axis, text) for axis, text in varied.items() if text != LEFT_OUT}}
        name = _name(combination, names)
        try:
            config = export_config(given, folder, defaults=defaults)
            if config.strategy == "multiworker":
                raise ConfigError(
                    "Expected one machine for each export of a sweep, got --strategy multiworker.",
                    "Pass --strategy mirrored, or --ray to have exports on many machines.",
                )
            if not config.measure:
                raise ConfigError(
                    "Expected --measure for a sweep, which compares figures, got --no-measure.", "Leave it out."
                )
            planned.append(Planned(name, varied, given))
        except EdgeswapError as error:
            refused = refused or error
            planned.append(Planned(name, varied, given, f"{error.problem} {error.remedy}"))
    if refused is not None and all(one.problem for one in planned):
        raise refused
    return planned


def _value(axis: str, text: str) -> Any:
    return tuple(text.split("+")) if axis == "swap" else text


def _name(combination: Sequence[str], taken: set[str]) -> str:
    """A folder's name that no other candidate has."""
    plain = "_".join(re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "none" for text in combination) or "candidate"
    numbered = (f"{plain}_{number}" for number in itertools.count(2))
    name = next(name for name in itertools.chain([plain], numbered) if name not in taken)
    taken.add(name)
    return name
