"""The calls that connect a Keras model's layers: from `get_config()`, of either framework."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras
from edgeswap.graph.ir import Layer, Node, Ref, map_refs

Call = tuple[tuple[Any, ...], dict[str, Any]]  # positional arguments and keywords


def calls_of(inbound_nodes: Sequence[Any], names: Set[str], framework: Any) -> list[Call]:
    """What a layer is called with, call by call.

    Args:
        inbound_nodes: of the layer's entry in the model's config.
        names: of all layers of the model.
        framework: the module `keras` or `tf_keras`.
    """
    return [_keras_call(call) if framework is keras else _tf_keras_call(call, names) for call in inbound_nodes]


def _keras_call(call: Mapping[str, Any]) -> Call:
    def value(item: Any) -> Any:
        if isinstance(item, Mapping) and item.get("class_name") == "__keras_tensor__":
            return _ref(item["config"]["keras_history"])
        if isinstance(item, Mapping) and "class_name" in item:
            return keras.saving.deserialize_keras_object(item)
        if isinstance(item, Mapping):
            return {key: value(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return type(item)(value(inner) for inner in item)
        return item

    # A layer called with `training=True` predicts all the same as any other: the model's own `training` overrides it.
    without_effect = (("mask", None), ("training", True))
    kwargs = {key: value(item) for key, item in call["kwargs"].items() if (key, item) not in without_effect}
    return tuple(value(item) for item in call["args"]), kwargs


def _tf_keras_call(call: Any, names: Set[str]) -> Call:
    """One inbound node of Keras 2: `[[layer, node, tensor, kwargs], …]`, for one tensor also without the outer list."""

    def is_history(item: Any) -> bool:
        return isinstance(item, (list, tuple)) and len(item) >= 3 and isinstance(item[0], str) and item[0] in names

    def value(item: Any) -> Any:
        if is_history(item):
            return _ref(item)
        if isinstance(item, Mapping):
            return {key: value(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple)):
            return type(item)(value(inner) for inner in item)
        return item

    def first(entry: Any) -> Any:
        return entry[2] if entry[0] == "_CONSTANT_VALUE" else _ref(entry)

    if isinstance(call, Mapping):
        return (value(call),), {}
    if isinstance(call[0], str):
        argument, kwargs = first(call), call[3]
    else:
        kwargs = call[0][3]
        argument = first(call[0]) if len(call) == 1 else [first(entry) for entry in call]
    return (argument,), {key: value(item) for key, item in kwargs.items() if (key, item) != ("name", None)}


def count_from_zero(
    nodes: Mapping[str, Node], outputs: tuple[Ref, ...], layers: Mapping[str, Layer]
) -> tuple[dict[str, Node], tuple[Ref, ...]]:
    """Number calls by their place in the list: Keras begins at 1 for a nested model that has a call of its own."""
    read_calls = {ref.node for node in nodes.values() for ref in node.refs()} | {ref.node for ref in outputs}
    renamed: dict[str, str] = {}
    calls_by_layer: dict[str, list[str]] = {}
    for node in nodes.values():
        calls_by_layer.setdefault(node.layer, []).append(node.name)
    for layer in layers.values():
        calls = calls_by_layer.get(layer.name, [])
        if layer.submodel and call_name(layer.name, len(calls)) in read_calls:
            renamed.update({call_name(layer.name, index + 1): name for index, name in enumerate(calls)})

    def moved(ref: Ref) -> Ref:
        return Ref(renamed.get(ref.node, ref.node), ref.index)

    changed = {
        name: replace(node, args=map_refs(node.args, moved), kwargs=map_refs(node.kwargs, moved))
        for name, node in nodes.items()
    }
    return changed, tuple(moved(ref) for ref in outputs)


def history_refs(history: Any) -> Iterable[Ref]:
    """The tensors that a config names as inputs or outputs.

    Keras 3 writes one input or output without the list around it, and several by name as a dict.
    """
    if isinstance(history, Mapping):
        history = [history[key] for key in sorted(history)]  # the order in which both frameworks list such tensors
    if isinstance(history[0], str):
        history = [history]
    return (_ref(item) for item in history)


def _ref(history: Any) -> Ref:
    name, call, tensor = history[:3]
    return Ref(call_name(name, call), tensor)


def call_name(layer: str, call: int) -> str:
    """Name of a layer's call, counted from 0."""
    return layer if call == 0 else f"{layer}@{call}"


def in_calling_order(nodes: Mapping[str, Node]) -> tuple[Node, ...]:
    """The nodes, each behind those it reads: by the number of calls before it, else as given.

    Raises:
        ModelError: a node reads what is no node, or itself.
    """
    waits = {node.name: len({ref.node for ref in node.refs()}) for node in nodes.values()}
    readers: dict[str, list[str]] = {}
    for node in nodes.values():
        for name in {ref.node for ref in node.refs()}:
            readers.setdefault(name, []).append(node.name)
    depths = {name: 0 for name, count in waits.items() if not count}
    ready = deque(depths)
    while ready:
        name = ready.popleft()
        for reader in readers.get(name, ()):
            waits[reader] -= 1
            if not waits[reader]:
                depths[reader] = 1 + depths[name]  # the last it waited for is the deepest: `ready` goes by depth
                ready.append(reader)
    stuck = [name for name in nodes if name not in depths]
    if stuck:
        raise ModelError(
            f"Expected every call to read tensors of the model, but {stuck[0]!r} reads another.",
            "This is a model that edgeswap misreads: please report it with its get_config().",
        )
    return tuple(sorted(nodes.values(), key=lambda node: depths[node.name]))
