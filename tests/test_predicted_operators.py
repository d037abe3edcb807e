"""What `predicted_operators` expects of the converter, held against what conversions really give, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edgeswap.activations.catalog import CATALOG, Activation, parse
from edgeswap.activations.int8_endings import ENDINGS
from edgeswap.compatibility import edgetpu, xnnpack
from edgeswap.compatibility.predicted_operators import activation_operators
from edgeswap.tflite.operator import Operation

# Groups of layers that are one operator or a fixed few, and of those that are as many as their shapes ask for.
PLAIN = ("activations", "images", "merges", "operations", "sequences", "volumes")
GROUPS = (*PLAIN, "normalizations", "recurrent")
ALWAYS = ("activations", "images", "merges", "operations")
RARE = ("sequences", "volumes", "normalizations", "recurrent")
# Of the operators that a layer becomes, those that the converter adds or leaves out as shapes and scales ask for.
NEUTRAL = {"RESHAPE", "QUANTIZE", "DEQUANTIZE", "PAD"}


def marked(groups: Sequence[str]) -> list[Any]:
    """The groups as parameters of tests."""
    return [pytest.param(group, marks=pytest.mark.rare if group in RARE else ()) for group in groups]


@pytest.mark.parametrize("kind", sorted(set(CATALOG) - {"hard_swish"}))
def test_the_tables_say_of_each_activation_what_the_catalog_says(kind: str) -> None:
    operators = activation_operators(Activation(kind)).operators
    ending = ENDINGS[kind]["XNNPACK"]
    outside = {name for name in operators if xnnpack.judge(Operation(name))}
    # A lone RELU is taken where it keeps its scale, which no table can know.
    assert ending.way == "fused" or outside - {"RELU"} == {*ending.outside} - {"RELU"}
    ending = ENDINGS[kind]["Edge TPU"]
    unmapped = {name for name in operators if edgetpu.judge(Operation(name))}
    assert unmapped == ({*ending.operators} if ending.way == "unsupported" else set())


def images(k: Any) -> dict[str, Any]:
    """Layers on an image, each behind a convolution of its own."""
    layers = k.layers
    return {
        "separable": layers.SeparableConv2D(4, 3),
        "depthwise": layers.DepthwiseConv2D(3, dilation_rate=2),
        "transposed": layers.Conv2DTranspose(4, 3),
        "grouped": layers.Conv2D(4, 3, groups=2),
        "folded": layers.BatchNormalization(),
        "max_pool": layers.MaxPooling2D(),
        "average_pool": layers.AveragePooling2D(2),
        "padding": layers.ZeroPadding2D(),
        "cropping": layers.Cropping2D(),
        "nearest": layers.UpSampling2D(),
        "bilinear": layers.UpSampling2D(interpolation="bilinear"),
        "unit_norm": layers.UnitNormalization(),
        "dropout": layers.Dropout(0.2),
        "permute": layers.Permute((2, 1, 3)),
        "reshape": layers.Reshape((4, 16, 4)),
        "softmax": layers.Softmax(),
        "prelu_each": layers.PReLU(),
        "exponential": layers.Activation("exponential"),
        "softsign": layers.Activation("softsign"),
        "threshold": layers.ReLU(threshold=1.0),
        "ceiling_and_slope": layers.ReLU(negative_slope=0.1, max_value=6.0),
        "dense": layers.Dense(4),
        "global_average": layers.GlobalAveragePooling2D(),
        "global_max": layers.GlobalMaxPooling2D(),
    }


def sequences(k: Any) -> dict[str, Any]:
    """Layers on a sequence of vectors."""
    layers = k.layers
    return {
        "conv": layers.Conv1D(4, 3),
        "depthwise": layers.DepthwiseConv1D(3),
        "separable": layers.SeparableConv1D(4, 3),
        "max_pool": layers.MaxPooling1D(),
        "average_pool": layers.AveragePooling1D(2),
        "global_average": layers.GlobalAveragePooling1D(),
        "upsampling": layers.UpSampling1D(),
    }


def normalizations(k: Any) -> dict[str, Any]:
    """Normalizations over the values of one image."""
    return {"layer_norm": k.layers.LayerNormalization(), "group_norm": k.layers.GroupNormalization(groups=2)}


def recurrent(k: Any) -> dict[str, Any]:
    """Recurrent layers on a sequence of vectors."""
    layers = k.layers
    return {
        "lstm": layers.LSTM(4),
        "gru": layers.GRU(4),
        "rnn": layers.SimpleRNN(4),
        "rnn_unrolled": layers.SimpleRNN(4, unroll=True),
    }


def volumes(k: Any) -> dict[str, Any]:
    """Layers on a volume."""
    return {"conv": k.layers.Conv3D(2, 3), "transposed": k.layers.Conv3DTranspose(2, 3)}


def activations(_k: Any) -> dict[str, Any]:
    """Every activation of the catalog, and some whose parameters make them other operators."""
    from edgeswap.activations.layers import activation_layer
    from edgeswap.frameworks import keras

    texts = ["elu(alpha=0.5)", "swish(beta=2)", "relu_n(max_value=3)", "hard_sigmoid(slope=0.2)", *CATALOG]
    return {f"a{index}_{parse(text).kind}": activation_layer(parse(text), keras) for index, text in enumerate(texts)}


def operations(k: Any) -> list[Any]:
    """Bare operations on an image."""
    ops = k.ops
    return [
        ops.exp,
        ops.square,
        ops.cos,
        ops.negative,
        ops.floor,
        ops.log_softmax,
        lambda x: ops.maximum(x, 0.3),
        lambda x: ops.rsqrt(ops.abs(x) + 1.0),
        lambda x: ops.tile(x, (1, 2, 2, 1)),
        lambda x: x / (ops.abs(x) + 1.0),
        lambda x: ops.var(x, axis=-1, keepdims=True),
        lambda x: ops.split(x, 2, axis=-1)[0],
        lambda x: x[:, 1:5, 1:5, :],
        lambda x: ops.cumsum(x, axis=1),
        ops.ceil,
        lambda x: x**2,
        lambda x: x**3,
        lambda x: ops.mod(x, 2.0),
        lambda x: ops.sort(x, axis=-1),
        lambda x: ops.top_k(x, 2)[0],
        lambda x: ops.cast(ops.greater(x, 0.0), "float32"),
        lambda x: ops.log1p(ops.abs(x)),
    ]


def merges(k: Any, tensor: Any) -> list[Any]:
    """Outputs of layers of several tensors."""
    names = ("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Concatenate")
    flat = k.layers.Flatten
    return [
        *(getattr(k.layers, name)(name=name.lower())([tensor(), tensor()]) for name in names),
        k.layers.Add(name="add_of_three")([tensor(), tensor(), tensor()]),
        k.layers.Dot(axes=-1, name="dot")([flat()(tensor()), flat()(tensor())]),
    ]


def model_of(group: str) -> Any:
    """One model with a branch for each layer of a group."""
    from edgeswap.frameworks import keras as k

    k.utils.set_random_seed(0)
    sizes = {"sequences": (6, 8), "recurrent": (6, 8), "volumes": (5, 5, 5, 2)}
    x = k.Input(sizes.get(group, (8, 8, 4)), name="image")

    def tensor() -> Any:
        """The input of a branch, which nothing else reads."""
        if group == "volumes":
            return x
        return k.layers.Conv1D(8, 1)(x) if len(x.shape) == 3 else k.layers.Conv2D(4, 1)(x)

    def model(branches: list[Any]) -> Any:
        """Each branch ends in a tanh: the converter does not name what a model's output comes from."""
        return k.Model(x, [k.layers.Activation("tanh")(branch) for branch in branches], name="net")

    if group == "merges":
        return model(merges(k, tensor))
    if group == "operations":
        return model([write(tensor()) for write in operations(k)])
    makers = {maker.__name__: maker for maker in (activations, images, sequences, volumes, normalizations, recurrent)}
    made = makers[group](k)
    named = {name: type(layer).from_config({**layer.get_config(), "name": name}) for name, layer in made.items()}
    built = model([layer(tensor()) for layer in named.values()])
    for layer in named.values():
        if "prelu" in layer.name:  # the converter takes slopes that are all the same for one
            layer.set_weights([np.random.default_rng(0).uniform(0.1, 0.4, weight.shape) for weight in layer.weights])
    return built


