"""Nested models put in the place of the layer that held them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from edgeswap.graph.ir import Graph, Layer, Node, Ref, map_refs


def inline_submodels(graph: Graph) -> Graph:
    """The same graph without nested models, to any depth.

    Inner layers keep their names; one that clashes gets its submodel's name in front (`renamed` lists it). A submodel
    that is called twice has its layers called twice. What a submodel is called with by keyword, such as
    `training=False`, reaches each layer in it.
    """
    if not any(layer.submodel for layer in graph.layers.values()):
        return graph
    flat = _Flat({name: layer for name, layer in graph.layers.items() if layer.submodel is None})
    nodes: list[Node] = []
    moved: dict[Ref, Ref] = {}
    for node in graph.nodes:
        args, kwargs = map_refs((node.args, node.kwargs), lambda ref: moved.get(ref, ref))
        submodel = node.submodel or graph.layers[node.layer].submodel
        if submodel is None:
            nodes.append(replace(node, args=args, kwargs=kwargs))
            continue
        inner, outputs = flat.call(node.layer, submodel, args, kwargs)
        nodes.extend(inner)
        moved.update({Ref(node.name, index): ref for index, ref in enumerate(outputs)})
    return replace(
        graph,
        layers=flat.layers,
        nodes=tuple(nodes),
        outputs=tuple(moved.get(ref, ref) for ref in graph.outputs),
        renamed={**graph.renamed, **flat.renamed},
    )


@dataclass
class _Flat:
    """The layers of the flat graph as they gather, and what each submodel's layers are called there."""

    layers: dict[str, Layer]
    renamed: dict[str, str] = field(default_factory=dict)
    _names: dict[str, dict[str, str]] = field(default_factory=dict)
    _calls: dict[str, int] = field(default_factory=dict)

    def call(self, name: str, submodel: Graph, args: Any, kwargs: Any) -> tuple[list[Node], tuple[Ref, ...]]:
        """The nodes that stand for one call of a submodel, and the tensors that come out."""
        inner = inline_submodels(submodel)
        if name not in self._names:
            self._names[name] = self._adopt(name, inner)
        names = self._names[name]
        call = self._calls.get(name, 0)
        self._calls[name] = call + 1
        span = 1 + max((_call_index(node) for node in inner.nodes), default=0)
        moved: dict[str, Ref] = dict(zip((ref.node for ref in inner.inputs), _flatten(args), strict=True))

        def here(ref: Ref) -> Ref:
            found = moved[ref.node]
            return found if ref.node in source_names else Ref(found.node, ref.index)

        source_names = {ref.node for ref in inner.inputs}
        nodes: list[Node] = []
        for node in inner.nodes:
            if node.name in source_names:
                continue
            index = _call_index(node) + call * span
            layer = names[node.layer]
            new_name = layer if index == 0 else f"{layer}@{index}"
            inner_args, inner_kwargs = map_refs((node.args, node.kwargs), here)
            moved[node.name] = Ref(new_name)
            nodes.append(Node(new_name, layer, inner_args, {**inner_kwargs, **kwargs}, node.shapes))
        return nodes, tuple(here(ref) for ref in inner.outputs)

    def _adopt(self, submodel: str, inner: Graph) -> dict[str, str]:
        names: dict[str, str] = {}
        for layer in inner.layers.values():
            if layer.class_name == "InputLayer":
                continue
            name = layer.name
            while name in self.layers:
                name = f"{submodel}_{name}"
            names[layer.name] = name
            self.layers[name] = replace(layer, name=name)
            if name != layer.name:
                self.renamed[name] = layer.name
        self.renamed.update({names[new]: old for new, old in inner.renamed.items()})
        return names


def _call_index(node: Node) -> int:
    return int(node.name.removeprefix(node.layer).removeprefix("@") or 0)


def _flatten(value: Any) -> list[Ref]:
    if isinstance(value, Ref):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [ref for item in value for ref in _flatten(item)]
