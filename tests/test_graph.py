"""read, canonicalize, build: the same function comes back, in either framework."""

import keras_models as models
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeswap.activations.catalog import Activation, parse
from edgeswap.activations.layers import activation_layer
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build, framework_layers, with_weights_of
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import ACTIVATION, OPERATION
from edgeswap.graph.precision import in_float32
from edgeswap.graph.read import read
from edgeswap.graph.swap import swap
from edgeswap.graph.swap_pattern import parse_rule

FRAMEWORKS = [keras, tf_keras]
both = pytest.mark.parametrize("framework", FRAMEWORKS, ids=["keras", "tf_keras"])
WITHIN = 1e-5  # of the largest output: float32 sums come in another order when a model is built anew


def predictions(model, inputs):
    outputs = model(inputs, training=False)
    return [np.asarray(output) for output in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def assert_same_function(model, built, inputs):
    for expected, got in zip(predictions(model, inputs), predictions(built, inputs), strict=True):
        assert np.abs(expected).max() > 0.01
        assert np.abs(expected - got).max() <= WITHIN * np.abs(expected).max()


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def kinds(graph):
    return {layer.name: str(layer.activation) for layer in graph.layers.values() if layer.activation}


@both
def test_an_inline_activation_becomes_a_node_of_its_own(framework):
    model = models.sequential(framework)
    graph = canonicalize(read(model))
    assert kinds(graph) == {"conv_activation": "relu", "hidden_activation": "swish"}
    assert graph.layers["head_activation"].class_name == "Softmax"
    assert graph.layers["conv"].config["activation"] == "linear"
    assert_same_function(model, build(graph, framework), images(3, 8, 8, 3))


@both
@pytest.mark.parametrize("other", FRAMEWORKS, ids=["to_keras", "to_tf_keras"])
def test_a_model_with_branches_sharing_and_nesting_comes_back(framework, other):
    model = models.branching(framework)
    inputs = [images(3, 8, 8, 3), images(3, 4)]
    built = build(canonicalize(read(model)), other)
    assert built.count_params() == model.count_params()
    assert_same_function(model, built, inputs)


@both
def test_a_model_called_twice_shares_its_weights(framework):
    graph = canonicalize(read(models.branching(framework)))
    calls = [node.name for node in graph.nodes if node.layer == "base_conv"]
    assert calls == ["base_conv", "base_conv@1"]


@both
def test_nested_models_to_any_depth_are_put_in_place(framework):
    model = models.nested(framework, depth=4)
    graph = canonicalize(read(model))
    assert not any(layer.submodel for layer in graph.layers.values())
    assert_same_function(model, build(graph, framework), images(3, 6))


@both
def test_a_name_that_clashes_gets_its_submodels_in_front_and_is_listed(framework):
    graph = canonicalize(read(models.nested(framework, depth=2)))
    assert set(graph.layers) >= {"dense", "level1_dense", "level2_dense"}
    assert graph.renamed == {"level1_dense": "dense", "level2_dense": "dense"}


@both
def test_what_a_nested_model_is_called_with_reaches_its_layers(framework):
    model = models.frozen_base(framework)
    built = build(canonicalize(read(model)), framework)
    inputs = images(5, 8, 8, 3)
    expected, got = (np.asarray(one(inputs, training=True)) for one in (model, built))
    assert np.abs(expected - got).max() <= WITHIN * np.abs(expected).max()


def test_a_base_that_is_called_for_inference_does_not_normalize_by_the_batch_in_training():
    x, features = tf_keras.Input((4,)), tf_keras.Input((4,))
    base = tf_keras.Model(x, tf_keras.layers.BatchNormalization()(tf_keras.layers.Dense(3)(x)), name="base")
    model = tf_keras.Model(features, base(features, training=False))
    built, inputs = build(canonicalize(read(model))), 3 * images(8, 4) + 1
    expected, got = model(inputs).numpy(), built(inputs, training=True).numpy()
    assert np.abs(got - expected).max() <= WITHIN * np.abs(expected).max()


@both
def test_a_layer_that_comes_twice_in_a_sequence_is_called_twice(framework):
    dense = framework.layers.Dense(4, name="dense")
    model = framework.Sequential([framework.Input((4,)), dense, framework.layers.ReLU(name="relu"), dense])
    graph = canonicalize(read(model))
    assert [node.name for node in graph.nodes][1:] == ["dense", "relu", "dense@1"]
    assert_same_function(model, build(graph), images(3, 4))


@both
def test_a_graph_with_layers_listed_in_a_config_is_built_more_than_once(framework):
    layers, x = framework.layers, framework.Input((2, 3))
    cells = layers.StackedRNNCells([layers.StackedRNNCells([layers.SimpleRNNCell(2)])])
    graph = canonicalize(read(framework.Model(x, layers.RNN(cells, name="cells")(x))))
    for _ in range(2):  # Keras takes what it builds from out of a config
        assert "cells" in framework_layers(graph, framework)


@both
def test_a_sixth_of_what_is_no_activation_stays(framework):
    x = framework.Input((4,))
    model = framework.Model(x, framework.layers.Dense(3, name="dense")(x) / 6.0)
    graph = canonicalize(read(model))
    assert kinds(graph) == {}
    assert_same_function(model, build(graph, framework), images(3, 4))


@both
def test_names_flags_regularizers_and_weights_are_kept_and_the_original_untouched(framework):
    model = models.frozen_base(framework)
    before = [array.copy() for array in model.get_weights()]
    built = build(canonicalize(read(model)), framework)
    for layer in built.layers:
        layer.set_weights([array + 1 for array in layer.get_weights()])
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    flags = {layer.name: layer.trainable for layer in built.layers}
    assert flags["base_conv"] is False
    assert flags["head"] is True
    assert built.get_layer("head").kernel_regularizer.get_config()["l2"] == pytest.approx(0.01)


@both
def test_weights_of_a_trained_build_go_back_into_the_graph(framework):
    graph = canonicalize(read(models.sequential(framework)))
    built = build(graph, framework)
    built.get_layer("conv").set_weights([array + 1 for array in built.get_layer("conv").get_weights()])
    changed = with_weights_of(graph, built)
    assert (changed.layers["conv"].weights[0] == graph.layers["conv"].weights[0] + 1).all()
    assert (changed.layers["hidden"].weights[0] == graph.layers["hidden"].weights[0]).all()


@both
def test_the_batch_can_be_fixed(framework):
    built = build(canonicalize(read(models.sequential(framework))), framework, batch_size=1)
    assert tuple(built.inputs[0].shape) == (1, 8, 8, 3)


@both
@pytest.mark.parametrize("other", FRAMEWORKS, ids=["to_keras", "to_tf_keras"])
def test_bare_operations_become_layers(framework, other):
    model = models.operations(framework)
    graph = canonicalize(read(model))
    assert {"Rescaling", "Add", "Multiply", "Concatenate", "GlobalAveragePooling2D"} <= {
        layer.class_name for layer in graph.layers.values()
    }
    assert_same_function(model, build(graph, other), images(3, 8, 8, 3))


@both
def test_an_operation_that_no_layer_computes_is_called_as_it_is(framework):
    x = framework.Input((8, 8, 3))
    cut = x[:, 1:5, ..., :2]
    model = framework.Model(x, keras.ops.max(cut, axis=1) if framework is keras else tf.reduce_max(cut, axis=1))
    graph = canonicalize(read(model))
    assert [layer.class_name for layer in graph.layers.values()].count(OPERATION) == 2
    for other in FRAMEWORKS:
        assert_same_function(model, build(graph, other), images(3, 8, 8, 3))


@both
@pytest.mark.parametrize("form", list(models.WRITTEN_OUT))
def test_an_activation_that_is_written_out_is_found(framework, form):
    model, kind = models.written_out(framework, form)
    graph = canonicalize(read(model))
    assert list(kinds(graph).values()) == [kind]
    assert_same_function(model, build(graph, framework), images(3, 8, 8, 3))


@both
def test_a_written_out_activation_whose_inside_is_read_elsewhere_stays(framework):
    x = framework.Input((4,))
    gate = framework.layers.Activation("sigmoid", name="gate")(x)
    model = framework.Model(x, [framework.layers.Multiply()([x, gate]), gate])
    assert kinds(canonicalize(read(model))) == {"gate": "sigmoid"}


@both
def test_an_activation_that_keras_does_not_have_is_read_again_from_the_layer_made_for_it(framework):
    x = framework.Input((4,))
    made = activation_layer(parse("hard_swish(max_value=2)"), framework, name="clipped")
    model = framework.Model(x, made(x))
    graph = canonicalize(read(model))
    assert kinds(graph) == {"clipped": "hard_swish(max_value=2)"}
    for other in FRAMEWORKS:
        assert_same_function(model, build(graph, other), images(3, 4))


@both
def test_a_layer_class_of_the_users_own_keeps_its_class(framework):
    model = models.own_layer(framework)
    graph = canonicalize(read(model))
    assert graph.layers["doubling"].python_class is type(model.get_layer("doubling"))
    assert_same_function(model, build(graph, framework), images(3, 4))


def test_a_layer_class_of_one_framework_is_refused_in_the_other():
    graph = canonicalize(read(models.own_layer(keras)))
    with pytest.raises(ModelError, match="belongs to another framework"):
        build(graph, tf_keras)


@both
def test_a_subclassed_model_is_refused_with_the_way_out(framework):
    class Own(framework.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ModelError, match="subclassed model 'Own'") as raised:
        read(Own())
    assert "functional model" in raised.value.remedy


@both
def test_a_model_that_does_not_know_its_input_is_refused(framework):
    with pytest.raises(ModelError, match="does not know its input shape"):
        read(framework.Sequential([framework.layers.Dense(2)]))


def test_what_is_no_model_is_refused():
    with pytest.raises(ModelError, match="got int"):
        read(3)


@both
def test_statistics_of_a_normalization_layer_are_kept(framework):
    layer = framework.layers.Normalization()
    layer.adapt(images(50, 4) * 3 + 7)
    model = framework.Sequential([framework.Input((4,)), layer])
    for other in FRAMEWORKS:
        assert_same_function(model, build(canonicalize(read(model)), other), images(3, 4))


def test_mixed_precision_is_kept_within_a_framework():
    dense = keras.layers.Dense(2, dtype="mixed_float16", name="dense")
    built = build(canonicalize(read(keras.Sequential([keras.Input((4,)), dense]))), keras)
    assert built.get_layer("dense").dtype_policy.name == "mixed_float16"


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    plan=st.lists(st.tuples(st.sampled_from(models.STEPS), st.integers(0, 100)), min_size=1, max_size=8), data=st.data()
)
def test_any_graph_comes_back(plan, data):
    framework = data.draw(st.sampled_from(FRAMEWORKS))
    other = data.draw(st.sampled_from(FRAMEWORKS))
    model = models.random_model(framework, plan)
    graph = canonicalize(read(model))
    built = build(graph, other)
    inputs = images(2, 6, 6, 4)
    expected, got = np.asarray(model(inputs)), np.asarray(built(inputs))
    assert built.count_params() == model.count_params()
    assert np.abs(expected - got).max() <= 1e-4 * max(np.abs(expected).max(), 1.0)
    inline = [layer.config.get("activation") for layer in graph.layers.values() if layer.class_name != "Activation"]
    assert set(inline) <= {None, "linear"}
    assert all(layer.activation for layer in graph.layers.values() if layer.class_name == ACTIVATION)


