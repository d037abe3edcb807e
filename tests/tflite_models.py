"""Small models for the tests of the flatbuffer passes: really converted ones, and single operators written directly."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeswap.tflite.flatbuffer import changed, write
from edgeswap.tflite.rewriting import Draft

Int8 = npt.NDArray[np.int8]
BUILTIN = schema.BuiltinOperator
XNNPACK = OpResolverType.AUTO
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
EVERY_INT8 = np.arange(-128, 128).astype(np.int8)[None]


def empty_model() -> Draft:
    """A model with one subgraph that holds nothing."""
    subgraph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[], name="main")
    return Draft(schema.ModelT(version=3, operatorCodes=[], subgraphs=[subgraph], buffers=[schema.BufferT()]))


def single(builtin: int, source: tuple[float, int], target: tuple[float, int]) -> bytes:
    """One int8 operator over 256 values, between two (scale, zero point)."""
    draft = empty_model()
    x = draft.int8_tensor(0, "x", (1, 256), *source)
    y = draft.int8_tensor(0, "y", (1, 256), *target)
    subgraph = draft.subgraphs[0]
    subgraph.inputs, subgraph.outputs = [x], [y]
    subgraph.operators.append(draft.operator(builtin, [x], y))
    return write(draft.model)


def row(*builtins: int) -> bytes:
    """Int8 operators one after the other, each of which writes 256 values named `t0`, `t1` and so on."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    last = draft.int8_tensor(0, "x", (1, 256), 0.05, 0)
    subgraph.inputs = [last]
    for number, builtin in enumerate(builtins):
        scale = (1 / 256, -128) if builtin in (BUILTIN.SOFTMAX, BUILTIN.LOGISTIC) else (0.05, 0)
        written = draft.int8_tensor(0, f"t{number}", (1, 256), *scale)
        operator = draft.operator(builtin, [last], written)
        if builtin == BUILTIN.SOFTMAX:
            options = schema.SoftmaxOptionsT()
            options.beta = 1.0
            operator = changed(
                operator, builtinOptionsType=schema.BuiltinOptions.SoftmaxOptions, builtinOptions=options
            )
        subgraph.operators.append(operator)
        last = written
    subgraph.outputs = [last]
    return write(draft.model)


def island(source: tuple[float, int], target: tuple[float, int], *between: tuple[int, float | None]) -> bytes:
    """DEQUANTIZE, float operators (each with a constant or none), QUANTIZE, as the converter writes them."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    first = draft.int8_tensor(0, "x", (1, 256), *source)

    def float_tensor(name: str, values: npt.NDArray[np.float32] | None) -> int:
        shape = [1, 256] if values is None else []
        draft.buffers.append(schema.BufferT(data=None if values is None else values.view(np.uint8)))
        tensor = schema.TensorT(shape=shape, buffer=len(draft.buffers) - 1, name=name, type=schema.TensorType.FLOAT32)
        subgraph.tensors.append(tensor)
        return len(subgraph.tensors) - 1

    last = float_tensor("tfl.dequantize", None)
    subgraph.operators.append(draft.operator(BUILTIN.DEQUANTIZE, [first], last, 2))
    for number, (builtin, constant) in enumerate(between):
        inputs = [last]
        if constant is not None:
            inputs.append(float_tensor(f"constant{number}", np.array([constant], np.float32)))
        last = float_tensor(f"model/act{number}/Op", None)
        subgraph.operators.append(draft.operator(builtin, inputs, last))
    y = draft.int8_tensor(0, "tfl.quantize", (1, 256), *target)
    subgraph.operators.append(draft.operator(BUILTIN.QUANTIZE, [last], y))
    subgraph.inputs, subgraph.outputs = [first], [y]
    return write(draft.model)


def run(data: bytes, inputs: npt.NDArray[Any], resolver: OpResolverType = XNNPACK) -> npt.NDArray[Any]:
    """The output for each input of a batch of one."""
    interpreter = Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for sample in inputs:
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target)[0].copy())
    return np.stack(outputs)


def run_on_reals(
    data: bytes, samples: npt.NDArray[np.float32], resolver: OpResolverType = XNNPACK
) -> tuple[npt.NDArray[Any], float]:
    """Real outputs of a full-integer model of one input and one output, and the real value of one step of them."""
    interpreter = Interpreter(model_content=data)
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
    (scale, zero_point), (step, offset) = given["quantization"], wanted["quantization"]
    int8 = np.clip(np.rint(samples / scale + zero_point), -128, 127).astype(np.int8)
    return (run(data, int8, resolver).astype(np.float64) - offset) * step, step


def partitions(data: bytes) -> int:
    """In how many pieces the XNNPACK delegate takes the graph."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    return [entry["op_name"] for entry in interpreter._get_ops_details()].count("DELEGATE")


