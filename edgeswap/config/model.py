"""What a user may say of a model and of what to swap in it, and all that `swap` and `check` may be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from edgeswap.activations.catalog import Activation, parse
from edgeswap.config.settings import Settings, configured, flag, given
from edgeswap.data.resizing import Resize
from edgeswap.errors import ConfigError
from edgeswap.graph.swap_pattern import Rule, parse_rule


class ModelSettings(Settings):
    """What to swap in which model; shared by all commands that read one."""

    model: Any = None
    activation: str | None = None
    swap: tuple[str, ...] = ()
    custom_objects: Any = ()
    trust: bool = False

    @field_validator("activation")
    @classmethod
    def _known_activation(cls, value: str | None) -> str | None:
        return None if value is None else str(parse(value))

    @field_validator("swap")
    @classmethod
    def _well_formed_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_rule(text)
        return value

    @field_validator("custom_objects")
    @classmethod
    def _module_and_name(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        value = value if isinstance(value, (list, tuple)) else (value,)
        for text in value:
            if not isinstance(text, str) or not re.fullmatch(r"[\w.]+:\w+", text):
                raise ConfigError(
                    f"Expected MODULE:NAME for --custom-objects, got {text!r}.", "Write it as in mylayers:MyLayer."
                )
        return tuple(value)

    @property
    def swaps(self) -> bool:
        """Whether anything is to be swapped."""
        return self.activation is not None or bool(self.swap)

    @property
    def hidden_activation(self) -> Activation | None:
        """What `--activation` names."""
        return None if self.activation is None else parse(self.activation)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What `--swap` names, in order."""
        return tuple(parse_rule(text) for text in self.swap)


class SwapConfig(ModelSettings):
    """Everything `swap` may be told: the settings above, the file to read, the one to write, and data to try it on."""

    model: Path
    output: Path
    overwrite: bool = False
    data: str | None = None
    preprocess: str | None = None
    resize: Resize = "pillow"

    @model_validator(mode="after")
    def _can_be_done(self) -> SwapConfig:
        if not self.swaps:
            raise ConfigError(
                "Expected something to swap, got neither --activation nor --swap.",
                "Pass --activation NAME for all hidden activations, or --swap PATTERN=TO for some.",
            )
        if self.output.suffix != ".keras":
            raise ConfigError(
                f"Expected a name that ends in .keras for --output, got {str(self.output)!r}.",
                f"Write it as in -o {self.output.stem or 'swapped'}.keras.",
            )
        return self


class CheckConfig(ModelSettings):
    """Everything `check` may be told: the settings above and where the model is to run.

    `model` is a path, or from Python also a Keras model or the bytes of a `.tflite`.
    """

    model: Any
    target: tuple[str, ...] = ("host",)

    @model_validator(mode="before")
    @classmethod
    def _a_model(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("model") is None:
            raise ConfigError(
                "Expected a model to check, got None.",
                "Give a Keras model or the path of one, or a .tflite by its path or bytes.",
            )
        return values


def swap_config(settings: Mapping[str, Any]) -> SwapConfig:
    """The configuration of `swap` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(SwapConfig, given(settings), flag)


def check_config(settings: Mapping[str, Any]) -> CheckConfig:
    """The configuration of `check` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(CheckConfig, given(settings), flag)