@both
@pytest.mark.parametrize("form", ["config", "attribute"])
def test_a_users_layer_is_built_again_with_another_activation(framework, form):
    model = models.gated_layer(framework, form)
    graph = canonicalize(read(model))
    assert str(graph.layers["gated"].inner_activation) == "swish"
    for to in ("swish", "relu6", "clipped_elu(max_value=2)"):
        swapped = swap(graph, parse(to))
        assert [entry.layer for entry in swapped.activations.swapped] == ([] if to == "swish" else ["gated"])
        built = build(swapped.graph, framework)
        inputs = images(5, 4) * 3
        kernel = model.get_layer("gated").get_weights()[0]
        expected = parse(to)(inputs @ kernel) * 2
        got = np.asarray(framework.Model(built.input, built.get_layer("gated").output)(inputs))
        assert np.abs(got - expected).max() <= WITHIN * np.abs(expected).max()


@both
def test_a_recurrent_layers_own_activation_is_listed_as_skipped(framework):
    model = framework.Sequential(
        [framework.Input((5, 3)), framework.layers.LSTM(4, name="lstm"), framework.layers.Dense(2)]
    )
    result = swap(canonicalize(read(model)), parse("relu6"))
    (entry,) = result.activations.skipped
    assert (entry.layer, entry.activation, entry.reason) == ("lstm", "tanh", "it is inside the recurrent layer LSTM")


