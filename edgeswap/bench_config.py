"""What a user may set for a benchmark of two .tflite files: validated, from flags or Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from edgeswap.errors import ConfigError
from edgeswap.settings import TargetSettings, configured, flag, given, unless_bool


class BenchConfig(TargetSettings):
    """Everything `bench` may be told; the defaults are the command line's. `data` as in `ExportConfig`."""

    baseline: Path
    candidate: Path
    data: Any = None
    preprocess: str | None = None
    runs: int | None = Field(default=None, ge=1)
    quick: bool = False
    output: Path | None = None
    overwrite: bool = False

    @field_validator("runs", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any) -> Any:
        return unless_bool(value)

    @model_validator(mode="after")
    def _can_be_done(self) -> BenchConfig:
        if self.data is None and (self.preprocess is not None or self.target_samples is not None):
            named = "--preprocess" if self.preprocess is not None else "--samples"
            raise ConfigError(f"Expected --data for {named}, got none.", "Pass --data SPEC, or leave it out.")
        if self.output is not None and self.output.suffix != ".json":
            raise ConfigError(
                f"Expected a name that ends in .json for --output, got {str(self.output)!r}.",
                f"Write it as in -o {self.output.stem or 'bench'}.json.",
            )
        return self


def bench_config(settings: Mapping[str, Any]) -> BenchConfig:
    """The configuration of `bench` from `settings`.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(
        BenchConfig, given(settings), lambda name: "--samples" if name == "target_samples" else flag(name)
    )
