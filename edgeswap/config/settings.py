"""What settings of every command have in common: how they are checked, and where a run measures."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edgeswap.data.mean_std import is_mean_std
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ConfigError
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.micro.installed import MICRO
from edgeswap.targets.names import OWN_DELEGATES, require_compiled_model, require_usable

Configuration = TypeVar("Configuration", bound=BaseModel)
MOST = 1_000_000  # epochs or samples: a larger number is a slip, and would be found out after days
MOST_RUNS = 1_000_000_000  # one may take a microsecond
MOST_THREADS = 1024


class Settings(BaseModel):
    """What holds for the settings of every command."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)

    @field_validator("swap", "target", mode="before", check_fields=False)
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("preprocess", check_fields=False)
    @classmethod
    def _known_preprocess(cls, value: str | None) -> str | None:
        if value is not None and (
            ":" not in value or is_mean_std(value)
        ):  # what a user's own module imports may take seconds
            from_name(value)
        return value


class TargetSettings(Settings):
    """Where to measure and how; shared by all commands that do."""

    target: tuple[str, ...] = ("host",)
    target_samples: int | None = Field(default=None, ge=1, le=MOST)
    threads: int = Field(default=1, ge=1, le=MOST_THREADS)
    api: Literal["interpreter", "compiled"] = "interpreter"
    delegate: str | None = None
    require_delegate: bool = False
    keep: bool = False

    @field_validator("target_samples", "threads", mode="before")
    @classmethod
    def _true_counts_nothing(cls, value: Any) -> Any:
        return unless_bool(value)

    @model_validator(mode="after")
    def _usable_targets(self) -> TargetSettings:
        require_usable(self.target, self.delegate)
        if self.api == "compiled":
            require_compiled_model(self.target, self.delegate)
        without = [f"--target {name}" for name in self.target if name == MICRO]
        without += ["--delegate none"] if self.delegate == "none" else []
        if self.require_delegate and without:
            raise ConfigError(
                f"Expected a delegate for --require-delegate, got {without[0]}, which has none.",
                "Leave out one of the two.",
            )
        return self

    @property
    def library(self) -> str | None:
        """The file of an external delegate; None for those that edgeswap and the runtimes know by name."""
        return None if self.delegate in (None, EDGE_TPU, *OWN_DELEGATES) else self.delegate


def unless_bool(value: Any) -> Any:
    """The value, but a text for what Python takes for the numbers 0 and 1 and nobody means so."""
    return repr(value) if isinstance(value, bool) else value


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out: None, or an option that may be given several times and never was."""
    return {
        key: value for key, value in settings.items() if not (value is None or (isinstance(value, tuple) and not value))
    }


def configured(config: type[Configuration], values: Mapping[str, Any], where: Callable[[str], str]) -> Configuration:
    """The settings of one command.

    Args:
        config: of which command.
        values: by name.
        where: the name of a setting to how the user wrote it, for errors.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    try:
        return config(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(config, first, where(str(first["loc"][0]))) from error


def _refused(config: type[BaseModel], error: Any, where: str) -> ConfigError:
    """What is wrong with a setting.

    Args:
        config: the settings it was given for.
        error: the first that pydantic lists.
        where: what the user wrote it as.
    """
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        known = [_dashed(field) for field in config.model_fields]
        close = difflib.get_close_matches(_dashed(name), known, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known settings: {', '.join(known)}."
        given_name, *file = where.removeprefix("--").split(" ", 1)
        return ConfigError(f"Unknown setting {' '.join([repr(given_name), *file])}.", hint)
    bounds = {key: _bound(value) for key, value in error.get("ctx", {}).items()}
    wanted = _WANTED.get(error["type"], "a valid value").format(**bounds)
    command = config.__name__.removesuffix("Config").lower()
    got = re.sub(r"\s+", " ", repr(error["input"]))[:80]
    return ConfigError(
        f"Expected {wanted} for {where}, got {got}.",
        f"See: edgeswap {command} --help",
    )


def _bound(value: Any) -> Any:
    """A number as a person writes it: 1,000,000."""
    if isinstance(value, (int, float)):
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return value


# What pydantic calls each kind of error, and what was expected then.
_WANTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "a number of at least {ge}",
    "greater_than": "a number above {gt}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
    "string_type": "a text",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "path_type": "a path",
    "tuple_type": "a list",
}


def flag(field: str) -> str:
    """How a setting is written on the command line."""
    return f"--{_dashed(field)}"


def _dashed(field: str) -> str:
    return field.replace("_", "-")