@both
def test_a_learned_activation_keeps_what_it_learned(framework):
    x = framework.Input((6, 6, 4))
    slopes = framework.layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_normal", name="slopes")
    model = framework.Model(x, slopes(x))
    graph = canonicalize(read(model))
    assert kinds(graph) == {"slopes": "prelu"}
    for other in FRAMEWORKS:
        assert_same_function(model, build(graph, other), images(3, 6, 6, 4))


@both
def test_a_newly_swapped_in_activation_that_learns_starts_where_the_catalog_says(framework):
    graph = swap(canonicalize(read(models.sequential(framework))), parse("pact")).graph
    built = build(graph, framework)
    assert [float(array) for array in built.get_layer("hidden_activation").get_weights()] == [6.0]
    assert with_weights_of(graph, built).layers["hidden_activation"].weights == (6.0,)


@both
def test_a_model_of_mixed_precision_comes_in_float32_for_quantization(framework):
    policy = "mixed_float16"
    x = framework.Input((4,))
    y = framework.layers.Dense(8, activation="relu", dtype=policy)(x)
    model = framework.Model(x, framework.layers.Dense(2, dtype=framework.mixed_precision.Policy(policy))(y))
    built = build(in_float32(canonicalize(read(model))), tf_keras)
    assert {layer.compute_dtype for layer in built.layers} == {"float32"}
    inputs = images(3, 4)
    expected, got = np.asarray(model(inputs), np.float32), np.asarray(built(inputs))
    assert np.abs(expected - got).max() <= 2e-3 * np.abs(expected).max()  # float16 has 11 bits


