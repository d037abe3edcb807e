"""What tensorflow/model-optimization refuses, by its tracker's numbers, goes through QAT to full int8 here.

Every model is read, canonicalized, placed, quantized, trained for a few steps and converted.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from ai_edge_litert.interpreter import Interpreter

from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.frameworks import keras, tf, tf_keras, tfmot
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.model.load import load_model
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tflite.full_integer import require_full_integer
from edgeswap.tflite.lower import lower
from edgeswap.training.fit import train

pytestmark = [pytest.mark.slow, pytest.mark.rare]  # each is held by a test of its own subject as well
CLASSES = 4
COUNT = 32
BATCH = 8


def small_classifier(k, **settings):
    """A convolution, batch normalization, and a dense head."""
    layers, image = k.layers, k.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(8, 3, name="conv", **settings)(image))
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu")(x))
    return k.Model(image, layers.Dense(CLASSES, activation="softmax", name="head")(x), name="small")


def sequential_of_a_file(folder):
    """A Keras 3 Sequential that was saved and loaded again."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(CLASSES, activation="softmax", name="head"),
        ]
    )
    model.save(folder / "sequential.keras")
    return load_model(folder / "sequential.keras")


def model_in_a_model():
    """A Sequential inside of a functional model, as in the issue, with the layers around it that a classifier has."""
    layers = tf_keras.layers
    inner = tf_keras.Sequential([tf_keras.Input((6,)), layers.Dense(6, activation="relu", name="dense")], name="inner")
    features = tf_keras.Input((6,), name="features")
    return tf_keras.Model(features, layers.Dense(CLASSES, name="logits")(inner(features)), name="outer")


def relu6_of_tensorflow():
    """`tf.nn.relu6` as the activation of a layer."""
    layers = tf_keras.layers
    image = tf_keras.layers.InputLayer((8, 8, 3), name="image")
    conv = layers.Conv2D(8, 3, activation=tf.nn.relu6, name="conv")
    return tf_keras.Sequential([image, conv, layers.Flatten(name="flat"), layers.Dense(CLASSES, name="logits")])


def bare_operations(k):
    """Arithmetic between layers, among it a gate."""
    layers, image = k.layers, k.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, name="conv")(image)
    gate = layers.Dense(8, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = x * gate + 0.5
    return k.Model(image, layers.Dense(CLASSES, name="logits")(layers.GlobalAveragePooling2D()(x)), name="bare")


def two_inputs(k):
    layers, image, extra = k.layers, k.Input((8, 8, 3), name="image"), k.Input((4,), name="extra")
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(8, 3, activation="relu6", name="conv")(image))
    x = layers.Concatenate(name="join")([x, layers.Dense(4, activation="relu", name="dense")(extra)])
    return k.Model([image, extra], layers.Dense(CLASSES, name="logits")(x), name="two_inputs")


def transfer(k):
    """A frozen base with batch normalization, called as in inference, and a head."""
    base = small_classifier(k)
    base = k.Model(base.inputs, base.get_layer("relu").output, name="base")
    base.trainable = False
    image = k.Input((8, 8, 3), name="pixels")
    x = k.layers.GlobalAveragePooling2D(name="outer_pool")(base(k.layers.Rescaling(1 / 255)(image), training=False))
    return k.Model(image, k.layers.Dense(CLASSES, name="logits")(x), name="transfer")


def application(k, name, **settings):
    family = getattr(k.applications, name)
    return family(weights=None, input_shape=(32, 32, 3), classes=CLASSES, classifier_activation=None, **settings)


def samples_of(model):
    generator = np.random.default_rng(0)
    return [generator.random((COUNT, *tensor.shape[1:]), dtype=np.float32) for tensor in model.inputs]


def trained_with_fake_quant(model):
    """The fake-quant model before and after an epoch of a few steps."""
    graph = canonicalize(read(model))
    samples = samples_of(model)
    placement = place(graph, input_ranges={ref.node: (0.0, 1.0) for ref in graph.inputs})
    fake_quant_model = quantize(placement, resolve(placement, calibrate(placement, samples)))
    trained = train(
        fake_quant_model,
        read=lambda rows: [array[rows] for array in samples],
        count=COUNT,
        labels=np.arange(COUNT) % CLASSES,
        epochs=1,
        learning_rate=1e-3,
        seed=0,
        batch_size=BATCH,
    ).model
    return fake_quant_model, trained


def exported(models):
    """Name to the trained fake-quant model and its .tflite, all converted in one process."""
    trained = {}
    for name, model in models.items():
        before, after = trained_with_fake_quant(model)
        moved = [(a != b).any() for a, b in zip(before.get_weights(), after.get_weights(), strict=True)]
        assert any(moved), name
        trained[name] = after
    jobs = [
        Conversion(model, "int8", [array[:1] for array in samples_of(models[name])]) for name, model in trained.items()
    ]
    files = convert_all(jobs)
    return {
        name: (model, lower(file, runtime="ai-edge-litert"))
        for (name, model), file in zip(trained.items(), files, strict=True)
    }


