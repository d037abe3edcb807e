"""What a user may set for a choice of calibration samples: validated, from flags or Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from edgeswap.config.settings import MOST, Settings, configured, flag, given, unless_bool
from edgeswap.data.calibration import FEWEST
from edgeswap.data.resizing import Resize
from edgeswap.errors import ConfigError


class CalibrateConfig(Settings):
    """Everything `calibrate` may be told."""

    data: Any
    output: Path
    count: int = Field(default=500, ge=FEWEST, le=MOST)
    test_data: Any = None
    model: Any = None
    preprocess: str | None = None
    resize: Resize = "pillow"
    custom_objects: Any = ()
    trust: bool = False
    seed: int = Field(default=0, ge=0, lt=2**31)
    overwrite: bool = False

    @field_validator("count", "seed", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any) -> Any:
        return unless_bool(value)

    @field_validator("output")
    @classmethod
    def _an_npz(cls, value: Path) -> Path:
        if value.suffix != ".npz":
            raise ConfigError(
                f"Expected a name that ends in .npz for --output, got {str(value)!r}.",
                f"Write it as in -o {value.stem or 'calibration'}.npz.",
            )
        return value

    @model_validator(mode="after")
    def _mapped_for_a_model(self) -> CalibrateConfig:
        if self.model is None and self.preprocess is not None:
            raise ConfigError(
                "Expected --model for --preprocess, got none: the samples are written as they are.",
                "Pass --model MODEL, or leave --preprocess out and pass it to edgeswap export.",
            )
        return self

    @property
    def manifest(self) -> Path:
        """The file beside the samples."""
        return self.output.with_suffix(".json")


def calibrate_config(settings: Mapping[str, Any]) -> CalibrateConfig:
    """The configuration of `calibrate` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(CalibrateConfig, given(settings), lambda name: "-n" if name == "count" else flag(name))
