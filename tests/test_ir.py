"""The graph itself: what it says of its nodes, tensors and layers."""

import pytest

from edgeswap.activations.catalog import parse
from edgeswap.graph.ir import ACTIVATION_ATTRIBUTE, Graph, Layer, Node, Ref, map_refs

X = Node("x", "x", shapes=((None, 4),))
SPLIT = Node("split", "split", (Ref("x"),), shapes=((None, 1), (None, 3)))
UNKNOWN = Node("unknown", "unknown", ([Ref("split", 1), Ref("split")], Ref("x")), {"mask": Ref("split", 1)})
LAYERS = {node.name: Layer(node.name, "Own", {}) for node in (X, SPLIT, UNKNOWN)}
GRAPH = Graph("graph", LAYERS, (X, SPLIT, UNKNOWN), (Ref("x"),), (Ref("unknown"),))


def test_a_tensor_has_the_shape_of_its_output_or_none_where_it_is_not_known():
    assert GRAPH.shape(Ref("x")) == (None, 4)
    assert GRAPH.shape(Ref("split", 1)) == (None, 3)
    assert GRAPH.shape(Ref("unknown")) is None
    assert GRAPH.shape(Ref("split", 2)) is None


def test_a_call_reads_tensors_in_order_and_is_listed_once_by_what_it_reads():
    assert UNKNOWN.refs() == (Ref("split", 1), Ref("split"), Ref("x"), Ref("split", 1))
    assert {name: [node.name for node in readers] for name, readers in GRAPH.consumers().items()} == {
        "x": ["split", "unknown"],
        "split": ["unknown"],
        "unknown": [],
    }


def test_arguments_are_copied_with_their_tensors_changed():
    arguments = {"a": [Ref("x"), 3], "b": (Ref("split", 1), {"c": None})}
    assert map_refs(arguments, lambda ref: ref.node) == {"a": ["x", 3], "b": ("split", {"c": None})}


@pytest.mark.parametrize("key", ["activation", ACTIVATION_ATTRIBUTE])
def test_only_a_users_own_layer_has_an_activation_of_the_catalog_inside(key):
    config = {key: {"catalog": "swish"}}
    assert Layer("own", "Own", config, python_class=object).inner_activation == parse("swish")
    assert Layer("lstm", "LSTM", config).inner_activation is None
    assert Layer("own", "Own", {key: "swish"}, python_class=object).inner_activation is None
