"""The swap on graphs: what is replaced, what stays and why. No framework."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.activations.catalog import Activation
from edgeswap.errors import ConfigError
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.swap import Rule, parse_rule, swap

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
