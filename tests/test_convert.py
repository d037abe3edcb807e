"""Conversion by the real converter in its real process: names, int8 and what happens when it fails."""

import gc
import sys
import tempfile
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from ai_edge_litert.interpreter import Interpreter

from edgeswap.activations.catalog import parse
from edgeswap.activations.layers import activation_layer
from edgeswap.conversion import convert as convert_module
from edgeswap.conversion import process as convert_process
from edgeswap.conversion.convert import Conversion, convert, convert_all
from edgeswap.errors import ConversionError
from edgeswap.frameworks import keras, tf, tf_keras, tfmot
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.quantizers import LayerQuantizers, rounded_weights
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.specification import Weight
from edgeswap.tflite import flatbuffer
from edgeswap.tflite.dense import dense_weights
from edgeswap.tflite.kind import kind_of
from edgeswap.tflite.lower import lower
from edgeswap.tflite.record import candidate_file

ACTIVATIONS = ("relu6", "swish", "clipped_elu", "clipped_elu(alpha=0.5)")
SAMPLES = np.random.default_rng(0).random((64, 8, 8, 3), dtype=np.float32)
LINES = SAMPLES[:, :, 0, :1] * SAMPLES[:, :, 1, :1] * np.ones(4, np.float32)
# Pixels of an app, so that float and int8 begin with the same values.
PIXELS = np.random.default_rng(1).integers(0, 256, (64, 8, 8, 3)).astype(np.float32) / np.float32(255)


def residual_net(activation):
    """Convolution, depthwise, batch normalization, padding, a residual sum, a concat, pooling and dense layers."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(2)
    layers, kind = keras.layers, parse(activation)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(image)
    x = shortcut = activation_layer(kind, keras, name="act1")(layers.BatchNormalization(name="bn1")(x))
    x = layers.ZeroPadding2D(1, name="pad")(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(x)
    x = activation_layer(kind, keras, name="act2")(layers.BatchNormalization(name="bn2")(x))
    x = layers.BatchNormalization(name="bn3")(layers.Conv2D(8, 1, use_bias=False, name="project")(x))
    x = layers.Add(name="add")([x, shortcut])
    x = layers.Concatenate(name="concat")([x, layers.Conv2D(4, 1, activation="relu", name="side")(x)])
    x = layers.BatchNormalization(name="alone")(layers.AveragePooling2D(2, name="average")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(16, use_bias=False, name="dense")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="bn4")(x))
    model = keras.Model(image, layers.Dense(10, name="logits")(x), name="net")
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            count = layer.gamma.shape[0]
            layer.set_weights([generator.uniform(0.5, 1.5, count) for _ in range(4)])
    return canonicalize(read(model))


def two_ended_net():
    """Two inputs and two outputs whose order is neither the alphabet's nor that of their calls; a shared layer."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    right, left = keras.Input((8, 8, 3), name="right"), keras.Input((8, 8, 3), name="left")
    shared = layers.Conv2DTranspose(4, 3, activation="relu", name="shared")
    summed = layers.Add(name="add")([shared(left), shared(right)])
    small = layers.Dense(2, name="zz_small")(layers.Flatten(name="flat")(shared(right)))
    pooled = layers.GlobalAveragePooling2D(name="pool")(summed)
    wide = layers.Dense(7, activation="softmax", name="wide")(pooled)
    return canonicalize(read(keras.Model([right, left], [small, wide], name="two_ended")))


