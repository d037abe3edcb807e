"""A bundle of each kind of model: what its files say of the outputs, that it verifies, and that its own code runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.bundle.manifest import from_json
from edgeswap.bundle.verify import verify
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ModelError
from edgeswap.tasks.task import Shown
from edgeswap.tflite.metadata import read_attached
from tests.app_bundle import adder, pointwise, run_python, split
from tests.bundles import InProcess, bundle_of, contents, dataset, manifest, reals, report, split_bundle

LOGISTIC, SOFTMAX = schema.BuiltinOperator.LOGISTIC, schema.BuiltinOperator.SOFTMAX


def values(*shape: int) -> dict[str, np.ndarray]:
    """Real values over the range of the models' inputs."""
    return {"x": np.random.default_rng(3).uniform(-6, 6, (12, *shape)).astype(np.float32)}


@dataclass(frozen=True)
class Kind:
    """A model, its samples and class names, and what must be said of its outputs."""

    model: Callable[[Path], Path]
    samples: dict[str, np.ndarray]
    shown: Shown
    names: tuple[str, ...] | None
    holds: list[tuple[str, float | None]]
    classes: int | None
    readme: str
    prints: str

    def made(self, folder: Path) -> bytes:
        model = self.model(folder).read_bytes()
        data = dataset(self.samples, self.names)
        return bundle_of(model, report("none"), data, from_name("none"), InProcess(), shown=self.shown)


