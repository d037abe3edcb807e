"""Networks of every task, exported and measured on this machine, on a board over ssh and on an emulated Pi."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap as api
from edgeswap.bundle.verify import verify
from edgeswap.errors import DataError
from edgeswap.frameworks import keras
from edgeswap.targets.emulator import target as emulator
from edgeswap.targets.emulator.root import BUILD
from edgeswap.targets.emulator.target import Emulator
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Target
from tests.ssh_server import running

pytestmark = pytest.mark.slow

layers = keras.layers
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.uniform(size=(40, 8, 8, 3)).astype(np.float32)
BRIGHT = IMAGES.mean(axis=(1, 2, 3))


def body() -> tuple[Any, Any]:
    inputs = keras.Input((8, 8, 3), name="image")
    return inputs, layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)


def pooled(*heads: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(0)
    inputs, features = body()
    flat = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, [head(flat) for head in heads] if len(heads) > 1 else heads[0](flat))


def mapped(head: Any) -> Any:
    keras.utils.set_random_seed(0)
    inputs, features = body()
    return keras.Model(inputs, head(features))


def boxes(outputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two boxes of fixed places with the model's values as scores."""
    values = outputs[0]
    places = np.broadcast_to(np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32), (len(values), 2, 4))
    return places, 1 / (1 + np.exp(-values[:, :2])), np.zeros((len(values), 2), np.int64)


BOXES = np.tile(np.array([[[0, 0, 0.5, 0.5, 0], [np.nan] * 5]], np.float32), (40, 1, 1))

# Task: the model, its labels, and the settings beside them.
NETWORKS: dict[str, tuple[Callable[[], Any], Any, dict[str, Any]]] = {
    "binary": (
        lambda: pooled(layers.Dense(1, activation="sigmoid", name="yes")),
        (np.median(BRIGHT) < BRIGHT).astype(np.int64),
        {"allow_chance": True},
    ),
    "multilabel": (
        lambda: pooled(layers.Dense(3, activation="sigmoid", name="tags")),
        GENERATOR.integers(0, 2, (40, 3)),
        {},
    ),
    "regression": (lambda: pooled(layers.Dense(2, name="point")), GENERATOR.normal(size=(40, 2)), {}),
    "segmentation": (
        lambda: mapped(layers.Conv2D(3, 1, activation="softmax", name="map")),
        GENERATOR.integers(0, 3, (40, 8, 8)),
        {},
    ),
    "reconstruction": (lambda: mapped(layers.Conv2D(3, 1, name="again")), None, {}),
    "detection": (lambda: pooled(layers.Dense(2, name="found")), BOXES, {"decode": boxes}),
    "outputs": (
        lambda: pooled(layers.Dense(4, name="box"), layers.Dense(3, activation="softmax", name="kind")),
        None,
        {},
    ),
}


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Target]]:
    """This machine, a board that is this machine over OpenSSH's own server, and an emulated Raspberry Pi 5."""
    if lacking := [sentence for sentence in emulator.missing() if BUILD not in sentence]:
        pytest.skip(lacking[0])
    emulator.build()
    path = {"PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"}
    with running(tmp_path_factory.mktemp("server"), environment=path) as server:
        yield [Host(), server.target(), Emulator("pi5", "ai-edge-litert")]


# An emulated Pi takes half a minute for each; the one whose outputs differ most from a classifier's is always run.
ALWAYS = ("outputs",)


@pytest.mark.parametrize(
    "task", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.rare) for name in NETWORKS]
)
def test_a_task_on_every_target(
    task: str, targets: list[Target], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, labels, settings = NETWORKS[task]
    monkeypatch.setattr("edgeswap.commands.proof.open_targets", lambda names, *, keep: targets)
    given = {"data": IMAGES if labels is None else (IMAGES, labels), "preprocess": "none", "method": "ptq"}
    result = api.export(model(), **given, **settings, target_samples=8, output=tmp_path / "out")
    report = result.report
    assert (report.task.name, report.int8.float_tensors, report.passed) == (task, 0, True)
    assert len(report.comparison.outputs) == len(result.float_model.outputs)
    # An untrained network of one layer: half a step an output and little more, 25 dB or better.
    assert all(output.snr_db is None or output.snr_db > 25 for output in report.comparison.outputs)
    here, there, emulated = report.targets
    assert there.int8.quality == here.int8.quality
    # Another processor rounds sums of float32, which int8 is held against, in another order.
    assert emulated.int8.quality.value == (
        None if here.int8.quality.value is None else pytest.approx(here.int8.quality.value, abs=0.1)
    )
    assert emulated.int8.instructions
    found = verify(tmp_path / "out" / "bundle.zip", targets)
    assert [check for check in found.checks if check.faults] == []


# The outputs are trained with labels below; one output without any is in test_pipeline.py.
@pytest.mark.parametrize(
    "task", ["segmentation", *(pytest.param(name, marks=pytest.mark.rare) for name in ("regression", "outputs"))]
)
def test_quantization_aware_training_of_a_task(task: str) -> None:
    model, labels, settings = NETWORKS[task]
    data = IMAGES if labels is None else (IMAGES, labels)
    report = api.export(model(), data=data, preprocess="none", method="qat", epochs=1, **settings).report
    assert (report.task.name, report.method, report.int8.float_tensors) == (task, "qat", 0)
    assert report.float32_finetuned is not None


def test_labels_by_output_in_a_file_train_and_judge_it_by_the_metric_named(tmp_path: Path) -> None:
    kind = (IMAGES[..., 0].mean(axis=(1, 2)) * 3).astype(np.int64) % 3
    box = np.stack([BRIGHT, 1 - BRIGHT, BRIGHT, 1 - BRIGHT], axis=1)
    np.savez(tmp_path / "samples.npz", x=IMAGES, y_kind=kind, y_box=box)
    given = {"data": str(tmp_path / "samples.npz"), "preprocess": "none", "epochs": 2, "allow_chance": True}
    report = api.export(NETWORKS["outputs"][0](), **given, method="qat", metric="kind.top1").report
    quality = report.float32.quality
    assert (report.task.name, quality.metric, report.int8.float_tensors) == ("outputs", "kind.top1", 0)
    assert set(quality.metrics) >= {"kind.top1", "box.mae"}
    control = report.float32_finetuned
    assert control is not None
    # Labels train: without them the float model would be its own teacher, and its control would stay as it is.
    assert control.quality.metrics["box.mae"] < quality.metrics["box.mae"]


def test_labels_of_an_output_that_is_not_there_are_refused() -> None:
    model, _, _ = NETWORKS["outputs"]
    labels = {"knd": GENERATOR.integers(0, 3, 40), "box": np.zeros((40, 4), np.float32)}
    with pytest.raises(DataError, match="the outputs box, kind in the data given, got some of 'knd'"):
        api.export(model(), data=(IMAGES, labels), preprocess="none", method="ptq")
