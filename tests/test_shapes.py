"""After every pass the shapes on a graph's nodes are those of the tensors of the model that is built from it."""

import keras_models as models
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeswap.activations.catalog import parse
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.feature_normalization import without_normalizations
from edgeswap.graph.layer_names import built_name
from edgeswap.graph.read import read
from edgeswap.graph.shapes import tensors_of
from edgeswap.graph.swap import swap
from edgeswap.quantization.decompose import decompose
from edgeswap.quantization.placement import place

FRAMEWORKS = [keras, tf_keras]
both = pytest.mark.parametrize("framework", FRAMEWORKS, ids=["keras", "tf_keras"])

PASSES = {
    "canonicalize": lambda graph: graph,
    "swap": lambda graph: swap(graph, parse("clipped_elu(alpha=0.5)")).graph,
    "without_normalizations": lambda graph: without_normalizations(graph, ())[0],
    "decompose": decompose,
    "place": lambda graph: place(graph, input_ranges={ref.node: (-1.0, 1.0) for ref in graph.inputs}).graph,
}


def on_nodes(graph):
    return {node.name: node.shapes for node in graph.nodes}


def built(graph, framework):
    """Shapes by node, off the built model, whose layers may bear other names."""
    tensors = tensors_of(build(graph, framework), framework)
    found = {}
    for name, layer in graph.layers.items():
        given_name = name if layer.class_name == "InputLayer" else built_name(name, framework.__name__)
        for index, node in enumerate(graph.calls(name)):
            call = given_name if index == 0 else f"{given_name}@{index}"
            found[node.name] = tuple(tuple(tensor.shape) for tensor in tensors[call])
    return found


def assert_right_after(passes, model, framework):
    graph = canonicalize(read(model))
    swapped = PASSES["swap"](graph)
    for name in passes:
        changed = PASSES[name](swapped if name == "place" else graph)
        assert on_nodes(changed) == built(changed, framework), name
    return graph


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    plan=st.lists(st.tuples(st.sampled_from(models.STEPS), st.integers(0, 100)), min_size=1, max_size=6), data=st.data()
)
def test_any_graph_has_the_shapes_of_its_model(plan, data):
    framework = data.draw(st.sampled_from(FRAMEWORKS))
    assert_right_after(PASSES, models.random_model(framework, plan), tf_keras)


@both
@pytest.mark.parametrize("name", ["sequential", "branching", "frozen_base", "operations"])
def test_models_that_people_bring_have_theirs(framework, name):
    assert_right_after(["canonicalize", "place"], getattr(models, name)(framework), framework)


@pytest.mark.slow
@both
def test_layers_that_are_taken_apart_have_theirs(framework):
    layers = framework.layers
    image, features = framework.Input((12, 9, 3), name="image"), framework.Input((4,), name="features")
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", name="separable")(image)
    x = layers.ELU(0.5, name="elu")(layers.BatchNormalization(name="alone")(layers.ReLU(name="relu")(x)))
    narrow = layers.Conv2D(1, (12, 9), name="narrow")(image)
    x = layers.Add(name="three")([layers.Conv2D(6, 1, name="one")(narrow), layers.Conv2D(6, 1, name="two")(narrow), x])
    x = layers.Flatten(name="flat")(layers.AveragePooling2D((12, 9), name="whole")(x))
    y = layers.Dense(6, name="dense")(layers.Rescaling([1.0, 2.0, 3.0, 4.0], name="scaled")(features))
    y = layers.BatchNormalization(name="folded")(y)
    x = layers.Concatenate(name="join")([x, layers.ReLU(6.0, name="clipped")(y)])
    model = framework.Model([image, features], layers.Dense(2, name="head")(x))
    graph = assert_right_after(PASSES, model, tf_keras)
    assert {"separable_depthwise", "elu_elu", "three_sum1"} <= {node.layer for node in decompose(graph).nodes}
    assert decompose(graph).layers["whole"].class_name == "GlobalAveragePooling2D"


@both
def test_a_nested_model_of_any_size_has_the_sizes_of_each_of_its_calls(framework):
    inner = framework.Input((None, None, 3))
    deep = framework.Sequential(
        [framework.Input((None, None, 3)), framework.layers.Conv2D(3, 3, name="deep_conv")], name="deep"
    )
    base = framework.Model(inner, framework.layers.Conv2D(4, 3, strides=2, name="conv")(deep(inner)), name="base")
    large, small = framework.Input((32, 24, 3), name="large"), framework.Input((16, 16, 3), name="small")
    pool = framework.layers.GlobalAveragePooling2D(name="pool")
    joined = framework.layers.Concatenate(name="join")([pool(base(large)), pool(base(small))])
    model = framework.Model([large, small], joined)
    before = [len(layer._inbound_nodes) for layer in (*base.layers, *deep.layers)]
    graph = assert_right_after(["canonicalize"], model, framework)
    assert on_nodes(graph)["deep_conv"] == ((None, 30, 22, 3),)
    assert on_nodes(graph)["conv@1"] == ((None, 6, 6, 4),)
    assert [len(layer._inbound_nodes) for layer in (*base.layers, *deep.layers)] == before  # the model is as it was


@both
def test_a_fixed_batch_reaches_into_nested_models(framework):
    base = framework.Sequential([framework.Input((6,)), framework.layers.Dense(4, name="dense")], name="base")
    x = framework.Input(batch_shape=(1, 6), name="x")
    graph = assert_right_after(["canonicalize"], framework.Model(x, base(x)), framework)
    assert on_nodes(graph)["dense"] == ((1, 4),)
    assert on_nodes(canonicalize(read(base)))["dense"] == ((None, 4),)


@both
@pytest.mark.parametrize("case", models.SEQUENCE_LAYERS)
def test_layers_of_sequences_have_theirs(framework, case):
    assert_right_after(["canonicalize"], models.sequence_layer(framework, case), framework)


@both
def test_a_layer_with_several_outputs_has_a_shape_for_each(framework):
    x = framework.Input((6, 4), name="x")
    outputs = framework.layers.LSTM(5, return_state=True, name="lstm")(x)
    graph = assert_right_after(["canonicalize"], framework.Model(x, outputs), framework)
    assert on_nodes(graph)["lstm"] == ((None, 5),) * 3
