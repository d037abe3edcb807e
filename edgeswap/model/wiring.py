"""Whether the calls of a functional model's config can be made at all: Keras tries for ever where some cannot.

Both spellings: Keras 3 writes a call as `{"args", "kwargs"}` with `__keras_tensor__` records inside, Keras 2 as lists
`[layer, call, tensor, keywords]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.model.allowed import MODELS

_CALLED = MODELS | {"InputLayer"}  # they have a result before anyone calls them
Call = tuple[str, int]  # a layer's name and which of its calls


def check_wiring(config: Mapping[str, Any], where: str) -> None:
    """Refuse a config one of whose functional models, nested ones included, can never be connected.

    Args:
        config: the whole model's, as `strict_json.parse` gives it.
        where: the file, for errors.

    Raises:
        ModelError: a call reads a tensor that no layer gives, or its own result by a detour, or names none at all.
    """
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("layers"), list) and {"input_layers", "output_layers"} <= value.keys():
                _check_model(value, where)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check_model(config: Mapping[str, Any], where: str) -> None:
    layers: dict[str, Mapping[str, Any]] = {}
    for layer in config["layers"]:
        name = _name(layer)
        if name is None or not isinstance(layer.get("inbound_nodes"), list):
            raise _unreadable(where, "a layer has no name or no list of calls")
        if name in layers:
            raise _unreadable(where, f"two layers are named {name!r}")
        layers[name] = layer
    waiting = {
        (name, index): set(_reads(call, layers, where, name))
        for name, layer in layers.items()
        for index, call in enumerate(layer["inbound_nodes"])
    }
    made: set[Call] = {(name, 0) for name, layer in layers.items() if layer.get("class_name") in _CALLED}
    while waiting:
        left = {}
        for call, reads in waiting.items():
            if all(_is_made(read, layers, made) for read in reads):
                made.add(call)
            else:
                left[call] = reads
        if len(left) == len(waiting):
            raise _unreadable(where, f"layer {next(iter(left))[0]!r} waits for its own result")
        waiting = left
    for ends in ("input_layers", "output_layers"):
        found = list(_references(config[ends], layers, where, ends))
        if not found or not all(_is_made(call, layers, made) for call in found):
            raise _unreadable(where, f"its {ends.replace('_', ' ')} name no tensor")


def _name(layer: Any) -> str | None:
    if not isinstance(layer, Mapping):
        return None
    inner = layer.get("config")
    name = layer.get("name", inner.get("name") if isinstance(inner, Mapping) else None)
    return name if isinstance(name, str) else None


def _is_made(call: Call, layers: Mapping[str, Mapping[str, Any]], made: set[Call]) -> bool:
    """A model with a call of its own counts the calls around it from 1, one without from 0: either is taken."""
    name, index = call
    return call in made or (layers[name].get("class_name") in MODELS and (name, index - 1) in made)


def _reads(call: Any, layers: Mapping[str, Any], where: str, reader: str) -> list[Call]:
    found = list(_references(call, layers, where, reader))
    if not found and not _gives_constant(call):
        raise _unreadable(where, f"a call of layer {reader!r} reads nothing")
    return found


def _gives_constant(call: Any) -> bool:
    """Keras 2 marks numbers in the place of tensors; a Keras 3 operation may take numbers alone."""
    if isinstance(call, Mapping):
        return bool(call.get("args") or call.get("kwargs"))
    return isinstance(call, list) and bool(call) and ("_CONSTANT_VALUE" in (call[0], *_first(call[0])))


def _first(value: Any) -> list[Any]:
    return value[:1] if isinstance(value, list) else []


def _references(value: Any, layers: Mapping[str, Any], where: str, reader: str) -> Iterator[Call]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            if item.get("class_name") == "__keras_tensor__":
                inner = item.get("config")
                item = inner.get("keras_history") if isinstance(inner, Mapping) else None
                yield _call(item, layers, where, reader)
            else:
                waiting.extend(item.values())
        elif isinstance(item, list):
            if item and isinstance(item[0], str) and (item[0] in layers or item[0] == "_CONSTANT_VALUE"):
                if item[0] in layers and len(item) >= 3:
                    yield _call(item[:3], layers, where, reader)
                waiting.extend(inner for inner in item[3:] if isinstance(inner, (Mapping, list)))
            elif len(item) in (3, 4) and isinstance(item[0], str) and all(type(i) is int for i in item[1:3]):
                raise _unreadable(where, f"{reader!r} reads {item[0]!r}, which is no layer of it")
            else:
                waiting.extend(inner for inner in item if isinstance(inner, (Mapping, list)))


def _call(history: Any, layers: Mapping[str, Any], where: str, reader: str) -> Call:
    fits = isinstance(history, list) and len(history) == 3 and isinstance(history[0], str)
    if not fits or not all(type(number) is int and number >= 0 for number in history[1:]):
        raise _unreadable(where, f"{reader!r} reads {str(history)[:100]}, which is no tensor")
    name, index = history[0], history[1]
    calls = len(layers[name]["inbound_nodes"]) if name in layers else -1
    if index > max(calls, 0) or calls < 0:
        raise _unreadable(where, f"{reader!r} reads call {index} of {name!r}, which is not made")
    return name, index


def _unreadable(where: str, problem: str) -> ModelError:
    return ModelError(
        f"Expected a network whose layers connect, but in {where} {problem}.",
        "The file is damaged or made by hand: save the model again.",
    )
