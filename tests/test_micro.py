"""TensorFlow Lite for Microcontrollers as a target: its table of operators, its figures, and what it lacks."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

pytest.importorskip("tflite_micro")
from edgeswap.compatibility.micro import FLOAT_ONLY, RESOLVERS, judge
from edgeswap.errors import ConfigError, TargetError
from edgeswap.progress import Silent
from edgeswap.targets.measure import measure
from edgeswap.targets.micro.memory import arena_use
from edgeswap.targets.micro.target import Micro
from edgeswap.targets.names import require_usable
from edgeswap.tflite.ends import with_ends
from edgeswap.tflite.interface import interface
from edgeswap.tflite.operator import Operation
from tests import app_bundle, tiny_tflite


def test_each_resolver_is_named_as_tflite_micro_names_it() -> None:
    named = {"CONV_2D": "AddConv2D", "SPACE_TO_BATCH_ND": "AddSpaceToBatchNd", "CUMSUM": "AddCumSum", "ABS": "AddAbs"}
    assert {name: RESOLVERS[name] for name in named} == named
    assert set(RESOLVERS) > FLOAT_ONLY


def test_what_is_missing_or_in_float_alone_takes_the_model_along() -> None:
    assert judge(Operation("CONV_2D")) is None
    for name, says in (("GELU", "does not have it"), ("EXP", "has it in float only")):
        remark = judge(Operation(name))
        assert remark is not None
        assert (remark.scope, remark.severity) == ("model", "blocks")
        assert says in remark.why


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return app_bundle.classifier(tmp_path_factory.mktemp("model"))


@pytest.mark.slow
def test_both_models_run_by_its_kernels_and_tell_their_memory(classifier: Path, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (6, *shape_of(classifier))).astype(np.uint8)
    np.savez(tmp_path / "samples.npz", x=samples)
    (figures,) = measure(
        Micro(), [classifier, classifier], tmp_path / "samples.npz", preprocess="unit", outputs=tmp_path / "out.npz"
    )
    said = figures.result.int8.micro
    assert said is not None
    assert said.arena.total_bytes == said.arena.head_bytes + said.arena.tail_bytes > 0
    assert "AddFullyConnected" in said.operators
    # One dense layer: both round its sum once at the end, ai-edge-litert in float and TFLM in fixed point, so that a
    # value may fall to either side of a half.
    assert said.max_steps is not None
    assert said.max_steps <= 1
    assert figures.result.int8.latency_ms is None
    assert len(figures.candidate[0].array) == 6


@pytest.mark.slow
def test_float32_ends_are_compared_in_the_steps_inside(classifier: Path, tmp_path: Path) -> None:
    floats = tmp_path / "float_ends.tflite"
    floats.write_bytes(with_ends(classifier.read_bytes(), "float32"))
    samples = np.random.default_rng(0).integers(0, 256, (6, *shape_of(classifier))).astype(np.uint8)
    np.savez(tmp_path / "samples.npz", x=samples)
    figures = measure(
        Micro(),
        [classifier, classifier, floats],
        tmp_path / "samples.npz",
        preprocess="unit",
        outputs=tmp_path / "out.npz",
    )
    inside, outside = (each.result.int8.micro for each in figures)
    assert inside is not None
    assert outside is not None
    assert (outside.differing, outside.max_steps) == (inside.differing, inside.max_steps)
    assert outside.max_steps is not None


def shape_of(model: Path) -> tuple[int, ...]:
    (shape,) = interface(model.read_bytes()).inputs.values()
    return shape


@pytest.mark.slow
def test_the_arena_is_what_a_model_of_that_size_takes(classifier: Path) -> None:
    found = arena_use(classifier)
    assert found.head_bytes >= np.prod(shape_of(classifier))  # its input alone


def test_a_missing_operator_is_named(tmp_path: Path) -> None:
    tensors = [tiny_tflite.Spec("x", (1, 4), "int8", 0.1), tiny_tflite.Spec("y", (1, 4), "int8", 0.1)]
    options = (schema.BuiltinOptions.PowOptions, schema.PowOptionsT())
    operator = (schema.BuiltinOperator.POW, 1, *options, (0,))
    model = tiny_tflite.write(tmp_path / "pow.tflite", tensors, operator, (0,), (1,))
    with pytest.raises(TargetError, match="got POW, which tflite-micro"):
        Micro().run({"model0.tflite": model}, ["model0.tflite"], progress=Silent())


def test_it_stands_for_itself_among_targets() -> None:
    require_usable(["micro"], None)
    with pytest.raises(ConfigError, match="no such device"):
        require_usable(["micro"], "edgetpu")


@pytest.mark.slow
def test_an_export_for_it_tells_memory_and_ships_a_program(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    import edgeswap
    from edgeswap.frameworks import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="hard_swish")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="point")(layers.GlobalAveragePooling2D()(x)))
    images = np.random.default_rng(0).uniform(size=(24, 8, 8, 1)).astype(np.float32)
    report = edgeswap.export(
        model, data=images, preprocess="none", method="ptq", target="micro", max_arena=1, output=tmp_path / "out"
    ).report
    assert report.int8.operators["HARD_SWISH"] == 1  # one kernel there, and not three operators as for XNNPACK
    (limit,) = report.limits
    assert (limit.name, limit.passed) == ("max_arena", False)
    assert report.targets[0].int8.micro.arena.total_bytes == limit.value
    with zipfile.ZipFile(tmp_path / "out" / "bundle.zip") as bundle:
        assert "AddHardSwish" in bundle.read("micro/operators.h").decode()
        assert b"kModelBytes" in bundle.read("micro/model_data.h")
    with pytest.raises(ConfigError, match='Expected target="micro" for max_arena='):
        edgeswap.export(model, data=images, preprocess="none", method="ptq", max_arena=1)