def fused_net():
    """Every operator into which the placement fuses a ReLU, each followed by one."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image, line = keras.Input((8, 8, 3), name="image"), keras.Input((8, 4), name="line")
    a, b = (layers.Conv2D(4, 1, activation="relu", name=name)(image) for name in "ab")
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu", name="c")(a)
    merged = [layers.ReLU()(kind()([a, b])) for kind in (layers.Add, layers.Subtract, layers.Multiply)]
    x = [layers.GlobalAveragePooling2D()(tensor) for tensor in (x, *merged)]
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(6, 3, name="d")(line)))
    y = layers.DepthwiseConv1D(3, activation="relu6", name="e")(y)
    y = layers.Dense(5, activation="relu", name="f")(y)
    y = layers.Flatten()(y)
    return canonicalize(read(keras.Model([image, line], layers.Dense(4, name="out")(layers.Concatenate()([*x, y])))))


def fake_quant(graph, samples):
    placement = place(graph, input_ranges={ref.node: (0.0, 1.0) for ref in graph.inputs})
    assert placement.left_to_calibration == ()
    return quantize(placement, resolve(placement, calibrate(placement, samples)))


def joined_net():
    """What needs a scale of its own, straight into a concat."""
    keras.utils.set_random_seed(0)
    layers, image = keras.layers, keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(image)
    kinds = ("elu", "relu_n(max_value=0.1)", "hard_swish(max_value=0.1)", "clipped_elu(max_value=0.2)", "pact")
    parts = [activation_layer(parse(kind), keras, name=f"act{i}")(x) for i, kind in enumerate(kinds)]
    x = layers.Concatenate(name="join")([x, *parts])
    return canonicalize(read(keras.Model(image, layers.Dense(6, name="out")(layers.GlobalAveragePooling2D()(x)))))


def flattened_net():
    """An ELU whose values are moved before anything computes on them."""
    keras.utils.set_random_seed(0)
    layers, image = keras.layers, keras.Input((8, 8, 3), name="image")
    x = layers.ELU(name="elu")(layers.Conv2D(4, 3, name="conv")(image))
    x = layers.ELU(name="elu_too")(layers.Dense(4, name="over_axes")(x))
    x = layers.Flatten(name="flat")(layers.Dropout(0.2, name="drop")(x))
    return canonicalize(read(keras.Model(image, layers.Dense(6, name="out")(x))))


@pytest.fixture(scope="module")
def converted():
    """Name to (tf_keras model, .tflite): all in one child process."""
    one = [SAMPLES[:1]]
    models = {"float": build(residual_net("hard_swish")), "two_ended_float": build(two_ended_net())}
    conversions = [Conversion(model, "float32") for model in models.values()]
    for activation in ACTIVATIONS:
        models[activation] = fake_quant(residual_net(activation), [SAMPLES])
        conversions.append(Conversion(models[activation], "int8", one))
    models["two_ended"] = fake_quant(two_ended_net(), [SAMPLES, SAMPLES[::-1]])
    conversions.append(Conversion(models["two_ended"], "int8", one * 2))
    models["fused"] = fake_quant(fused_net(), [SAMPLES, LINES])
    conversions.append(Conversion(models["fused"], "int8", [SAMPLES[:1], LINES[:1]]))
    for name, net in (("joined", joined_net), ("flattened", flattened_net)):
        models[name] = fake_quant(net(), [SAMPLES])
        conversions.append(Conversion(models[name], "int8", one))
    files = convert_all(conversions)
    return {name: (model, file) for (name, model), file in zip(models.items(), files, strict=True)}


def run(tflite_model, *inputs):
    """Outputs for each sample; int8 models are given int8 = pixel - 128."""
    interpreter = Interpreter(model_content=tflite_model)
    interpreter.allocate_tensors()
    results = [[] for _ in interpreter.get_output_details()]
    for sample in zip(*inputs, strict=True):
        for detail, value in zip(interpreter.get_input_details(), sample, strict=True):
            if detail["dtype"] == np.int8:
                value = (np.rint(value * 255) - 128).astype(np.int8)  # noqa: PLW2901
            interpreter.set_tensor(detail["index"], value[None])
        interpreter.invoke()
        for detail, result in zip(interpreter.get_output_details(), results, strict=True):
            result.append(interpreter.get_tensor(detail["index"])[0])
    return [np.array(result) for result in results]


def operators(tflite_model):
    """Operator names in order, and the names of float tensors."""
    interpreter = Interpreter(model_content=tflite_model)
    floats = [detail["name"] for detail in interpreter.get_tensor_details() if detail["dtype"] == np.float32]
    return [op["op_name"] for op in interpreter._get_ops_details()], floats


def steps_apart(model, tflite_model, *inputs):
    """For each output, |int8 - quantized fake-quant output| in int8 steps."""
    expected = model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
    expected = expected if isinstance(expected, list) else [expected]
    details = Interpreter(model_content=tflite_model).get_output_details()
    apart = []
    for got, wanted, detail in zip(run(tflite_model, *inputs), expected, details, strict=True):
        scale, zero_point = detail["quantization"]
        steps = np.clip(np.rint(wanted.numpy() / scale) + zero_point, -128, 127)
        apart.append(np.abs(got.astype(int) - steps))
    return apart


@pytest.mark.slow
def test_float32_is_the_same_function(converted):
    model, tflite_model = converted["float"]
    np.testing.assert_allclose(run(tflite_model, PIXELS)[0], model(PIXELS).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu6", "swish"])
def test_full_integer(converted, activation):
    assert operators(converted[activation][1])[1] == []


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "leaky"), [("clipped_elu", 0), ("clipped_elu(alpha=0.5)", 2)])
def test_an_elu_is_the_only_float_island_and_has_no_minimum(converted, activation, leaky):
    names, _ = operators(converted[activation][1])
    assert names.count("ELU") == names.count("DEQUANTIZE") == names.count("QUANTIZE") == 2
    assert names.count("LEAKY_RELU") == leaky
    assert "MINIMUM" not in names


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_int8_and_fake_quant_agree(converted, activation):
    # Each of some ten operators rounds once, where fake-quant rounds the same real value, computed in float32: they
    # part by a step where that value lies next to a half. Swish's sigmoid is rounded to 1/256 in int8 only.
    (apart,) = steps_apart(*converted[activation], PIXELS)
    assert apart.max() <= 3
    assert apart.mean() <= 0.6


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_input_is_the_pixel_less_128(converted, activation):
    (detail,) = Interpreter(model_content=converted[activation][1]).get_input_details()
    assert detail["dtype"] == np.int8
    assert detail["quantization"] == (np.float32(1 / 255), -128)


@pytest.mark.slow
def test_batch_is_one_and_nothing_computes_a_shape(converted):
    names, _ = operators(converted["relu6"][1])
    assert not {"SHAPE", "PACK", "STRIDED_SLICE"} & set(names)
    (detail,) = Interpreter(model_content=converted["relu6"][1]).get_input_details()
    assert detail["shape_signature"].tolist() == [1, 8, 8, 3]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "operator"), [("two_ended", "SOFTMAX"), ("swish", "LOGISTIC")])
def test_what_a_sigmoid_or_softmax_gives_has_steps_of_1_256(name, operator, converted):
    interpreter = Interpreter(model_content=converted[name][1])
    scales = {detail["index"]: detail["quantization"] for detail in interpreter.get_tensor_details()}
    found = [scales[op["outputs"][0]] for op in interpreter._get_ops_details() if op["op_name"] == operator]
    assert found
    assert set(found) == {(1 / 256, -128)}


@pytest.mark.slow
def test_a_dense_weight_has_one_scale_and_a_convolution_one_for_each_channel(converted):
    tensors = flatbuffer.tensors(flatbuffer.read(converted["relu6"][1]))
    weights = {tensor.shape: len(tensor.scales) for tensor in tensors if tensor.dtype == "INT8"}
    assert weights[10, 16] == weights[16, 12] == 1
    assert weights[8, 3, 3, 3] == weights[1, 3, 3, 8] == 8


@pytest.mark.slow
def test_a_dynamic_range_model_has_int8_weights_and_float_ends():
    """Of a dense layer of 2048 weights: fewer than 1024 the converter leaves in float."""
    model = flatbuffer.read(convert(small_model(tf_keras.layers.Dense(32), shape=(64,)), precision="dynamic_range"))
    assert kind_of(model) == "dynamic range"
    assert {tensor.dtype for tensor in flatbuffer.tensors(model)} == {"FLOAT32", "INT8"}


@pytest.mark.slow
def test_dense_weights_have_one_scale_in_every_integer_precision_unless_asked():
    float_model, fake_quant_model = build(residual_net("relu6")), fake_quant(residual_net("relu6"), [SAMPLES])
    how = {
        "int8": Conversion(fake_quant_model, "int8", [SAMPLES[:1]]),
        "int8 by the converter alone": Conversion(float_model, "int8", [SAMPLES]),
        "int16x8": Conversion(float_model, "int16x8", [SAMPLES]),
        "asked": Conversion(float_model, "int8", [SAMPLES], per_channel_dense=True),
    }
    files = dict(zip(how, convert_all(list(how.values())), strict=True))
    scales = {
        name: [len(weights.scales) for weights in dense_weights(flatbuffer.read(file))] for name, file in files.items()
    }
    assert scales == {
        "int8": [1, 1],
        "int8 by the converter alone": [1, 1],
        "int16x8": [1, 1],
        "asked": [16, 10],
    }
    records = {name: candidate_file("m", file, None) for name, file in files.items()}
    assert {name: record.dense_scales for name, record in records.items()} == {
        **dict.fromkeys(how, "per tensor"),
        "asked": "per channel",
    }


@pytest.mark.slow
def test_large_models_are_handed_over_one_at_a_time_and_come_out_the_same(monkeypatch):
    models = [tf_keras.Sequential([tf_keras.layers.Input((3,)), tf_keras.layers.Dense(n)]) for n in (2, 4)]
    conversions = [Conversion(model, "float32") for model in models]
    together = convert_all(conversions)
    seen = []

    def counted(jobs, *rest):
        seen.append(len(jobs))
        convert_process.run_worker(jobs, *rest)
        assert not [path for job in jobs for path in job.glob("saved_model")]  # gone before the result was written

    monkeypatch.setattr(convert_module, "run_worker", counted)
    monkeypatch.setattr(convert_module, "LARGE_BYTES", 0)
    assert convert_all(conversions) == together
    assert seen == [1, 1]


def test_the_rounded_weights_of_a_large_model_are_gone_while_the_converter_runs(monkeypatch):
    wrapper = tfmot.quantization.keras.QuantizeWrapperV2(
        tf_keras.layers.Dense(2), LayerQuantizers([Weight("kernel", ())])
    )
    inputs = tf_keras.Input((3,))
    model = tf_keras.Model(inputs, wrapper(inputs))
    alive = []

    @contextmanager
    def watched(model):
        with rounded_weights(model) as variables:
            alive.append(weakref.ref(variables[-1].handle))
            yield variables

    def converted(jobs, *rest):
        assert alive[0]() is None
        (jobs[0] / "model.tflite").write_bytes(b"done")

    monkeypatch.setattr(convert_module, "rounded_weights", watched)
    monkeypatch.setattr(convert_module, "run_worker", converted)
    monkeypatch.setattr(convert_module, "LARGE_BYTES", 0)
    gc.disable()  # it may come at any time, and need not
    try:
        assert convert_all([Conversion(model, "int8", [np.ones((1, 3), np.float32)])]) == (b"done",)
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two_ended", "two_ended_float"])
def test_inputs_and_outputs_keep_order_and_names(converted, name):
    model, tflite_model = converted[name]
    interpreter = Interpreter(model_content=tflite_model)
    assert [detail["name"] for detail in interpreter.get_input_details()] == ["right", "left"]
    assert [detail["name"] for detail in interpreter.get_output_details()] == model.output_names
    assert [detail["shape"].tolist() for detail in interpreter.get_output_details()] == [[1, 2], [1, 7]]
    signature = interpreter.get_signature_list()["serving_default"]
    assert signature == {"inputs": sorted(["right", "left"]), "outputs": sorted(model.output_names)}


@pytest.mark.slow
def test_two_ends_agree_too(converted):
    assert operators(converted["two_ended"][1])[1] == []
    small, wide = steps_apart(*converted["two_ended"], PIXELS, PIXELS[::-1])
    assert small.max() <= 2
    assert wide.max() <= 1


@pytest.mark.slow
def test_a_concat_leaves_clips_and_elus_their_scale(converted):
    model, tflite_model = converted["joined"]
    lowered = lower(tflite_model, runtime="ai-edge-litert")
    names, floats = operators(lowered)
    assert floats == []
    assert (names.count("ELU"), names.count("LEAKY_RELU")) == (2, 0)
    assert names.count("QUANTIZE") >= 5
    # A clip that is lost moves the outputs by some hundred steps; rounding in six operators by a few.
    (apart,) = steps_apart(model, lowered, PIXELS)
    assert apart.max() <= 3


@pytest.mark.slow
def test_an_elu_in_front_of_a_flatten(converted):
    model, tflite_model = converted["flattened"]
    lowered = lower(tflite_model, runtime="ai-edge-litert")
    assert operators(lowered)[1] == []
    (apart,) = steps_apart(model, lowered, PIXELS)
    assert apart.max() <= 2  # a rescaling has its ELU's scale, so it rounds nothing


@pytest.mark.slow
def test_the_relus_that_the_placement_fuses_are_fused(converted):
    model, tflite_model = converted["fused"]
    names, floats = operators(tflite_model)
    assert floats == []
    assert not [name for name in names if name.startswith(("RELU", "DEQUANTIZE", "QUANTIZE"))]
    (apart,) = steps_apart(model, tflite_model, PIXELS, np.rint(LINES * 255) / np.float32(255))
    assert apart.max() <= 2


@pytest.mark.slow
def test_a_layer_nobody_knows_is_calibrated_by_the_converter():
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Average(name="unknown")([layers.Conv2D(4, 3, name="a")(image), layers.Conv2D(4, 3, name="b")(image)])
    graph = canonicalize(read(keras.Model(image, layers.Dense(3, name="out")(layers.Flatten(name="flat")(x)))))
    placement = place(graph, input_ranges={"image": (0.0, 1.0)})
    assert placement.left_to_calibration == ("unknown",)
    model = quantize(placement, resolve(placement, calibrate(placement, [SAMPLES])))
    seen = Recorder()
    tflite_model = convert(model, representative=[SAMPLES], progress=seen)
    assert operators(tflite_model)[1] == []
    (apart,) = steps_apart(model, tflite_model, PIXELS)
    assert apart.mean() <= 1.5  # the average itself is rounded twice, which fake-quant does not know of
    assert [title for call, title in seen.calls if call == "step"] == ["Hand over to the converter", "Convert to int8"]
    told = seen.calls[seen.calls.index(("step", "Convert to int8")) + 1 :]
    (total,) = [amount for call, amount in told if call == "expect"]
    assert total == sum(amount for call, amount in told if call == "advance") == len(SAMPLES)


class Recorder:
    """A progress that remembers what it was told; its steps are itself."""

    def __init__(self):
        self.calls = []

    def step(self, title, total=None):
        self.calls.append(("step", title))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def expect(self, total):
        self.calls.append(("expect", total))

    def advance(self, amount=1, note=""):
        self.calls.append(("advance", amount))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary files go; nothing may be left there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert not list(tmp_path.glob("edgeswap*"))


def small_model(layer=None, shape=(4,)):
    x = inputs = tf_keras.Input(shape, name="x")
    return tf_keras.Model(inputs, (layer or tf_keras.layers.Dense(2))(x))


class Unconvertible(tf_keras.layers.Layer):
    def call(self, inputs):
        return tf.math.igamma(inputs, inputs + 1.0)


def three_layers(middle):
    x = inputs = tf_keras.Input((4,), name="x")
    layers = tf_keras.layers
    return tf_keras.Model(inputs, layers.Dense(2, name="last")(middle(layers.Dense(3, name="first")(x))))


# A converter that takes every model but those with a layer called bad.
PICKY = """
import json, os, pathlib, signal, sys, time
for job in map(pathlib.Path, json.loads(sys.stdin.readline())):
    print('{{"stage": "convert"}}', flush=True)
    if b"/bad/" in (job / "saved_model" / "saved_model.pb").read_bytes():
        {ends}
    print('{{"stage": "done"}}', flush=True)
