"""What a user may set for an export: validated, from flags, edgeswap.toml or Python."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edgeswap.activations.catalog import Activation, parse
from edgeswap.errors import ConfigError
from edgeswap.swap import Rule, parse_rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TARGETS = ("host",)
EXAMPLE_ACTIVATION = "relu6"


class ExportConfig(BaseModel):
    """Everything `export` may be told; the defaults are the command line's.

    `model`, `data`, `test_data` and `calibration` are texts as on the command line, or from Python also objects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    model: Any = None
    data: Any = None
    test_data: Any = None
    calibration: Any = None
    preprocess: str | None = None
    labels: Path | None = None
    activation: str | None = None
    swap: tuple[str, ...] = ()
    recover_epochs: int = Field(default=3, ge=0)
    method: Literal["ptq", "qat"] = "qat"
    epochs: int = Field(default=3, ge=1)
    max_drop: float | None = Field(default=None, ge=0)
    max_latency_ms: float | None = Field(default=None, gt=0)
    max_size: int | None = Field(default=None, gt=0)
    target: tuple[str, ...] = ("host",)
    target_samples: int | None = Field(default=None, ge=1)
    trust: bool = False
    seed: int = Field(default=0, ge=0, lt=2**31)
    output: Path = Path("out")
    overwrite: bool = False

    @model_validator(mode="before")
    @classmethod
    def _example(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Without a model the digits example shows every stage, and so needs a swap."""
        swaps = values.get("activation") or values.get("swap")
        return values if values.get("model") is not None or swaps else {**values, "activation": EXAMPLE_ACTIVATION}

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

    @field_validator("target")
    @classmethod
    def _known_targets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for target in value:
            if target not in TARGETS:
                raise ConfigError(
                    f"Expected a target that edgeswap has, got {target!r}.", f"Known: {', '.join(TARGETS)}."
                )
        if not value or len(set(value)) != len(value):
            raise ConfigError(f"Expected each target once, got {list(value)}.", "Name every --target one time.")
        return value

    @model_validator(mode="after")
    def _has_data(self) -> ExportConfig:
        if self.model is not None and self.data is None and (self.calibration is None or self.test_data is None):
            raise ConfigError(
                "Expected data for a model of your own, got none: calibration and the figures need samples.",
                "Pass --data SPEC (a folder of images, an .npz, …), or both --calibration and --test-data.",
            )
        if (
            self.data is None
            and self.model is not None
            and (self.method == "qat" or (self.swaps and self.recover_epochs))
        ):
            raise ConfigError(
                "Expected --data to fine-tune on, got none.",
                "Pass --data SPEC, or --method ptq and --recover-epochs 0 to train nothing.",
            )
        return self

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


def export_config(settings: Mapping[str, Any], file: Path | None = None) -> ExportConfig:
    """The configuration from `settings` (flags or keywords), and from the `[export]` table of a TOML `file` below them.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be, or a file that is no TOML.
    """
    given = {key: value for key, value in settings.items() if value is not None and value != ()}
    try:
        return ExportConfig(**{**_from_file(file), **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1]).replace("_", "-")
        got = re.sub(r"\s+", " ", repr(first["input"]))[:80]
        raise ConfigError(
            f"Expected a valid --{name}, got {got}: {first['msg']}.", "See: edgeswap export --help"
        ) from error


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None or not file.exists():
        return {}
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("export", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"Expected TOML in {file}, got: {error}.", "Mend that line.") from error
    return {key.replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in table.items()}
