"""Nested models put in place, on graphs written by hand: no framework, only data."""

import pytest

from edgeswap.graph.inline import inline_submodels
from edgeswap.graph.ir import Graph, Layer, Node, Ref


def graph(name, layers, nodes, output):
    named = {layer.name: layer for layer in (Layer("x", "InputLayer", {}), *layers)}
    return Graph(name, named, (Node("x", "x"), *nodes), (Ref("x"),), (Ref(output),))


def dense(name):
    return Layer(name, "Dense", {})


def model_of(submodel):
    return Layer(submodel.name, "Functional", {}, submodel=submodel)


def twice():
    """A submodel in which one layer is called twice and another once between."""
    nodes = [Node("a", "a", (Ref("x"),)), Node("b", "b", (Ref("a"),)), Node("a@1", "a", (Ref("b"),))]
    return graph("inner", [dense("a"), dense("b")], nodes, "a@1")


def chain_of(model):
    """Names of the calls from the output back to the input."""
    found, node = [], model.node(model.outputs[0])
    while node.refs():
        found.append(node.name)
        (ref,) = node.refs()
        node = model.node(ref)
    return found


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_calls_of_a_submodel_that_is_used_again_are_counted_on(calls):
    names = ["inner", *(f"inner@{number}" for number in range(1, calls))]
    nodes = [Node(name, "inner", (Ref(before),)) for before, name in zip(["x", *names], names, strict=False)]
    flat = inline_submodels(graph("outer", [model_of(twice())], nodes, names[-1]))
    assert [node.name for node in flat.nodes][1:] == chain_of(flat)[::-1]
    assert set(flat.layers) == {"x", "a", "b"}
    assert flat.renamed == {}
    assert [node.name for node in flat.calls("a")] == ["a", "a@1", "a@2", "a@3", "a@4", "a@5"][: 2 * calls]
    # The numbers of `b` leave room for the two calls of `a` in each: what counts is that no two are the same.
    assert [node.name for node in flat.calls("b")] == ["b", "b@2", "b@4"][:calls]


def test_a_submodel_in_a_submodel_that_is_used_again_is_counted_on():
    deep = twice()
    middle = graph("middle", [model_of(deep)], [Node("inner", "inner", (Ref("x"),))], "inner")
    nodes = [Node("middle", "middle", (Ref("x"),)), Node("middle@1", "middle", (Ref("middle"),))]
    flat = inline_submodels(graph("outer", [model_of(middle)], nodes, "middle@1"))
    assert chain_of(flat) == ["a@3", "b@2", "a@2", "a@1", "b", "a"]


def test_what_clashes_in_two_submodels_is_named_after_each_and_listed():
    one, other = (
        graph(name, [dense("a")], [Node("a", "a", (Ref("x"),), shapes=((None, 4),))], "a") for name in ("one", "other")
    )
    nodes = [Node("a", "a", (Ref("x"),)), Node("one", "one", (Ref("a"),)), Node("other", "other", (Ref("one"),))]
    flat = inline_submodels(graph("outer", [dense("a"), model_of(one), model_of(other)], nodes, "other"))
    assert chain_of(flat) == ["other_a", "one_a", "a"]
    assert flat.renamed == {"one_a": "a", "other_a": "a"}
    assert flat.node("one_a").shapes == ((None, 4),)
    assert {name: layer.name for name, layer in flat.layers.items()} == {name: name for name in flat.layers}


def test_a_submodel_that_gives_its_input_is_not_there():
    through = graph("through", [], [], "x")
    nodes = [Node("through", "through", (Ref("x"),)), Node("a", "a", (Ref("through"),))]
    flat = inline_submodels(graph("outer", [model_of(through), dense("a")], nodes, "a"))
    assert flat.node("a").refs() == (Ref("x"),)


def test_several_inputs_and_outputs_keep_their_order_and_keywords_reach_each_layer():
    inputs = (Ref("p"), Ref("q"))
    layers = {"p": Layer("p", "InputLayer", {}), "q": Layer("q", "InputLayer", {}), "split": Layer("split", "Own", {})}
    inner_nodes = (Node("p", "p"), Node("q", "q"), Node("split", "split", ([Ref("q"), Ref("p")],), {"axis": 1}))
    inner = Graph("inner", layers, inner_nodes, inputs, (Ref("split", 1), Ref("q")))
    for given in ([Ref("x"), Ref("a")], {"p": Ref("x"), "q": Ref("a")}):
        nodes = [
            Node("a", "a", (Ref("x"),)),
            Node("inner", "inner", (given,), {"training": False}),
            Node("sum", "sum", ([Ref("inner", 0), Ref("inner", 1)],)),
        ]
        flat = inline_submodels(graph("outer", [dense("a"), model_of(inner), Layer("sum", "Add", {})], nodes, "sum"))
        assert flat.node("split").args == ([Ref("a"), Ref("x")],)
        assert flat.node("split").kwargs == {"axis": 1, "training": False}
        assert flat.node("sum").refs() == (Ref("split", 1), Ref("a"))


def test_a_submodel_may_read_a_later_output_of_a_layer():
    inner = graph("inner", [dense("a")], [Node("a", "a", (Ref("x"),))], "a")
    nodes = [Node("split", "split", (Ref("x"),)), Node("inner", "inner", (Ref("split", 1),))]
    flat = inline_submodels(graph("outer", [Layer("split", "Own", {}), model_of(inner)], nodes, "inner"))
    assert flat.node("a").refs() == (Ref("split", 1),)


def test_each_call_has_the_shapes_that_the_submodel_has_there():
    def inner(size):
        return graph("inner", [dense("a")], [Node("a", "a", (Ref("x"),), shapes=((None, size),))], "a")

    nodes = [Node("inner", "inner", (Ref("x"),), submodel=inner(5))]
    nodes.append(Node("inner@1", "inner", (Ref("inner"),), submodel=inner(6)))
    flat = inline_submodels(graph("outer", [model_of(inner(None))], nodes, "inner@1"))
    assert [node.shapes for node in flat.calls("a")] == [((None, 5),), ((None, 6),)]
