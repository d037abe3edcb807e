"""What a user may set for an analysis of what int8 costs: validated, from flags or Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgeswap.config.export import ExportConfig
from edgeswap.config.settings import MOST, configured, flag, given, unless_bool
from edgeswap.config.task import TaskSettings
from edgeswap.data.resizing import Resize
from edgeswap.errors import ConfigError
from edgeswap.quantization.specification import WeightScales


class AnalyzeConfig(TaskSettings):
    """Everything `analyze` may be told; each setting is that of `ExportConfig`, save the number of samples."""

    model: Any
    data: Any = None
    test_data: Any = None
    calibration: Any = None
    preprocess: str | None = None
    resize: Resize = "pillow"
    labels: Path | None = None
    ranges: Literal["auto", "fixed", "observed"] = "auto"
    weight_scales: WeightScales = "per-channel"
    dense_scales: WeightScales | None = None
    samples: int = Field(default=32, ge=1, le=MOST)
    tflite: Path | None = None
    custom_objects: Any = ()
    trust: bool = False
    seed: int = Field(default=0, ge=0, lt=2**31)
    output: Path | None = None
    overwrite: bool = False

    @field_validator("samples", "seed", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any) -> Any:
        return unless_bool(value)

    @model_validator(mode="before")
    @classmethod
    def _a_model(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("model") is None:
            raise ConfigError("Expected a model to analyze, got None.", "Give a Keras model or the path of one.")
        return values

    @model_validator(mode="after")
    def _as_an_export(self) -> AnalyzeConfig:
        _ = self.export
        return self

    @field_validator("tflite")
    @classmethod
    def _a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ConfigError(
                f"Expected a .tflite file for --tflite, but {str(value)!r} is not there.",
                "Give the int8 file that edgeswap export made of the model, or leave --tflite out.",
            )
        return value

    @property
    def export(self) -> ExportConfig:
        """The PTQ export of the same model, as far as an analysis follows it."""
        own = {
            name: getattr(self, name) for name in type(self).model_fields if name not in ("samples", "tflite", "output")
        }
        return ExportConfig(**own, method="ptq", recover_epochs=0, allow_chance=True)


def analyze_config(settings: Mapping[str, Any]) -> AnalyzeConfig:
    """The configuration of `analyze` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(AnalyzeConfig, given(settings), flag)
