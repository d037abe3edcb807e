"""No range is narrower than runtimes take: a dead branch converts, runs and gives the right outputs."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.frameworks import keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.widths import NARROWEST, narrowest_ranges
from edgeswap.tflite.lower import lower
from edgeswap.training.fit import train
from tests.test_placement import graph
from tests.tflite_models import PLAIN, XNNPACK, run_on_reals

SAMPLES = np.random.default_rng(0).random((40, 8, 8, 3), dtype=np.float32)
LABELS = np.arange(len(SAMPLES)) % 5
FAR_BELOW_ZERO = keras.initializers.Constant(-50.0)
THREE = keras.initializers.Constant(3.0)


def least(model, **widths):
    placement = place(model, input_ranges={"image": (0.0, 1.0)})
    return narrowest_ranges(placement, {"image_range": 1.0, **widths})


def test_one_step_of_input_and_weight_is_at_most_200_of_the_output():
    model = graph(("dense", "Dense", ["image"]), ("relu", "relu", ["dense"]), ("next", "Dense", ["relu"]))
    # `graph` gives dense layers weights of one, that is 127 steps.
    expected = 1.0 / 127 / 200
    assert least(model, relu=0.0, next=0.0) == {
        "image_range": NARROWEST,
        "relu": pytest.approx(expected),
        "next": pytest.approx(max(expected / 127 / 200, NARROWEST)),
    }
    assert least(model, relu=50.8, next=0.0)["next"] == pytest.approx(50.8 / 127 / 200)


def test_the_steps_of_a_product_multiply_and_those_of_a_sum_do_not():
    read = ["a", "b"]
    calls = [
        ("a", "sigmoid", ["image"]),
        ("b", "swish", ["image"]),
        ("sum", "Add", read),
        ("product", "Multiply", read),
    ]
    found = least(graph(*calls, outputs=["sum", "product"]), a=1.0, b=25.5, sum=0.0, product=0.0)
    assert found["sum"] == pytest.approx(25.5 / 200)
    assert found["product"] == pytest.approx(25.5 / 255 / 200)


def test_weights_that_are_not_quantized_leave_the_steps_as_they_are():
    model = graph(("own", "EinsumDense", ["image"]))
    model = model.with_layers({"own": replace(model.layers["own"], weights=(np.full((5, 5), 3.0, np.float32),))})
    assert least(model, own=0.0)["own"] == pytest.approx(1.0 / 200)


def test_a_batch_normalization_that_is_folded_counts_with_the_weights_before_it():
    model = graph(("conv", "Conv2D", ["image"]), ("bn", "BatchNormalization", ["conv"]), ("relu", "relu", ["bn"]))
    model = model.with_layers(
        {"conv": replace(model.layers["conv"], weights=(np.full((3, 3, 3, 5), -2.54, np.float32),))}
    )
    # its scale is 1 / sqrt(1 + epsilon), within a thousandth
    assert least(model, relu=0.0)["relu"] == pytest.approx(2.54 / 127 / 200, rel=1e-3)


def dead_branches():
    """A convolution, a depthwise one and a dense layer whose ReLU gives zero alone, and what reads them."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    live = layers.Conv2D(8, 3, padding="same", activation="relu", name="live")(image)
    dead = {"padding": "same", "activation": "relu", "bias_initializer": FAR_BELOW_ZERO}
    x = layers.Add()([live, layers.Conv2D(8, 3, name="dead_conv", **dead)(live)])
    gated = layers.Multiply(name="gated")([live, layers.DepthwiseConv2D(3, name="dead_depthwise", **dead)(live)])
    x = layers.Add()([x, layers.Conv2D(8, 1, name="behind")(gated)])
    x = layers.GlobalAveragePooling2D()(x)
    dense = layers.Dense(6, activation="relu", bias_initializer=FAR_BELOW_ZERO, name="dead_dense")(x)
    return keras.Model(image, layers.Dense(5, name="logits")(layers.Concatenate()([x, dense])))


def zero_weights():
    """Kernels of zeros, whole or one channel, whose bias is what the next layer reads."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu", bias_initializer=THREE, name="conv")(image)
    x = layers.GlobalAveragePooling2D()(x)
    zero = layers.Dense(4, kernel_initializer="zeros", bias_initializer=THREE, name="zero")(x)
    model = keras.Model(image, layers.Dense(5, name="logits")(layers.Concatenate()([x, zero])))
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 2], bias[3] = 0.0, 0.0
    kernel[..., 3] = 0.0
    model.get_layer("conv").set_weights([kernel, bias])
    return model


def fake_quant(model, **how):
    placement = place(canonicalize(read(model)), input_ranges={"image": (0.0, 1.0)})
    return quantize(placement, resolve(placement, calibrate(placement, [SAMPLES]), **how))


@pytest.fixture(scope="module")
def converted():
    """Float model, fake-quant model and int8 file of each, converted in one process."""
    floats = {"dead": dead_branches(), "zero": zero_weights(), "dead, trained": dead_branches()}
    models = {name: fake_quant(model, trains=False) for name, model in floats.items()}
    how = {"read": lambda rows: (SAMPLES[rows],), "count": len(SAMPLES), "labels": LABELS, "seed": 0, "epochs": 2}
    models["dead, trained"] = train(fake_quant(floats["dead, trained"]), learning_rate=1e-4, batch_size=8, **how).model
    files = convert_all([Conversion(model, "int8", [SAMPLES[:1]]) for model in models.values()])
    lowered = [lower(file, runtime="ai-edge-litert") for file in files]
    return {name: (floats[name], model, file) for (name, model), file in zip(models.items(), lowered, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dead", "zero"])
@pytest.mark.parametrize("resolver", [XNNPACK, PLAIN])
def test_a_dead_branch_runs_and_gives_the_outputs_of_the_float_model(converted, name, resolver):
    float_model, _, file = converted[name]
    outputs, scale = run_on_reals(file, SAMPLES, resolver)
    # Rounding of input, three to five tensors and their weights adds up; a branch gone wrong is tens of steps off.
    assert np.abs(outputs - float_model.predict(SAMPLES, verbose=0)).max() <= 4 * scale


@pytest.mark.slow
def test_a_dead_branch_stays_wide_enough_in_training(converted):
    _, model, file = converted["dead, trained"]
    outputs, scale = run_on_reals(file, SAMPLES)
    assert np.abs(outputs - model(SAMPLES, training=False).numpy()).max() <= 2.5 * scale