class Conversions:
    """Each group's graph, and the file that PTQ really makes of it; those of a run are converted in one process."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, bytes]] = {}

    def __getitem__(self, group: str) -> tuple[Any, bytes]:
        if group not in self._made:
            self._made |= converted(next(groups for groups in (ALWAYS, RARE) if group in groups))
        return self._made[group]


@pytest.fixture(scope="module")
def conversions() -> Conversions:
    return Conversions()


def converted(groups: Sequence[str]) -> dict[str, tuple[Any, bytes]]:
    from edgeswap.conversion.convert import Conversion, convert_all
    from edgeswap.graph.canonicalize import canonicalize
    from edgeswap.graph.read import read
    from edgeswap.quantization.calibrate import calibrate
    from edgeswap.quantization.layer_normalization import part_layer_normalizations
    from edgeswap.quantization.placement import place
    from edgeswap.quantization.qat import quantize
    from edgeswap.quantization.ranges import resolve
    from edgeswap.tflite.elu import fold_elu
    from edgeswap.tflite.lstm import mend_lstm
    from edgeswap.tflite.moves import fold_moves

    graphs, jobs = [], []
    for group in groups:
        graph = canonicalize(read(model_of(group)))
        (source,) = graph.inputs
        shape = graph.layer_of(source).config["batch_shape"][1:]
        samples = (np.random.default_rng(0).uniform(-3, 3, (8, *shape)).astype(np.float32),)
        placement = place(part_layer_normalizations(graph), input_ranges={source.node: (-3.0, 3.0)})
        jobs.append(Conversion(quantize(placement, resolve(placement, calibrate(placement, samples))), "int8", samples))
        graphs.append(graph)
    files = (fold_elu(fold_moves(mend_lstm(data))) for data in convert_all(jobs))
    return {group: (graph, data) for group, graph, data in zip(groups, graphs, files, strict=True)}


def both(conversion: tuple[Any, bytes], layer_names: Any = ()) -> tuple[Any, Any]:
    """What check says before, and what it says of the file."""
    from edgeswap.compatibility.graph_findings import check
    from edgeswap.compatibility.tflite_findings import check as check_file
    from edgeswap.targets.names import backend_of

    graph, data = conversion
    host = backend_of("host")
    return check(graph, host), check_file(data, host, layer_names=layer_names)


@pytest.mark.slow
@pytest.mark.parametrize("group", marked(GROUPS))
def test_the_layers_that_are_said_to_block_are_those_the_converter_leaves_in_float(
    conversions: Any, group: str
) -> None:
    from edgeswap.tflite.full_integer import verify

    layers = [name for name in conversions[group][0].layers if name != "image"]
    said, found = both(conversions[group], layers)
    assert said.passed == found.passed == verify(conversions[group][1]).is_full_integer
    blocking = [
        {layer for finding in result.findings if finding.severity == "blocks" for layer in finding.layers}
        for result in (said, found)
    ]
    # A loop's tensors bear no layer's name: there the nearest layer before it is found.
    assert blocking[0] == blocking[1] or group == "recurrent"


@pytest.mark.slow
@pytest.mark.parametrize("group", marked(PLAIN))
def test_the_operators_that_are_said_are_those_in_the_file(conversions: Any, group: str) -> None:
    said, found = (
        {name: count for name, count in result.operators.items() if name not in NEUTRAL}
        for result in both(conversions[group])
    )
    assert said == found


@pytest.mark.slow
@pytest.mark.parametrize("group", marked(sorted(set(GROUPS) - set(PLAIN))))
def test_of_many_operators_those_outside_of_the_delegate_are_said(conversions: Any, group: str) -> None:
    said, found = ({*result.operators} for result in both(conversions[group]))
    assert said <= found
    assert found & xnnpack.OUTSIDE <= said


@pytest.mark.slow
@pytest.mark.parametrize("group", marked(PLAIN))
def test_the_delegate_takes_what_its_table_says_it_takes(conversions: Any, group: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    from edgeswap.tflite.flatbuffer import operator_name, read, tensors

    data = conversions[group][1]
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    model, known = read(data), tensors(read(data))
    operators = model.subgraphs[0].operators
    writers = {int(index): number for number, call in enumerate(operators) for index in call.outputs}
    taken: set[int] = set()
    for piece in interpreter._get_ops_details():
        if piece["op_name"] != "DELEGATE":
            continue
        first, waiting = {int(index) for index in piece["inputs"]}, [int(index) for index in piece["outputs"]]
        while waiting:
            index = waiting.pop()
            if index in writers and index not in first and writers[index] not in taken:
                taken.add(writers[index])
                waiting += [int(source) for source in operators[writers[index]].inputs if source != -1]
    assert taken
    for number, call in enumerate(operators):
        name = operator_name(model.operatorCodes[call.opcodeIndex])
        if {known[int(index)].dtype for index in call.outputs} == {"INT8"}:
            reads = tuple(known[int(index)].shape for index in call.inputs if index != -1)
            remark = xnnpack.judge(Operation(name, reads, tuple(known[int(index)].shape for index in call.outputs)))
            assert (remark is None) == (number in taken), f"{name}, operator {number}"
            assert remark is None or remark.severity == "costs"


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["MaxPooling3D", "AveragePooling3D"])
def test_what_is_said_to_be_refused_is_refused_by_the_converter(layer: str) -> None:
    from edgeswap.conversion.convert import convert
    from edgeswap.errors import ConversionError
    from edgeswap.frameworks import tf_keras
    from edgeswap.graph.canonicalize import canonicalize
    from edgeswap.graph.read import read

    x = tf_keras.Input((4, 4, 4, 2), name="image")
    model = tf_keras.Model(x, getattr(tf_keras.layers, layer)(2, name="pool")(x))
    graph = canonicalize(read(model))
    from edgeswap.compatibility.graph_findings import check
    from edgeswap.targets.names import backend_of

    (finding,) = check(graph, backend_of("host")).findings
    assert (finding.severity, finding.layers) == ("blocks", ["pool"])
    with pytest.raises(ConversionError) as caught:
        convert(model, representative=(np.zeros((2, 4, 4, 4, 2), np.float32),))
    assert finding.what.split()[0] in caught.value.problem
