"""The swap on graphs: what is replaced, what stays and why. No framework."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ConfigError
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import OPERATION, Graph, Layer, Node, Ref
from edgeswap.graph.swap import Rule, parse_rule, swap

RELU6 = Activation("relu6")


def chain(*layers):
    """A graph of layers called one after the other; an activation may be given by its kind."""
    made = [Layer("input", "InputLayer", {"batch_shape": (None, 4)})]
    for index, layer in enumerate(layers):
        made.append(activation_layer(f"act_{index}", Activation(layer)) if isinstance(layer, str) else layer)
    nodes = [Node("input", "input")]
    for layer in made[1:]:
        nodes.append(Node(layer.name, layer.name, (Ref(nodes[-1].name),)))
    return Graph("chain", {layer.name: layer for layer in made}, tuple(nodes), (Ref("input"),), (Ref(nodes[-1].name),))


def dense(name):
    return Layer(name, "Dense", {}, (np.ones((4, 4)), np.zeros(4)))


def swapped(result):
    return {entry.layer: (entry.from_, entry.to) for entry in result.activations.swapped}


def skipped(result):
    return {entry.layer: entry.reason for entry in result.activations.skipped}


def test_every_hidden_activation_is_swapped_and_the_output_stays():
    graph = chain(dense("a"), "swish", dense("b"), "relu", dense("c"), "sigmoid")
    result = swap(graph, RELU6)
    assert swapped(result) == {"act_1": ("swish", "relu6"), "act_3": ("relu", "relu6")}
    assert skipped(result) == {"act_5": "it is the model's output"}


def test_an_output_activation_before_a_reshape_is_the_output_all_the_same():
    graph = chain(dense("a"), "tanh", Layer("shape", "Reshape", {"target_shape": (2, 2)}))
    assert swapped(swap(graph, RELU6)) == {}


def test_the_gate_of_a_squeeze_and_excite_block_stays_unless_its_layer_is_named():
    graph = chain(dense("a"), "swish", dense("squeeze"), "relu", dense("excite"), "sigmoid")
    scale = Layer("scale", "Multiply", {})
    nodes = (
        *graph.nodes,
        Node("scale", "scale", ([Ref("act_1"), Ref("act_5")],)),
        Node("head", "head", (Ref("scale"),)),
    )
    layers = {**graph.layers, "scale": scale, "head": dense("head")}
    gated = Graph("gated", layers, nodes, graph.inputs, (Ref("head"),))
    result = swap(gated, RELU6)
    assert set(swapped(result)) == {"act_1", "act_3"}
    assert skipped(result) == {"act_5": "it is the gate of a squeeze-and-excite block"}
    named = swap(gated, RELU6, [parse_rule("act_5=tanh")])
    assert swapped(named)["act_5"] == ("sigmoid", "tanh")


def test_a_rule_by_kind_speaks_of_that_kind_alone():
    graph = chain(dense("a"), "swish", dense("b"), "relu", dense("c"))
    assert swapped(swap(graph, None, [parse_rule("silu=hard_swish")])) == {"act_1": ("swish", "hard_swish")}


def test_the_last_rule_that_fits_wins_over_the_others_and_over_the_activation():
    graph = chain(dense("a"), "swish", dense("b"), "swish", dense("c"))
    rules = [parse_rule("act_*=tanh"), parse_rule("act_1=clipped_elu(max_value=4)")]
    assert swapped(swap(graph, RELU6, rules)) == {
        "act_1": ("swish", "clipped_elu(max_value=4)"),
        "act_3": ("swish", "tanh"),
    }


def test_only_the_activation_changes():
    graph = chain(dense("a"), "swish", dense("b"))
    result = swap(graph, RELU6)
    assert result.graph.nodes == graph.nodes
    assert result.graph.layers["a"] is graph.layers["a"]
    assert graph.layers["act_1"].activation == Activation("swish")


def test_an_activation_that_the_catalog_does_not_hold_is_listed_as_skipped():
    graph = chain(dense("a"), Layer("odd", "Activation", {"activation": "exponential"}), dense("b"))
    assert skipped(swap(graph, RELU6)) == {"odd": "the catalog does not hold it"}


def test_the_activation_of_a_recurrent_layer_is_named_as_the_catalog_names_it():
    graph = chain(Layer("steps", "LSTM", {"activation": {"catalog": "hard_swish"}}), dense("b"))
    (entry,) = swap(graph, RELU6).activations.skipped
    assert (entry.layer, entry.activation) == ("steps", "hard_swish")


def test_a_rule_that_fits_nothing_is_an_error_that_lists_the_activations():
    with pytest.raises(ConfigError, match="'relu' fits none") as raised:
        swap(chain(dense("a"), "swish", dense("b")), None, [parse_rule("relu=relu6")])
    assert "act_1 (swish)" in raised.value.remedy


@pytest.mark.parametrize("text", ["relu6", "=relu6", "swish=", "swish=unheard_of", ""])
def test_a_malformed_rule_is_an_error(text):
    with pytest.raises(ConfigError):
        parse_rule(text)


@given(st.lists(st.sampled_from(["swish", "relu", "relu6", "tanh", "elu"]), min_size=1, max_size=6))
def test_a_swap_done_twice_is_a_swap_done_once(kinds):
    graph = chain(*(step for index, kind in enumerate(kinds) for step in (dense(f"d{index}"), kind)), dense("head"))
    once = swap(graph, RELU6)
    assert swapped(swap(once.graph, RELU6)) == {}
    assert len(swapped(once)) == sum(kind != "relu6" for kind in kinds)


@given(st.sampled_from(["swish", "relu", "clipped_elu(alpha=0.5)"]))
def test_a_swap_of_an_activation_for_itself_changes_nothing(text):
    to = parse_rule(f"swish={text}").to
    graph = chain(dense("a"), dense("b"))
    layers = {**graph.layers, "b": activation_layer("b", to)}
    same = Graph("same", layers, (*graph.nodes, Node("head", "head", (Ref("b"),))), graph.inputs, (Ref("head"),))
    same = Graph("same", {**layers, "head": dense("head")}, same.nodes, same.inputs, same.outputs)
    assert swapped(swap(same, None, [Rule("b", to)])) == {}


def test_a_rule_by_the_name_of_a_kind_with_parameters_speaks_of_those_alone():
    graph = chain(dense("a"), "relu3", dense("b"), "relu6", dense("c"))
    assert swapped(swap(graph, None, [parse_rule("relu3=tanh")])) == {"act_1": ("relu_n(max_value=3)", "tanh")}


def detector(*, follows):
    """Two sigmoids of scores, each reshaped and joined with boxes; then `follows`, or the end."""
    shape = {"target_shape": (2, 2)}
    layers = [
        Layer("input", "InputLayer", {"batch_shape": (None, 4)}),
        dense("a"),
        activation_layer("hidden", Activation("swish")),
        *(layer for i in (0, 1) for layer in (activation_layer(f"scores{i}", Activation("sigmoid")), dense(f"c{i}"))),
        *(Layer(f"shape{i}", "Reshape", shape) for i in (0, 1)),
        Layer("join", "Concatenate", {"axis": 1}),
        Layer("cut", OPERATION, {"source": {"tensorflow": "strided_slice"}}),
        *follows,
    ]
    calls = {
        "a": "input",
        "hidden": "a",
        **{f"c{i}": "hidden" for i in (0, 1)},
        **{f"scores{i}": f"c{i}" for i in (0, 1)},
        **{f"shape{i}": f"scores{i}" for i in (0, 1)},
        "join": ["shape0", "shape1"],
        "cut": "join",
    }
    nodes = [Node("input", "input")]
    for name, read in calls.items():
        refs = Ref(read) if isinstance(read, str) else [Ref(one) for one in read]
        nodes.append(Node(name, name, (refs,)))
    for layer in follows:
        nodes.append(Node(layer.name, layer.name, (Ref(nodes[-1].name),)))
    by_name = {layer.name: layer for layer in layers}
    return Graph("detector", by_name, tuple(nodes), (Ref("input"),), (Ref(nodes[-1].name),))


def test_scores_that_reach_the_output_through_layers_that_change_the_shape_are_its_outputs():
    result = swap(detector(follows=[]), RELU6)
    assert swapped(result) == {"hidden": ("swish", "relu6")}
    reason = "it is a model's output: only layers that change the shape follow"
    assert skipped(result) == {"scores0": reason, "scores1": reason}
    assert swapped(swap(detector(follows=[]), None, [parse_rule("scores0=tanh")])) == {"scores0": ("sigmoid", "tanh")}


def test_scores_that_are_computed_with_are_hidden():
    assert set(swapped(swap(detector(follows=[dense("head")]), RELU6))) == {"hidden", "scores0", "scores1"}


SHAPE_ONLY = st.sampled_from([
    Layer("", "Reshape", {"target_shape": (2, 2)}),
    Layer("", "Permute", {"dims": (1,)}),
    Layer("", "Dropout", {"rate": 0.5}),
    Layer("", "Cropping1D", {"cropping": (1, 0)}),
    Layer("", "UpSampling2D", {"interpolation": "nearest"}),
    Layer("", "EdgeswapActivation", {"kind": "linear", "parameters": {}}),
    Layer("", OPERATION, {"source": {"class_name": "GetItem"}}),
    Layer("", OPERATION, {"source": {"tensorflow": "compat.v1.transpose"}}),
    Layer("", OPERATION, {"source": {"class_name": "Stack"}}),
])  # fmt: skip


@given(st.lists(SHAPE_ONLY, max_size=8), st.booleans())
def test_any_chain_that_changes_the_shape_alone_leaves_an_output_activation(chained, computed):
    follows = [replace(layer, name=f"after{index}") for index, layer in enumerate(chained)]
    follows += [dense("head")] if computed else []
    assert ("act_1" in swapped(swap(chain(dense("a"), "swish", *follows), RELU6))) == computed


@pytest.mark.slow
def test_a_chain_of_a_thousand_layers_is_walked_without_recursion():
    many = [Layer(f"drop{index}", "Dropout", {"rate": 0.5}) for index in range(3000)]
    assert skipped(swap(chain(dense("a"), "swish", *many), RELU6)).keys() == {"act_1"}


def test_a_users_own_layer_that_bears_the_name_of_a_reshape_may_be_anything():
    own = Layer("own", "Flatten", {}, python_class=object)
    assert swapped(swap(chain(dense("a"), "tanh", own), RELU6)) == {"act_1": ("tanh", "relu6")}
    assert swapped(swap(chain(dense("a"), "tanh", Layer("flat", "Flatten", {})), RELU6)) == {}


@pytest.mark.parametrize("text", ["relu=", "relu= ", "=relu", " =relu", "relu", ""])
def test_a_rule_without_one_of_its_sides_is_refused(text):
    with pytest.raises(ConfigError, match="PATTERN=ACTIVATION"):
        parse_rule(text)


def test_a_users_own_layer_that_scales_another_tensor_is_no_gate():
    own = Layer("own", "Own", {"activation": {"catalog": "sigmoid"}}, python_class=object)
    graph = chain(dense("a"), "swish", own)
    scale = Node("scale", "scale", ([Ref("act_1"), Ref("own")],))
    nodes = (*graph.nodes, scale, Node("head", "head", (Ref("scale"),)))
    layers = {**graph.layers, "scale": Layer("scale", "Multiply", {}), "head": dense("head")}
    assert "own" in swapped(swap(Graph("gated", layers, nodes, graph.inputs, (Ref("head"),)), RELU6))