IMAGES = np.random.default_rng(4).integers(0, 256, (12, 2, 3, 4)).astype(np.float32)
KINDS = {
    "softmax": Kind(
        lambda folder: pointwise(folder, SOFTMAX, (1, 3)),
        values(3),
        "scores",
        ("a", "b", "c"),
        [("probabilities", None)],
        3,
        "Value n, counted from 0, belongs to line n + 1 of `labels.txt` (3 lines).",
        "",
    ),
    "sigmoid": Kind(
        lambda folder: pointwise(folder, LOGISTIC, (1, 1)),
        values(1),
        "scores",
        ("cat", "dog"),
        [("probabilities", 0.5)],
        2,
        "The real value is the probability of the second class. It is the second class above 0.5, else the first.",
        "",
    ),
    "several labels": Kind(
        lambda folder: pointwise(folder, LOGISTIC, (1, 3)),
        values(3),
        "scores of each class",
        None,
        [("probabilities", 0.5)],
        3,
        "they need not add up to 1. A sample has every class above 0.5.",
        "",
    ),
    "regressor": Kind(
        adder, reals(12), "values", ("left", "over"), [("values", None)], None, "They are not classes.", "sum ["
    ),
    "map": Kind(
        lambda folder: pointwise(folder, SOFTMAX, (1, 4, 5, 3)),
        values(4, 5, 3),
        "class map",
        ("sky", "sea", "sand"),
        [("class map", None)],
        3,
        "The class of a pixel is the one with the highest value.",
        "",
    ),
    "mask": Kind(
        lambda folder: pointwise(folder, LOGISTIC, (1, 4, 5, 1)),
        values(4, 5, 1),
        "class map",
        None,
        [("class map", 0.5)],
        2,
        "The pixel is of the second class above 0.5, else of the first.",
        "",
    ),
    "boxes": Kind(
        split,
        {"image": IMAGES},
        "boxes as the model gives them",
        ("car", "bus", "tram"),
        [("boxes as the model gives them", None)] * 2,
        3,
        "The app decodes them.",
        "first half [",
    ),
    "sequence": Kind(
        lambda folder: pointwise(folder, LOGISTIC, (1, 6, 2)),
        values(6, 2),
        "class map",
        None,
        [("class map", None)],
        2,
        "The class of a place is the one with the highest value.",
        "",
    ),
    "image": Kind(adder, reals(12), "image", None, [("image", None)], None, "an image, in the range", "sum ["),
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("kinds")
    return {name: kind.made(folder) for name, kind in KINDS.items()}


@pytest.mark.parametrize("name", KINDS)
def test_its_files_say_what_each_output_holds(bundles: dict[str, bytes], name: str) -> None:
    kind, files, said = KINDS[name], contents(bundles[name]), manifest(bundles[name])
    assert [(output.holds, output.threshold) for output in said.outputs] == kind.holds
    assert said.classes == kind.classes
    labels = kind.names if kind.classes else None
    assert (said.labels, "labels.txt" in files) == (("labels.txt", True) if labels else (None, False))
    assert labels is None or files["labels.txt"].decode().splitlines() == list(labels)
    assert " ".join(kind.readme.split()) in " ".join(files["README.md"].decode().split())
    for vector in said.golden.vectors:
        assert len(vector.outputs) == len(said.outputs)
    if not kind.shown.startswith("scores"):
        for file in ("README.md", "android/Model.kt", "ios/Model.swift", "cpp/model.h", "python/model.py"):
            assert "logit" not in files[file].decode(), file


@pytest.mark.parametrize("name", KINDS)
def test_axis_labels_stand_where_each_has_a_value(bundles: dict[str, bytes], name: str) -> None:
    attached = read_attached(contents(bundles[name])["model.tflite"])
    (graph,) = attached.metadata["subgraph_metadata"]
    outputs = graph["output_tensor_metadata"]
    assert len(outputs) == len(manifest(bundles[name]).outputs)
    on_axis = [output for output in outputs if "associated_files" in output]
    assert len(on_axis) == (1 if name in ("softmax", "map") else 0)
    beside = attached.metadata.get("associated_files", [])
    assert [file["name"] for file in beside] == (["labels.txt"] if name in ("sigmoid", "boxes") else [])


@pytest.mark.parametrize("name", KINDS)
def test_it_verifies_and_its_python_runs(bundles: dict[str, bytes], name: str, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(bundles[name])
    found = verify(tmp_path / "bundle.zip", [InProcess()])
    assert [check for check in found.checks if check.faults] == []
    for file, content in contents(bundles[name]).items():
        (tmp_path / "app" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / file).write_bytes(content)
    samples = [tmp_path / f"app/golden/0.input{index}.f32" for index in range(len(manifest(bundles[name]).inputs))]
    for arguments, said in (((), "pass: 4 golden vectors, outputs off by at most 0"), (samples, KINDS[name].prints)):
        code, told = run_python(tmp_path / "app", *arguments)
        assert code == 0, told
        assert said in told


def test_the_fault_of_a_second_output_is_named(bundles: dict[str, bytes], tmp_path: Path) -> None:
    from tests.bundles import packed_again

    files = contents(bundles["boxes"])
    other = bytearray(files["golden/2.output1.i8"])
    other[3] ^= 1
    (tmp_path / "bundle.zip").write_bytes(packed_again({**files, "golden/2.output1.i8": bytes(other)}))
    last = verify(tmp_path / "bundle.zip", [InProcess()]).checks[-1]
    name = manifest(bundles["boxes"]).outputs[1].name
    assert last.faults == [f"golden vector 2, {name}: off by 1 int8 steps, 0 are allowed"]


@pytest.mark.parametrize(
    ("name", "shown", "says"),
    [
        ("boxes", "scores", "one output of scores for the bundle, got 2 outputs"),
        ("map", "scores", r"shape \(1, classes\) for scores, got \(1, 4, 5, 3\)"),
        ("softmax", "class map", r"shape \(1, \.\.\., classes\) for class map, got \(1, 3\)"),
    ],
)
def test_outputs_that_cannot_be_shown_so_are_refused(tmp_path: Path, name: str, shown: Any, says: str) -> None:
    kind = KINDS[name]
    model, data = kind.model(tmp_path).read_bytes(), dataset(kind.samples, None)
    with pytest.raises(ModelError, match=says):
        bundle_of(model, report("none"), data, from_name("none"), InProcess(), shown=shown)


def test_real_values_are_found_by_the_names_that_their_author_gave_the_layers(tmp_path: Path) -> None:
    files = contents(split_bundle(tmp_path))
    for file, said in (
        ("python/model.py", '"left": dequantize0'),
        ("cpp/model.h", '{"left", Dequantize0'),
        ("android/Model.kt", '"left" to dequantize0'),
        ("ios/Model.swift", '"left": dequantize0'),
        ("README.md", "- left: int8"),
    ):
        assert said in files[file].decode(), file
    assert [output.layer for output in from_json(files["model.json"]).outputs] == ["left", "right"]
