"""What a user may set for a benchmark of .tflite files: validated, from flags or Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from edgeswap.config.settings import MOST_RUNS, TargetSettings, configured, flag, given, unless_bool
from edgeswap.config.task import TaskSettings
from edgeswap.data.resizing import Resize
from edgeswap.errors import ConfigError
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.names import runs_models


class BenchConfig(TaskSettings, TargetSettings):
    """Everything `bench` may be told; the defaults are the command line's. `data` as in `ExportConfig`.

    The first of `models` is the baseline that the others are compared with.
    """

    models: tuple[Path, ...]
    data: Any = None
    preprocess: str | None = None
    resize: Resize = "pillow"
    runs: int | None = Field(default=None, ge=1, le=MOST_RUNS)
    quick: bool = False
    output: Path | None = None
    overwrite: bool = False

    @field_validator("models", mode="before")
    @classmethod
    def _files(cls, value: Any) -> Any:
        if any(isinstance(model, (bytes, bytearray)) for model in value):
            raise ConfigError(
                "Expected the paths of .tflite files, got the bytes of one.",
                "Write them to a file first: pathlib.Path('model.tflite').write_bytes(...), and give its path.",
            )
        return value

    @field_validator("runs", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any) -> Any:
        return unless_bool(value)

    @model_validator(mode="after")
    def _can_be_done(self) -> BenchConfig:
        if len(self.models) < 2:
            one = f"{str(self.models[0])!r} alone" if self.models else "none"
            raise ConfigError(
                f"Expected two .tflite files or more, the first of which the others are compared with, got {one}.",
                "Write it as in: edgeswap bench model_float32.tflite model_int8.tflite",
            )
        compiled = [f"--delegate {EDGE_TPU}"] if self.delegate == EDGE_TPU else []
        compiled += [f"--target {name}" for name in self.target if not runs_models(name)]
        if len(self.models) > 2 and compiled:
            raise ConfigError(
                f"Expected two .tflite files for {compiled[0]}, which is for the second of them, got "
                f"{len(self.models)}.",
                "Bench one pair at a time.",
            )
        if self.data is None and (self.preprocess is not None or self.target_samples is not None):
            named = "--preprocess" if self.preprocess is not None else "--samples"
            raise ConfigError(f"Expected --data for {named}, got none.", "Pass --data SPEC, or leave it out.")
        told = [name for name in ("task", "metric", "decode") if getattr(self, name)]
        if self.data is None and told:
            raise ConfigError(f"Expected --data for --{told[0]}, got none.", "Pass --data SPEC, or leave it out.")
        if self.output is not None and self.output.suffix != ".json":
            raise ConfigError(
                f"Expected a name that ends in .json for --output, got {str(self.output)!r}.",
                f"Write it as in -o {self.output.stem or 'bench'}.json.",
            )
        return self


def bench_config(settings: Mapping[str, Any]) -> BenchConfig:
    """The configuration of `bench` from `settings`; without `models` there are none.

    Raises:
        ConfigError: a setting nobody knows or of a value that cannot be.
    """
    return configured(
        BenchConfig,
        {"models": (), **given(settings)},
        lambda name: "--samples" if name == "target_samples" else flag(name),
    )
