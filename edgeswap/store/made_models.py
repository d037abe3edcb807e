"""All that measuring needs of a run's models, as the store keeps it: files, scores and what the report says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edgeswap.evaluation.scoring import Scores

_TOLD, _SCORES = "told.json", "scores.npz"
_FILES = ("baseline", "candidate", "dynamic")
_DECISIONS = "decisions"


class MadeModels(NamedTuple):
    """The models of a run.

    Attributes:
        told: JSON of what the report says of them.
        scores: on the test samples, by model.
        tflite: `baseline`, `candidate` and, where there is one, `dynamic`, as the converter made them.
    """

    told: str
    scores: Mapping[str, Scores]
    tflite: Mapping[str, bytes]


class MadeModelsForm:
    """JSON, an .npz and models for devices."""

    def write(self, value: MadeModels, folder: Path) -> None:
        """The files."""
        (folder / _TOLD).write_text(value.told)
        arrays: dict[str, Any] = {}
        for model, scores in value.scores.items():
            arrays[f"{model}/samples"] = np.array(scores.samples)
            arrays |= {f"{model}/part/{name}": part for name, part in scores.parts.items()}
            if scores.decisions is not None:
                arrays[f"{model}/{_DECISIONS}"] = scores.decisions
        np.savez(folder / _SCORES, **arrays)
        for name, data in value.tflite.items():
            (folder / f"{name}.tflite").write_bytes(data)

    def read(self, folder: Path) -> MadeModels:
        """What was written."""
        with np.load(folder / _SCORES, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        scores = {}
        for model in [name.removesuffix("/samples") for name in arrays if name.endswith("/samples")]:
            start = f"{model}/part/"
            parts = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            decisions = arrays.get(f"{model}/{_DECISIONS}")
            scores[model] = Scores(int(arrays[f"{model}/samples"]), parts, decisions)
        tflite = {
            name: (folder / f"{name}.tflite").read_bytes() for name in _FILES if (folder / f"{name}.tflite").is_file()
        }
        return MadeModels((folder / _TOLD).read_text(), scores, tflite)


MODELS = MadeModelsForm()


def can_be_kept(scores: Mapping[str, Scores]) -> bool:
    """Whether no part is an array of Python objects, which only a pickle could hold."""
    return not any(part.dtype.hasobject for each in scores.values() for part in each.parts.values())