def assert_full_integer(case):
    """No float tensor, and int8 says what fake-quant says: in the mean within a step of the output."""
    model, tflite_model = case
    require_full_integer(tflite_model)
    samples = samples_of(model)
    interpreter = Interpreter(model_content=tflite_model)
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()
    scale, zero_point = output["quantization"]
    inputs = dict(zip(model.input_names, samples, strict=True))
    found = []
    for row in range(COUNT):
        for detail in interpreter.get_input_details():
            array = inputs[detail["name"]] if len(inputs) > 1 else samples[0]
            input_scale, input_zero_point = detail["quantization"]
            steps = np.clip(np.rint(array[row] / input_scale) + input_zero_point, -128, 127)
            interpreter.set_tensor(detail["index"], steps.astype(np.int8)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0].astype(int))
    expected = np.asarray(model(samples if len(samples) > 1 else samples[0], training=False))
    steps = np.clip(np.rint(expected / scale) + zero_point, -128, 127)
    assert np.abs(np.array(found) - steps).mean() <= 1


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The models as a user has them."""
    for framework in (keras, tf_keras):
        framework.utils.set_random_seed(0)
    return {
        1119: small_classifier(keras),
        1144: sequential_of_a_file(tmp_path_factory.mktemp("file")),
        957: model_in_a_model(),
        407: relu6_of_tensorflow(),
        "bare operations": bare_operations(keras),
        1145: bare_operations(tf_keras),
        "two inputs": two_inputs(keras),
        "a frozen base": transfer(keras),
    }


@pytest.fixture(scope="module")
def cases(given):
    return exported(given)


def test_1119_any_plans_to_support_keras3(given, cases):
    """github.com/tensorflow/model-optimization/issues/1119, "Any plans to support keras3?"."""
    with pytest.raises(ValueError, match="can only either be a keras Sequential or Functional model"):
        tfmot.quantization.keras.quantize_model(given[1119])
    assert_full_integer(cases[1119])


def test_1144_quantize_model_cannot_detect_a_keras_sequential_model(given, cases):
    """github.com/tensorflow/model-optimization/issues/1144.

    "quantize_model() cannot detect a keras.Sequential model".
    """
    assert isinstance(given[1144], keras.Sequential)
    with pytest.raises(ValueError, match="can only either be a keras Sequential or Functional model"):
        tfmot.quantization.keras.quantize_model(given[1144])
    assert_full_integer(cases[1144])


def test_1145_tfoplambda_not_supported_in_int8_quantization_aware_training(given, cases):
    """github.com/tensorflow/model-optimization/issues/1145.

    "TFOpLambda not supported in INT8 Quantization Aware Training (Mobilenetv3)"; the whole network is `rare`.
    """
    with pytest.raises((AttributeError, TypeError), match=r"TFOpLambda|unexpected keyword"):
        tfmot.quantization.keras.quantize_model(given[1145])
    assert_full_integer(cases[1145])


def test_957_support_quantizing_a_model_inside_another_model(given, cases):
    """github.com/tensorflow/model-optimization/issues/957.

    "Support Quantizing a tf.keras Model inside another tf.keras Model".
    """
    with pytest.raises(ValueError, match=r"inside another .*[Mm]odel is not supported"):
        tfmot.quantization.keras.quantize_model(given[957])
    assert_full_integer(cases[957])


def test_407_support_for_relu6(given, cases):
    """github.com/tensorflow/model-optimization/issues/407, "Support for ReLU6": `tf.nn.relu6` as an activation."""
    with pytest.raises(ValueError, match="Only some Keras activations"):
        tfmot.quantization.keras.quantize_model(given[407])
    assert_full_integer(cases[407])


@pytest.mark.parametrize("name", ["bare operations", "two inputs", "a frozen base"])
def test_what_people_bring(name, cases):
    assert_full_integer(cases[name])


@pytest.mark.rare
@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize(("name", "settings"), [("MobileNetV3Small", {"alpha": 0.35}), ("EfficientNetB0", {})])
def test_networks_of_keras_applications(name, settings, framework):
    framework.utils.set_random_seed(0)
    _, tflite_model = exported({name: application(framework, name, **settings)})[name]
    require_full_integer(tflite_model)


@pytest.mark.rare
def test_the_network_that_mlperf_tiny_ships(shared):
    model = load_model(shared / "models" / "mlperf_tiny_resnet8.h5")
    graph = canonicalize(read(model))
    samples = [array * 255 for array in samples_of(model)]
    placement = place(graph, input_ranges={ref.node: (0.0, 255.0) for ref in graph.inputs})
    trained = train(
        quantize(placement, resolve(placement, calibrate(placement, samples))),
        read=lambda rows: [samples[0][rows]],
        count=COUNT,
        labels=np.arange(COUNT) % 10,
        epochs=1,
        learning_rate=1e-5,
        seed=0,
        batch_size=BATCH,
    ).model
    (tflite_model,) = convert_all([Conversion(trained, "int8", [samples[0][:1]])])
    require_full_integer(lower(tflite_model, runtime="ai-edge-litert"))
