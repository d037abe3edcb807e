"""Layer normalizations in their steps: the same function, and int8 that keeps rows of small variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap
from edgeswap.commands.ladder import easier_to_quantize
from edgeswap.config.export import ExportConfig
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.moments import CLASSES
from edgeswap.graph.read import read
from edgeswap.quantization.layer_normalization import part_layer_normalizations
from edgeswap.tflite.calls import calls
from edgeswap.tflite.flatbuffer import read as read_file

layers = keras.layers
STEPS = ("mean", "centered", "squares", "variance", "inverse")


def norm(x: Any, **options: Any) -> Any:
    return layers.LayerNormalization(name="norm", **options)(x)


def attention(x: Any, **options: Any) -> Any:
    normalized = norm(x)
    return layers.MultiHeadAttention(2, 4, name="attention", **options)(normalized, normalized)


def residual(x: Any) -> Any:
    normalized = norm(x)
    return layers.Add()([normalized, layers.Dense(8, name="reader")(normalized)])


def network(write: Callable[[Any], Any], shape: tuple[int, ...]) -> Any:
    """A network of random weights."""
    given = keras.Input(shape, name="given")
    model = keras.Model(given, write(given))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(size=weight.shape) * 0.5 + 0.3 for weight in model.get_weights()])
    return model


def canonical(write: Callable[[Any], Any], shape: tuple[int, ...]) -> Graph:
    return canonicalize(read(network(write, shape)))


def outputs(graph: Graph, framework: Any, shape: tuple[int, ...]) -> Any:
    samples = np.random.default_rng(1).normal(size=(5, *shape)).astype(np.float32)
    return np.asarray(build(graph, framework)(samples, training=False))


def cross_attention(x: Any) -> Any:
    """The query is made of what is normalized, and so is the key; the value is not."""
    normalized = norm(x)
    return layers.MultiHeadAttention(2, 4, name="attention")(normalized, x, key=normalized)


IN_THE_READER: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "dense": (lambda x: layers.Dense(3, name="reader")(norm(x)), (4, 8)),
    "dense_without_bias": (lambda x: layers.Dense(3, use_bias=False, name="reader")(norm(x)), (8,)),
    "two_readers": (lambda x: layers.Add()([layers.Dense(3)(y := norm(x)), layers.Dense(3)(y)]), (4, 8)),
    "patches": (lambda x: layers.Conv2D(3, 2, strides=2, name="reader")(norm(x, epsilon=0.1)), (4, 4, 8)),
    "conv1d": (lambda x: layers.Conv1D(3, 1, padding="same", name="reader")(norm(x, scale=False)), (4, 8)),
    "attention": (attention, (4, 8)),
    "cross_attention": (cross_attention, (4, 8)),
}
BEHIND_IT: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "padded": (lambda x: layers.Conv2D(3, 3, padding="same", name="reader")(norm(x)), (4, 4, 8)),
    "pooled": (lambda x: layers.GlobalAveragePooling1D()(norm(x, axis=2)), (4, 8)),
    "vector": (lambda x: layers.Activation("relu")(norm(x)), (8,)),
    "output": (lambda x: norm(x, center=False), (4, 8)),
    "residual": (residual, (4, 8)),
}


@pytest.mark.parametrize("framework", [keras, tf_keras])
@pytest.mark.parametrize("name", [*IN_THE_READER, *BEHIND_IT])
def test_the_function_stays(name: str, framework: Any) -> None:
    write, shape = {**IN_THE_READER, **BEHIND_IT}[name]
    graph = canonical(write, shape)
    parted = part_layer_normalizations(graph)
    assert {f"norm/{step}" for step in STEPS} < set(parted.layers)
    assert ("norm/product" in parted.layers) is (name in BEHIND_IT)
    wanted = outputs(graph, framework, shape)
    # float32's rounding, of sums over eight features
    np.testing.assert_allclose(outputs(parted, framework, shape), wanted, atol=2e-6 * np.abs(wanted).max())


@pytest.mark.filterwarnings("ignore:You passed `rms_scaling")
@pytest.mark.parametrize(
    ("write", "shape"),
    [
        (lambda x: layers.Flatten()(norm(x, axis=(1, 2))), (4, 8)),
        (lambda x: layers.Flatten()(norm(x, axis=1)), (4, 8)),
        (lambda x: layers.Dense(3)(norm(x, rms_scaling=True)), (4, 8)),
        (lambda x: attention(x, use_bias=False), (4, 8)),
        (lambda x: layers.EinsumDense("abc,cd->abd", (4, 3))(norm(x)), (4, 8)),
        (lambda x: (shared := layers.LayerNormalization())(layers.Dense(8)(shared(x))), (4, 8)),
    ],
    ids=["two_axes", "first_axis", "root_mean_square", "attention_without_bias", "einsum", "called_twice"],
)
def test_others_stay_whole(write: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    graph = canonical(write, shape)
    assert part_layer_normalizations(graph) is graph


def test_an_ethos_u_gets_it_whole() -> None:
    graph = canonical(IN_THE_READER["dense"][0], (4, 8))
    samples = [np.zeros((2, 4, 8), np.float32)]
    whole = easier_to_quantize(graph, samples, ExportConfig(target=("ethos-u55-128", "host")))
    assert "norm/mean" not in whole.layers
    assert "norm/mean" in easier_to_quantize(graph, samples, ExportConfig()).layers


def test_training_on_a_row_without_variance_has_a_gradient() -> None:
    root = CLASSES["tf_keras"]["EdgeswapInverseRoot"]()
    with tf.GradientTape() as tape:
        given = tf.Variable([0.0, 4.0])
        found = tape.gradient(root(given, training=True), given).numpy()
    assert np.isfinite(found).all()
    assert found[1] == pytest.approx(-1 / 16)


def rows(seed: int, shape: tuple[int, ...] = (6, 16)) -> Any:
    """Samples whose rows differ twenty-fold in size, as tokens of a transformer do."""
    generator = np.random.default_rng(seed)
    sizes = generator.uniform(0.1, 2.0, (64, *shape[:-1], 1))
    return (generator.normal(size=(64, *shape)) * sizes).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "shape"), [("ptq", (2, 3, 16)), ("qat", (6, 16))])
def test_int8_keeps_rows_of_small_variance(method: Any, shape: tuple[int, ...]) -> None:
    model = network(lambda x: layers.Dense(4)(layers.Flatten()(layers.Dense(8)(norm(x)))), shape)
    train, test, calibration = (rows(seed, shape) for seed in range(3))
    result = edgeswap.export(
        model,
        data=(train, model.predict(train, verbose=0)),
        calibration=calibration,
        test_data=(test, model.predict(test, verbose=0)),
        preprocess="none",
        method=method,
        epochs=1,
        cache=False,
    )
    assert result.report.int8.float_tensors == 0
    assert result.report.left_to_calibration == []
    (output,) = result.report.comparison.outputs
    # The input has 127 steps for its largest row, so the smallest has 7: 29 dB in all. By the converter's operators, in
    # which a square of the smallest row is a tenth of a step, it is 15.
    assert output.snr_db > 25
    made = {call.operation.name: call for call in calls(read_file(result.tflite), ["norm"]) if call.layer == "norm"}
    assert "SQUARED_DIFFERENCE" not in made
    assert {"MEAN", "SUB", "BATCH_MATMUL", "ADD", "RSQRT", "MUL"} <= set(made)
    assert len(made["BATCH_MATMUL"].operation.outputs[0]) <= 4  # TensorFlow Lite for Microcontrollers takes no more


@pytest.mark.slow
def test_a_fake_quant_model_of_it_is_saved_and_loaded(tmp_path: Any) -> None:
    model = network(lambda x: layers.Dense(3)(layers.Flatten()(norm(x))), (6, 16))
    samples = (rows(0), model.predict(rows(0), verbose=0))
    options: dict[str, Any] = {"data": samples, "preprocess": "none", "method": "qat", "epochs": 1, "cache": False}
    result = edgeswap.export(model, output=tmp_path / "out", save_qat=True, measure=False, **options)
    loaded = edgeswap.load_qat(tmp_path / "out" / "model_qat.zip")
    np.testing.assert_array_equal(loaded(rows(1)).numpy(), result.qat_model(rows(1)).numpy())
