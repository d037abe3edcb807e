"""The .tflite files of a `bench`: read, named as the report calls them, and held to take the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.errors import ModelError
from edgeswap.tflite.interface import Interface, interface


@dataclass(frozen=True, eq=False)
class BenchFile:
    """A file, its content, what it takes and gives, and what the report calls it."""

    file: Path
    data: bytes
    ends: Interface
    name: str


def open_files(files: Sequence[Path]) -> list[BenchFile]:
    """The files, all called by their precision; by their names where two share one, and by their places if need be.

    Raises:
        ModelError: one is no .tflite that can be read, or takes other samples or gives other outputs than the first.
    """
    contents = [_content(file) for file in files]
    ends = [interface(data) for data in contents]
    names = [found.precision.replace("_", " ") for found in ends]
    for spelled in ([file.name for file in files], [f"{place + 1}: {file.name}" for place, file in enumerate(files)]):
        names = spelled if len(set(names)) < len(names) else names
    opened = [BenchFile(*each) for each in zip(files, contents, ends, names, strict=True)]
    for other in opened[1:]:
        _require_comparable(opened[0], other)
    return opened


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise ModelError(f"Expected a .tflite file, but {str(file)!r} is not there.", "Check the path.")
    if file.suffix in (".keras", ".h5"):
        raise ModelError(
            f"Expected a .tflite file, got {str(file)!r}, a Keras model.", "Make the two of it with edgeswap export."
        )
    return file.read_bytes()


def _require_comparable(baseline: BenchFile, candidate: BenchFile) -> None:
    """Refuse two models that do not take the same samples, or give other outputs."""
    first, second = (repr(str(model.file)) for model in (baseline, candidate))
    if not _matched(baseline.ends.inputs, candidate.ends.inputs):
        raise ModelError(
            f"Expected two models with the same inputs, got {_shapes(baseline.ends.inputs)} in {first} and "
            f"{_shapes(candidate.ends.inputs)} in {second}.",
            "Convert both from one Keras model.",
        )
    if baseline.ends.outputs != candidate.ends.outputs:
        raise ModelError(
            f"Expected two models with the same outputs, got {_listed(baseline.ends.outputs)} in {first} and "
            f"{_listed(candidate.ends.outputs)} in {second}.",
            "Convert both from one Keras model.",
        )


def _matched(baseline: Mapping[str, tuple[int, ...]], candidate: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether samples for the one fit the other: by name, by shape or in order, as the device script matches them."""
    if set(baseline) == set(candidate):
        return dict(baseline) == dict(candidate)
    first, second = list(baseline.values()), list(candidate.values())
    return first == second or (set(first) == set(second) and len({*first}) == len(first) == len(second))


def _shapes(inputs: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in inputs.items())


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))