def images(count: int, seed: int = 0) -> Int8:
    """Random int8 images of the shape that `converted` models take."""
    return np.random.default_rng(seed).integers(-128, 128, (count, 8, 8, 3)).astype(np.int8)


def activation(kind: str) -> Callable[[Any], Any]:
    """TensorFlow function of one activation, as a Keras layer would call it."""
    import tensorflow as tf

    fake_quant = tf.quantization.fake_quant_with_min_max_args
    return {
        "relu6": tf.nn.relu6,
        "elu": tf.nn.elu,
        "elu_twice": lambda x: tf.nn.elu(tf.nn.elu(x) * 2.0),
        "elu_capped": lambda x: tf.minimum(tf.nn.elu(x), 1.0),
        "elu_fake_quant": lambda x: fake_quant(tf.nn.elu(x), -1.0, 6.0),
        "elu_alpha": lambda x: tf.nn.leaky_relu(tf.nn.elu(x), 0.5),
        "elu_alpha_capped": lambda x: tf.minimum(tf.nn.leaky_relu(tf.nn.elu(x), 0.5), 1.0),
        "elu_alpha_fake_quant": lambda x: fake_quant(tf.nn.leaky_relu(tf.nn.elu(x), 0.5), -0.5, 1.0),
        "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) / 6.0,
        "swish": tf.nn.silu,
        "cos": tf.math.cos,
    }[kind]


@cache
def float_model(kind: str) -> Any:
    """A small tf_keras convnet: the activation at the input, inside, before a residual addition and at the output."""
    import tensorflow as tf
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)

    class Act(layers.Layer):
        def call(self, x: Any) -> Any:
            return activation(kind)(x)

    source = layers.Input(batch_shape=(1, 8, 8, 3), name="image")
    x = Act(name="act_in")(source)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(name="bn1")(x)
    shortcut = Act(name="act1")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(shortcut)
    x = Act(name="act2")(x)
    x = layers.Conv2D(16, 3, padding="same", name="conv2")(x)
    x = layers.Add(name="add")([x, shortcut])
    x = Act(name="act3")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(4, name="logits")(x)
    x = Act(name="act_out")(x)
    model = tf_keras.Model(source, x, name="net")
    model.get_layer("bn1").moving_variance.assign(tf.fill([16], 0.2))
    return model


def samples() -> Iterator[list[npt.NDArray[np.float32]]]:
    """A representative dataset."""
    generator = np.random.default_rng(0)
    for _ in range(32):
        yield [generator.uniform(-3, 3, (1, 8, 8, 3)).astype(np.float32)]


@cache
def converted(kind: str, form: str = "int8") -> bytes:
    """`float_model(kind)` by TFLiteConverter.

    `form` is int8, float_io (int8 with float32 inputs and outputs), dynamic_range, float16 or float32.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        module = _module(float_model(kind))
        tf.saved_model.save(module, folder, module.called)
        return _converted(tf.lite.TFLiteConverter.from_saved_model(folder), form)


def _module(model: Any) -> Any:
    """What is converted: the model as one function. Keras would write the traces of all its layers too, for seconds."""
    import tensorflow as tf

    module = tf.Module()
    module.kept = model.variables

    @tf.function(input_signature=[tf.TensorSpec(model.input_shape, tf.float32, name="image")])
    def called(image: Any) -> dict[str, Any]:
        return {"act_out": model(image)}

    module.called = called
    return module


def _converted(converter: Any, form: str) -> bytes:
    import tensorflow as tf

    if form != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if form == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if form in ("int8", "float_io"):
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if form == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "Statistics for quantized inputs were expected"
        return bytes(converter.convert())


rounded_half_even: Callable[..., Any] = np.round


def rounded_half_away(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """As C's `round`."""
    return np.sign(values) * np.floor(np.abs(values) + np.float32(0.5))


def int8_reference(
    function: Callable[..., Any], source: tuple[float, int], target: tuple[float, int], inputs: Int8 = EVERY_INT8
) -> npt.NDArray[np.float32]:
    """dequantize, function, quantize in float32 steps (scale, zero point), before rounding and saturation."""
    scale, zero_point = np.float32(source[0]), np.float32(source[1])
    real = (inputs.astype(np.float32) - zero_point) * scale
    return np.asarray(
        function(real).astype(np.float32) * (np.float32(1) / np.float32(target[0])) + np.float32(target[1])
    )


def saturated(steps: npt.NDArray[np.float32]) -> Int8:
    """int8 of what is already rounded."""
    return np.clip(steps, -128, 127).astype(np.int8)


def steps_apart(one: Int8, other: Int8) -> int:
    """The largest difference in int8 steps."""
    return int(np.max(np.abs(one.astype(int) - other.astype(int))))
