"""What the report says of a .tflite file."""

from __future__ import annotations

from typing import Literal

from edgeswap.records import Int8ModelFile, ModelFile, Quality
from edgeswap.tflite.dense import dense_weights
from edgeswap.tflite.flatbuffer import operators, read
from edgeswap.tflite.full_integer import verify


def model_file(name: str, data: bytes, quality: Quality | None) -> ModelFile:
    """The baseline's record.

    Args:
        name: of the file.
        data: its content.
        quality: as measured; None where only latency was.
    """
    return ModelFile(file=name, size_bytes=len(data), operators=operators(read(data)), quality=quality)


def candidate_file(name: str, data: bytes, quality: Quality | None) -> Int8ModelFile:
    """The candidate's record, with what in it is still float; arguments as of `model_file`."""
    verdict = verify(data)
    return Int8ModelFile(
        **model_file(name, data, quality).model_dump(),
        io=verdict.io,
        float_tensors=len(verdict.float_inside),
        float_operators=[str(operator) for operator in verdict.float_operators if not operator.is_end],
        dense_scales=_dense_scales(data),
    )


def _dense_scales(data: bytes) -> Literal["per tensor", "per channel"] | None:
    counts = [
        len(weights.scales) for weights in dense_weights(read(data)) if weights.scales and weights.shape[0] > 1
    ]  # of one unit there is nothing to choose
    return None if not counts else "per channel" if max(counts) > 1 else "per tensor"
