"""A benchmark's long work in cells: each is a file, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def cell(folder: Path, name: str, recipe: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays of the cell `name`: from its file in `folder`, or made and written to it.

    Args:
        folder: created if need be.
        name: for people; part of the file's name.
        recipe: all that its figures hang on, as JSON takes it, so that a change makes a new cell.
        make: called where there is no such file yet.
    """
    fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    file = folder / f"{name}-{fingerprint}.npz"
    if not file.exists():
        print(f"{name} ...", flush=True)
        arrays = make()
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished.npz")
        np.savez(unfinished, **arrays)  # type: ignore[arg-type]
        unfinished.replace(file)
        print(f"{name}: done", flush=True)
    with np.load(file) as stored:
        return {key: stored[key] for key in stored.files}


def with_weights(arrays: Arrays, weights: list[npt.NDArray[Any]]) -> Arrays:
    """`arrays` and, beside them, the weights of a network in the order of `get_weights()`."""
    return {**arrays, **{f"weights_{index:03}": array for index, array in enumerate(weights)}}


def weights_of(arrays: Arrays) -> list[npt.NDArray[Any]]:
    """The weights that `with_weights` put there."""
    return [arrays[key] for key in sorted(arrays) if key.startswith("weights_")]
