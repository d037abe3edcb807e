"""How results lie in the store: arrays as .npz, records as JSON, models for devices as they are. Nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeswap.quantization.kept import Arrays
from edgeswap.records import Caution, Parity, TrainingRun
from edgeswap.training.state import (
    TrainingState,
    arrays_from_bytes,
    arrays_to_bytes,
    state_from_bytes,
    state_to_bytes,
)

WEIGHTS, RUN, MODEL, FOUND = "weights.npz", "run.json", "model.tflite", "found.json"


class Weights(NamedTuple):
    """What a training gave: the weights in the order of `get_weights`, and how it went."""

    weights: Sequence[npt.NDArray[Any]]
    run: TrainingRun


def weights_to_bytes(value: Weights | None) -> bytes:
    """A training's result for another process; empty where there is none."""
    if value is None:
        return b""
    run = np.frombuffer(value.run.model_dump_json().encode(), np.uint8)
    return arrays_to_bytes([run, *value.weights])


def weights_from_bytes(data: bytes) -> Weights | None:
    """The inverse of `weights_to_bytes`."""
    if not data:
        return None
    run, *weights = arrays_from_bytes(data)
    return Weights(weights, TrainingRun.model_validate_json(run.tobytes()))


class ArraysForm:
    """Arrays in order."""

    def write(self, value: Sequence[npt.NDArray[Any]], folder: Path) -> None:
        """The arrays by their number."""
        named = {str(number): array for number, array in enumerate(value)}
        np.savez(folder / WEIGHTS, **named)  # type: ignore[arg-type]

    def read(self, folder: Path) -> Sequence[npt.NDArray[Any]]:
        """What was written."""
        with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
            return [arrays[str(number)] for number in range(len(arrays.files))]


class NamedArraysForm:
    """Lists of arrays by name."""

    def write(self, value: Arrays, folder: Path) -> None:
        """The arrays in order, and how many belong to each name."""
        ARRAYS.write([array for arrays in value.values() for array in arrays], folder)
        (folder / FOUND).write_text(json.dumps([[name, len(arrays)] for name, arrays in value.items()]))

    def read(self, folder: Path) -> Arrays:
        """What was written."""
        waiting = iter(ARRAYS.read(folder))
        return {
            name: [next(waiting) for _ in range(count)] for name, count in json.loads((folder / FOUND).read_bytes())
        }


class ValuesForm:
    """Plain values by name; JSON gives floats back to the bit."""

    def write(self, value: Mapping[str, Any], folder: Path) -> None:
        """As JSON."""
        (folder / FOUND).write_text(json.dumps(value))

    def read(self, folder: Path) -> Mapping[str, Any]:
        """What was written."""
        found: dict[str, Any] = json.loads((folder / FOUND).read_bytes())
        return found


class WeightsForm:
    """A training's result."""

    def write(self, value: Weights, folder: Path) -> None:
        """Weights by their number, and the record."""
        ARRAYS.write(value.weights, folder)
        (folder / RUN).write_text(value.run.model_dump_json())

    def read(self, folder: Path) -> Weights:
        """What was written."""
        return Weights(ARRAYS.read(folder), TrainingRun.model_validate_json((folder / RUN).read_bytes()))


class TfliteForm:
    """A `.tflite`, as the converter wrote it."""

    def write(self, value: bytes, folder: Path) -> None:
        """The one file."""
        (folder / MODEL).write_bytes(value)

    def read(self, folder: Path) -> bytes:
        """What was written."""
        return (folder / MODEL).read_bytes()


class StateForm:
    """A training's state after an epoch."""

    def write(self, value: TrainingState, folder: Path) -> None:
        """The one file."""
        (folder / WEIGHTS).write_bytes(state_to_bytes(value))

    def read(self, folder: Path) -> TrainingState:
        """What was written."""
        return state_from_bytes((folder / WEIGHTS).read_bytes())


class ParityForm:
    """How near int8 is to its fake-quant model, and a caution where some of it could not be told."""

    def write(self, value: tuple[Parity, Caution | None], folder: Path) -> None:
        """Both as JSON."""
        parity, caution = value
        (folder / FOUND).write_text(json.dumps([parity.model_dump(), caution and caution.model_dump()]))

    def read(self, folder: Path) -> tuple[Parity, Caution | None]:
        """What was written."""
        parity, caution = json.loads((folder / FOUND).read_bytes())
        return Parity(**parity), caution and Caution(**caution)


ARRAYS = ArraysForm()
NAMED_ARRAYS = NamedArraysForm()
PARITY = ParityForm()
STATE = StateForm()
TRAINED = WeightsForm()
TFLITE = TfliteForm()
VALUES = ValuesForm()