"""


def picky(monkeypatch, ends):
    monkeypatch.setattr(convert_process, "WORKER", (sys.executable, "-c", PICKY.format(ends=ends)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", r"crashed \(SIGSEGV\); the first layer .* is 'bad' \(ReLU\)\."),
        ("os.kill(os.getpid(), signal.SIGKILL)", r"SIGKILL\), most likely because memory ran out; .* 'bad' \(ReLU\)\."),
        ("sys.exit('what it said')", r"exit code 1\); the first .* is 'bad' \(ReLU\); it said \"what it said\"\."),
        ("time.sleep(60)", r"gave no sign of progress for 0.5 s and was stopped; the first .* 'bad' \(ReLU\)\."),
    ],
)
def test_the_layer_is_found_however_the_process_ends(scratch, monkeypatch, ends, message):
    picky(monkeypatch, ends)
    seen = Recorder()
    with pytest.raises(ConversionError, match=f"in stage 'convert' the converter .*{message}") as failure:
        convert(three_layers(tf_keras.layers.ReLU(name="bad")), precision="float32", timeout_s=0.5, progress=seen)
    assert "\n" not in failure.value.problem
    assert "--swap 'bad=relu6'" in failure.value.remedy or "SIGKILL" in failure.value.problem
    assert ("step", "Find the layer that the converter fails on") in seen.calls
    assert "its last words" in str(failure.value.__cause__)


@pytest.mark.slow
def test_the_second_of_two_models_is_searched(scratch, monkeypatch):
    picky(monkeypatch, "os.kill(os.getpid(), signal.SIGSEGV)")
    models = [three_layers(tf_keras.layers.ReLU(name="good")), three_layers(tf_keras.layers.Softmax(name="bad"))]
    with pytest.raises(ConversionError, match=r"stage 'convert' .* \(SIGSEGV\).* 'bad' \(Softmax\)"):
        convert_all([Conversion(model, "float32") for model in models], timeout_s=5)


def test_a_search_ends_in_time_and_says_how_far_it_came(scratch, monkeypatch):
    picky(monkeypatch, "sys.exit(1)")
    monkeypatch.setattr(convert_module, "SEARCH_S", -1.0)
    with pytest.raises(ConversionError, match=r"one of the 3 from 'first' \(Dense\) to 'last' \(Dense\)\."):
        convert(three_layers(tf_keras.layers.ReLU(name="bad")), precision="float32")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"'start' the converter crashed \(SIGSEGV\)\."),
        ("""print('{"stage": "load"}', flush=True); import sys; sys.exit('no disk')""", '1\\); it said "no disk"\\.'),
    ],
)
def test_no_layer_is_blamed_for_a_converter_that_does_not_work(scratch, monkeypatch, code, message):
    monkeypatch.setattr(convert_process, "WORKER", (sys.executable, "-c", code))
    with pytest.raises(ConversionError, match=message):
        convert(small_model(), precision="float32", timeout_s=5)


@pytest.mark.slow
def test_an_operator_that_tflite_lacks(scratch):
    with pytest.raises(ConversionError, match=r"in stage 'convert' .* is 'odd' \(Unconvertible\)") as failure:
        convert(small_model(Unconvertible(name="odd")), precision="float32")
    assert "Igamma" in failure.value.problem
    assert len(failure.value.problem) < 400
    assert failure.value.remedy.startswith("Write 'odd' with other layers")


@pytest.mark.slow
def test_a_convolutional_lstm_crashes_the_calibration(scratch):
    layers = tf_keras.layers
    inputs = tf_keras.Input((4, 8, 8, 3), name="film")
    x = layers.ConvLSTM2D(4, 3, name="memory")(layers.ReLU(name="relu")(inputs))
    model = tf_keras.Model(inputs, layers.Dense(3, name="out")(layers.GlobalAveragePooling2D(name="pool")(x)))
    film = np.repeat(SAMPLES[:4, None], 4, axis=1)
    with pytest.raises(ConversionError, match=r"crashed \(SIGSEGV\); .* is 'memory' \(ConvLSTM2D\)\."):
        convert(model, representative=[film])


@pytest.mark.slow
def test_an_einsum_behind_a_fake_quant(scratch):
    """As no placement has it, see `placement.meets_lone_product`."""
    line = tf_keras.Input((8, 4), name="line")
    x = FakeQuant(1.0, name="range")(line)
    x = tf_keras.layers.EinsumDense("abc,cd->abd", output_shape=(8, 5), name="einsum")(x)
    model = tf_keras.Model(line, tf_keras.layers.GlobalMaxPooling1D(name="pool")(x))
    with pytest.raises(
        ConversionError, match=r"stage 'calibrate' .* is 'einsum' \(EinsumDense\); it said .*FULLY_CONN"
    ):
        convert(model, representative=[LINES])


class FakeQuant(tf_keras.layers.Layer):
    def __init__(self, high, **config):
        super().__init__(**config)
        self.high = high

    def call(self, inputs):
        return tf.quantization.fake_quant_with_min_max_args(inputs, -1.0, self.high)


class Minimum(tf_keras.layers.Layer):
    def call(self, inputs):
        return tf.minimum(inputs, 2.0)


@pytest.mark.slow
def test_a_minimum_between_an_elu_and_a_fake_quant(scratch):
    layers = tf_keras.layers
    x = inputs = tf_keras.Input((8, 8, 3), name="image")
    for layer in (
        FakeQuant(1.0, name="q1"),
        layers.Conv2D(4, 3, name="conv"),
        FakeQuant(4.0, name="q2"),
        layers.ELU(name="elu"),
        FakeQuant(3.0, name="q3"),
        Minimum(name="clip"),
        FakeQuant(2.0, name="q4"),
    ):
        x = layer(x)
    with pytest.raises(ConversionError, match=r"stage 'convert' .* is '(clip|q4)' \((Minimum|FakeQuant)\)"):
        convert(tf_keras.Model(inputs, x), representative=[SAMPLES[:1]])


class Endless(tf_keras.layers.Layer):
    def call(self, inputs):
        body = lambda count, x: (count + 0 * tf.cast(tf.reduce_sum(x) > 1e9, tf.int32), x + 1e-9)  # noqa: E731
        return tf.while_loop(lambda count, x: count < 1, body, [tf.constant(0), inputs])[1]


@pytest.mark.slow
@pytest.mark.rare  # half a minute of waiting; a converter that says nothing is above
def test_a_layer_that_never_ends(scratch):
    # Calibration runs the model; importing TensorFlow and converting three small layers give signs more often.
    message = r"stage 'calibrate' the converter gave no sign of progress for 15 s .* is 'endless' \(Endless\)\."
    with pytest.raises(ConversionError, match=message):
        convert(three_layers(Endless(name="endless")), representative=[SAMPLES[0, 0, :4, 0][None]], timeout_s=15)


def test_int8_needs_samples(scratch):
    with pytest.raises(ConversionError, match="representative samples"):
        convert(small_model())


def test_inputs_need_a_size(scratch):
    with pytest.raises(ConversionError, match=r"fixed size, got \(None, 4\)"):
        convert(small_model(shape=(None, 4)), precision="float32")


@pytest.mark.slow
def test_one_worker_serves_many_and_a_new_one_comes_when_it_has_gone(scratch):
    convert_process._standing.close()
    convert_process.start_early()
    worker = convert_process._standing.worker
    first = convert(small_model(), precision="float32")
    assert convert_process._standing.worker is worker
    with pytest.raises(ConversionError, match="'convert'"):  # a fork that fails takes nothing from the next
        convert(small_model(Unconvertible(name="odd")), precision="float32")
    assert convert(small_model(), precision="float32")[:8] == first[:8]
    assert convert_process._standing.worker is worker
    worker.process.kill()
    worker.process.wait()
    assert convert(small_model(), precision="float32")[4:8] == b"TFL3"
    assert convert_process._standing.worker is not worker


@pytest.mark.slow
def test_where_nothing_can_fork_each_request_has_a_worker_of_its_own(scratch, monkeypatch):
    code = "from edgeswap.conversion import worker; worker.FORKS = False; worker.main()"
    monkeypatch.setattr(convert_process, "WORKER", (sys.executable, "-c", code))
    model = small_model()
    assert [convert(model, precision="float32")[4:8] for _ in range(2)] == [b"TFL3", b"TFL3"]


@pytest.mark.slow
def test_a_worker_that_goes_just_when_it_is_asked_is_replaced(scratch, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    code = f"""
import pathlib, sys
from edgeswap.conversion import worker
if pathlib.Path({str(gone)!r}).exists():
    worker.main()
else:
    sys.stdin.readline()
    pathlib.Path({str(gone)!r}).touch()
"""
    monkeypatch.setattr(convert_process, "WORKER", (sys.executable, "-c", code))
    assert convert(small_model(), precision="float32")[4:8] == b"TFL3"
    assert gone.exists()
