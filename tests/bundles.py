"""What the tests of bundles need: small real models, a report of an export, and bundles packed again after a change."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from deploy import benchmark
from edgeswap import __version__
from edgeswap.bundle.archive import pack
from edgeswap.bundle.make import Credits, make_bundle, make_vectors, sums
from edgeswap.bundle.manifest import MANIFEST, SUMS, Manifest, from_json, to_json
from edgeswap.data.dataset import ArraySamples, Dataset
from edgeswap.data.preprocess import Preprocess, from_name
from edgeswap.progress import Progress
from edgeswap.records import ExportReport
from edgeswap.targets.measure import Target
from edgeswap.tasks.task import Shown
from tests import app_bundle, tiny_tflite
from tests.tiny_tflite import Spec


@dataclass(frozen=True)
class InProcess:
    """The host, but the device script runs in this process, which spares the start of another for each run."""

    name: str = "host"

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        paths = {**files, **(brings or {})}
        return benchmark.run(benchmark.parse([str(paths.get(argument, argument)) for argument in arguments]))


LABELS = ("null", "eins", "zwei", "drei", "vier", "fünf")
CREDITS = Credits("Digits, read | by *one* layer", "Zoë", "Apache-2.0")
NO_CREDITS = Credits()
SHA256 = "0" * 64


def classifier(
    folder: Path, *, shape: tuple[int, ...] = (5, 4, 1), scale: float = 1 / 255, zero_point: int = -128, seed: int = 0
) -> bytes:
    """Six classes of an image."""
    weights = np.random.default_rng(seed).integers(-3, 4, (len(LABELS), int(np.prod(shape))))
    how = {"scale": scale, "zero_point": zero_point}
    return tiny_tflite.classifier(folder / "classifier.tflite", weights, shape, **how).read_bytes()


def adder(folder: Path) -> bytes:
    """Two inputs of real values, of unlike scales."""
    tensors = [
        Spec("left", (1, 4), "int8", 0.05, 3),
        Spec("right", (1, 4), "int8", 0.0125, -7),
        Spec("sum", (1, 4), "int8", 0.0625, 1),
    ]
    options = (schema.BuiltinOptions.AddOptions, schema.AddOptionsT())
    operator = (schema.BuiltinOperator.ADD, 2, *options, (0, 1))
    return tiny_tflite.write(folder / "adder.tflite", tensors, operator, (0, 1), (2,)).read_bytes()


def dataset(arrays: Mapping[str, Any], names: tuple[str, ...] | None) -> Dataset:
    """Test samples."""
    count = len(next(iter(arrays.values())))
    return Dataset("/home/zoe/photos", ArraySamples(dict(arrays)), np.arange(count), None, names)


def pixels(shape: tuple[int, ...], count: int = 30) -> np.ndarray:
    """Random images."""
    return np.random.default_rng(1).integers(0, 256, (count, *shape)).astype(np.uint8)


def reals(count: int = 30) -> dict[str, np.ndarray]:
    """Samples for `adder`, halves of a step among them."""
    generator = np.random.default_rng(2)
    samples = {name: generator.uniform(-4, 4, (count, 4)).astype(np.float32) for name in ("left", "right")}
    samples["left"][0] = np.float32(0.05) * (np.arange(4) + 0.5)
    return samples


def report(preprocess: str = "unit") -> ExportReport:
    """Of an export that was measured on a host, with a time and a path, which no bundle may hold."""
    found = {
        "task": "classification",
        "metric": "top1",
        "value": 0.75,
        "ci95": (0.5, 0.9),
        "unit": "share",
        "higher_is_better": True,
        "samples": 30,
    }
    file = {"file": "model.tflite", "size_bytes": 1000, "operators": {"FULLY_CONNECTED": 1}, "quality": found}
    data = {"source": "/home/zoe/photos", "samples": 30, "sha256": SHA256}
    return ExportReport.model_validate(
        {
            "schema": "edgeswap.report/2",
            "edgeswap": __version__,
            "created": "2026-01-02T03:04:05+00:00",
            "command": ["edgeswap", "export"],
            "method": "ptq",
            "seed": 0,
            "model": {"name": "tiny", "source": "/home/zoe/tiny.keras", "sha256": SHA256},
            "data": {"train": None, "calibration": data, "test": data, "preprocess": preprocess, "resize": None},
            "activations": {"swapped": [{"layer": "a|b", "from": "swish", "to": "relu6"}], "skipped": []},
            "float32": file,
            "int8": {**file, "size_bytes": 300, "float_tensors": 0, "float_operators": []},
            "task": {"name": "classification", "reason": "one softmax output of 3 classes"},
            "comparison": {
                "metric": "top1",
                "unit": "share",
                "drop": 0.0,
                "drop_ci95": (-1.0, 1.0),
                "agreement": 1.0,
                "mcnemar_p": 1.0,
                "size_ratio": 3.3,
            },
            "targets": [],
            "limits": [],
            "passed": True,
        }
    )


def image_bundle(folder: Path, preprocess: str = "unit", names: tuple[str, ...] | None = LABELS, **model: Any) -> bytes:
    """A bundle of `classifier`; the same is made once, since the device script runs for it."""
    key = (preprocess, names, *sorted(model.items()))
    if key not in _MADE:
        _MADE[key] = new_image_bundle(folder, preprocess, names, **model)
    return _MADE[key]


_MADE: dict[Any, bytes] = {}


def bundle_of(
    tflite_model: bytes,
    report: ExportReport,
    test: Dataset,
    preprocess: Preprocess,
    target: Target,
    *,
    shown: Shown = "scores",
    layers: Sequence[str] = (),
    credits: Credits = NO_CREDITS,
) -> bytes:
    """The bundle of a model, its golden vectors made by `target`."""
    vectors = make_vectors(tflite_model, test, preprocess, target, shown=shown, layers=layers)
    return make_bundle(tflite_model, report, test, vectors, shown=shown, credits=credits)


def new_image_bundle(
    folder: Path, preprocess: str = "unit", names: tuple[str, ...] | None = LABELS, **model: Any
) -> bytes:
    """A bundle of `classifier`, made anew."""
    data = dataset({"x": pixels(model.get("shape", (5, 4, 1)))}, names)
    tflite_model = classifier(folder, **model)
    return bundle_of(tflite_model, report(preprocess), data, from_name(preprocess), InProcess(), credits=CREDITS)


def adder_bundle(folder: Path) -> bytes:
    """A bundle of `adder`: several inputs, no labels."""
    return bundle_of(adder(folder), report("none"), dataset(reals(), None), from_name("none"), InProcess())


def split_bundle(folder: Path) -> bytes:
    """A bundle of two outputs."""
    images = {"image": np.random.default_rng(4).integers(0, 256, (12, 2, 3, 4)).astype(np.float32)}
    model = app_bundle.split(folder).read_bytes()
    how: dict[str, Any] = {"shown": "values", "layers": ("left", "right")}
    return bundle_of(model, report("none"), dataset(images, None), from_name("none"), InProcess(), **how)


def contents(bundle: bytes) -> dict[str, bytes]:
    """Its files."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def manifest(bundle: bytes) -> Manifest:
    """Its model.json."""
    return from_json(contents(bundle)[MANIFEST])


def packed_again(files: Mapping[str, bytes], *, keep_sums: bool = False, **changed: Any) -> bytes:
    """A bundle of `files` whose hashes are right; `changed` are fields of model.json. With `keep_sums` they are not."""
    if keep_sums:
        return pack(files)
    inside = {name: content for name, content in files.items() if name not in (MANIFEST, SUMS)}
    digests = {line.split("  ")[1]: line.split("  ")[0] for line in sums(inside).decode().splitlines()}
    said = from_json(files[MANIFEST]).model_copy(update={"files": digests, **changed})
    inside[MANIFEST] = to_json(said)
    return pack({**inside, SUMS: sums(inside)})
