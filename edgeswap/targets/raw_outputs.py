"""What models gave on a target: the raw outputs that the device script wrote, read as they are needed."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import TargetError
from edgeswap.tflite.interface import inner_scales

LOCAL_HEADER_BYTES = 30


@dataclass(frozen=True, eq=False)
class RawOutput:
    """One output of one model for N samples.

    Attributes:
        name: as the model has it.
        array: (N, *shape), mapped from the file; of the output's dtype, or class numbers without the last axis.
        scale: of the output; 0 where it is not quantized or class numbers stand in its place.
        zero_point: of the output.
        reduced: whether the values are class numbers.
        inner_scale: where the output is float32 and comes from an int8 tensor, the scale of that; else 0.
    """

    name: str
    array: npt.NDArray[Any]
    scale: float
    zero_point: int
    reduced: bool
    inner_scale: float = 0.0

    @property
    def step(self) -> float | None:
        """The real value of one step of what the model computed; None where it computed in float."""
        return self.scale or self.inner_scale or None

    def real(self, rows: slice | npt.NDArray[np.int64] = slice(None)) -> npt.NDArray[np.float32]:
        """The real values of some samples, float32 (n, *shape): (q - zero_point) * scale; all else as it is."""
        values = self.array[rows].astype(np.float32)
        return (values - np.float32(self.zero_point)) * np.float32(self.scale) if self.scale else values


def read_raw_outputs(path: Path, answer: Mapping[str, Any]) -> list[list[RawOutput]]:
    """Of each model its outputs: of the first in its order, of the others in the order of the first.

    Two conversions of one model may order their outputs differently. What belongs together has the same name; where
    the names are not the same, the same shape and its place among those of that shape.

    Args:
        path: the `.npz` that the script wrote with `--outputs`. It must stay as long as the outputs are used.
        answer: the JSON of that run.

    Raises:
        TargetError: the file is not the one of that answer.
    """
    count = answer["data"]["samples"]
    try:
        with zipfile.ZipFile(path) as archive:
            models = [
                [
                    _output(path, archive.getinfo(f"model{which}.output{number}.npy"), described, count)
                    for number, described in enumerate(model["outputs"])
                ]
                for which, model in enumerate(answer["models"])
            ]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise TargetError(
            f"Expected the outputs of {len(answer['models'])} models for {count} samples in {path.name}, got: {error}.",
            "The device script and edgeswap must have the same version.",
        ) from error
    return [_ordered(own, models[0]) for own in models]


def with_steps(outputs: list[RawOutput], model: Path) -> list[RawOutput]:
    """The outputs of a candidate; float32 ones with the step of the int8 tensor that they come from."""
    if all(output.scale or output.array.dtype != np.float32 for output in outputs):
        return outputs
    scales = inner_scales(model.read_bytes())
    return [replace(output, inner_scale=scales.get(output.name, 0.0)) for output in outputs]


def _ordered(outputs: list[RawOutput], like: list[RawOutput]) -> list[RawOutput]:
    """The outputs in the order of those of another model; as they are where neither names nor shapes tell it."""
    names = [output.name for output in like]
    if len(set(names)) == len(names) and {output.name for output in outputs} == set(names):
        return sorted(outputs, key=lambda output: names.index(output.name))
    left, found = list(outputs), []
    for other in like:
        fitting = [place for place, output in enumerate(left) if output.array.shape == other.array.shape]
        if not fitting:
            return outputs
        found.append(left.pop(fitting[0]))
    return [*found, *left]


def _output(path: Path, entry: zipfile.ZipInfo, described: Mapping[str, Any], count: int) -> RawOutput:
    """One member, held against what the answer says of it."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        local = file.read(LOCAL_HEADER_BYTES)  # its last four bytes give the lengths of the two fields that follow
        lengths = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        begin = entry.header_offset + LOCAL_HEADER_BYTES + lengths
        file.seek(begin)
        if entry.compress_type != zipfile.ZIP_STORED or np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{entry.filename} is stored in another way than the script does it")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        start = file.tell()
    whole = tuple(described["shape"])
    one = whole[1:] if whole[:1] == (1,) else whole
    reduced = shape == (count, *one[:-1]) and bool(one) and dtype.kind == "u" and shape != (count, *one)
    if fortran or shape != (count, *(one[:-1] if reduced else one)) or dtype.kind not in "biuf":
        raise ValueError(f"{entry.filename} holds {dtype} of shape {shape} for outputs of shape {one}")
    if start - begin + dtype.itemsize * math.prod(shape) != entry.file_size:
        raise ValueError(f"{entry.filename} has {entry.file_size} bytes for {dtype} of shape {shape}")
    array = np.memmap(path, dtype, "r", start, shape) if math.prod(shape) else np.zeros(shape, dtype)
    scale = 0.0 if reduced else described.get("scale", 0.0)
    return RawOutput(described["name"], array, scale, described.get("zero_point", 0), reduced)