@both
@pytest.mark.parametrize("other", FRAMEWORKS, ids=["to_keras", "to_tf_keras"])
@pytest.mark.parametrize("case", models.SEQUENCE_LAYERS)
def test_layers_of_sequences_and_wrapped_layers_come_back(framework, other, case):
    model = models.sequence_layer(framework, case)
    built = build(canonicalize(read(model)), other)
    assert built.count_params() == model.count_params()
    assert_same_function(model, built, images(3, 6, 4))


@both
def test_a_swap_of_an_activation_for_itself_gives_the_same_outputs(framework):
    model = models.sequential(framework)
    graph = swap(canonicalize(read(model)), None, [parse_rule("swish=swish"), parse_rule("relu=relu")]).graph
    inputs = images(3, 8, 8, 3)
    for other in FRAMEWORKS:
        assert np.abs(np.asarray(build(graph, other)(inputs)) - np.asarray(model(inputs))).max() <= 1e-6


@pytest.mark.parametrize(
    ("framework", "elu", "alpha"),
    [
        (keras, keras.ops.elu, 1.0),
        (keras, lambda x: keras.ops.elu(x, alpha=0.5), 0.5),
        (tf_keras, tf.nn.elu, 1.0),
    ],
)
def test_a_bare_elu_is_the_activation(framework, elu, alpha):
    x = framework.Input((4,))
    graph = canonicalize(read(framework.Model(x, elu(elu(x)))))
    activations = [layer.activation for layer in graph.layers.values() if layer.class_name != "InputLayer"]
    assert activations == [Activation("elu", {"alpha": alpha})] * 2
