"""What all records have: frozen, an unknown key is an error, and numbers in place of formatted text."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

CandidatePrecision = Literal["int8", "int16x8", "float16"]
Io = Literal["int8", "uint8", "float32"]
Unit = Literal["share", "label", "dB", "none"]
Precision = Literal["float32", "float16", "dynamic_range", "int8", "int16x8"]


class Record(BaseModel):
    """Base of all records: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _can_be_written(cls, value: Any) -> Any:
        r"""JSON cannot hold the surrogates that Python uses for names that are not UTF-8: they become \\xe9."""
        if isinstance(value, list):
            return [cls._can_be_written(item) for item in value]
        return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
