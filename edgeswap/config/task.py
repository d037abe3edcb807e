"""What the model is for and what decides, as far as the user says so; shared by `export` and `bench`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator, model_validator

from edgeswap.config.settings import Settings
from edgeswap.errors import ConfigError

TaskName = Literal[
    "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs"
]


class TaskSettings(Settings):
    """The task, the metrics and what makes boxes; functions are `module:function`, or from Python objects."""

    task: TaskName | None = None
    metric: tuple[str | Callable[..., Any], ...] = ()
    decode: str | Callable[..., Any] | None = None

    @field_validator("metric", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return value if isinstance(value, (list, tuple)) else (value,)

    @field_validator("decode", "loss", check_fields=False)
    @classmethod
    def _function(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None or callable(value) or (isinstance(value, str) and re.fullmatch(r"[\w.]+:\w+", value)):
            return value
        raise ConfigError(
            f"Expected MODULE:FUNCTION for --{info.field_name}, got {value!r}.",
            f"Write it as in mymodel:{info.field_name}.",
        )

    @model_validator(mode="after")
    def _decodes_for_detection(self) -> TaskSettings:
        if self.decode is not None and self.task not in (None, "detection"):
            raise ConfigError(
                f"Expected --decode for --task detection, got it for {self.task}.", "Leave out one of the two."
            )
        if self.task == "detection" and self.decode is None:
            raise ConfigError(
                "Expected --decode MODULE:FUNCTION for --task detection: boxes, scores and classes from the outputs.",
                "Write the function, or pass --task outputs to compare the outputs as they are.",
            )
        return self
