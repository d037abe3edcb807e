"""JSON that parses and means nothing: types swapped, absurd sizes, keys that are gone, graphs without an end."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

Edit = Callable[[Any, Random], Any]

NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 3.5, 10**9, -(10**9), 2**31, 2**63, 10**30, float("nan"), float("inf"), 1e308)
NOTHINGS: tuple[Any, ...] = (None, True, False, "", [], {}, [[]], [None], {"": None}, [{}], [[[[]]]])
TEXTS = (
    "x",
    "float32",
    "float128",
    "string",
    "my model",
    "a/b",
    "..",
    "../../etc/hostname",
    "\n",
    "\x00",
    "%s",
    "é" * 300,
)
CLASSES = (
    *(
        "Lambda",
        "TorchModuleWrapper",
        "JaxLayer",
        "TFSMLayer",
        "StringLookup",
        "TextVectorization",
        "Hashing",
        "Wrapper",
    ),
    *("LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed", "Embedding", "MultiHeadAttention", "Discretization"),
    *("Dense", "Conv2D", "Conv1D", "Reshape", "Flatten", "Permute", "Cropping2D", "ZeroPadding2D", "UpSampling2D"),
    *(
        "Add",
        "Concatenate",
        "Dot",
        "Masking",
        "RepeatVector",
        "Functional",
        "Sequential",
        "Model",
        "InputLayer",
        "Layer",
    ),
    *(
        "TFOpLambda",
        "SlicingOpLambda",
        "ClassMethod",
        "DTypePolicy",
        "GlorotUniform",
        "NoSuchLayer",
        "PReLU",
        "Softmax",
    ),
)
# Keys by which a reader reserves memory or loops: absurd values do most harm there.
SIZES = (
    *("units", "filters", "kernel_size", "strides", "dilation_rate", "groups", "pool_size", "batch_shape", "shape"),
    *("batch_input_shape", "input_shape", "axis", "target_shape", "depth_multiplier", "input_dim", "padding"),
)


def replace(config: Any, rng: Random) -> Any:
    """Put an absurd value in some place."""
    return _at_random(config, rng, lambda _: rng.choice((*NUMBERS, *NOTHINGS, *TEXTS)))


def resize(config: Any, rng: Random) -> Any:
    """Give a size, such as a layer's units, an absurd value."""
    places = [place for place in _places(config) if place[1] in SIZES]
    return _changed(config, rng.choice(places), lambda old: _absurd_size(old, rng)) if places else replace(config, rng)


def retype(config: Any, rng: Random) -> Any:
    """Make a number a text, a text a list, a list an object."""

    def other(value: Any) -> Any:
        if isinstance(value, dict):
            return rng.choice((list(value), list(value.values()), str(value)))
        if isinstance(value, list):
            return rng.choice(({str(index): item for index, item in enumerate(value)}, str(value), len(value)))
        return rng.choice((str(value), [value], {"value": value}, None))

    return _at_random(config, rng, other)


def drop(config: Any, rng: Random) -> Any:
    """Leave out a key or an entry."""
    places = list(_places(config))
    if not places:
        return None
    holder, key = rng.choice(places)
    del holder[key]
    return config


def rename(config: Any, rng: Random) -> Any:
    """Call a layer or a class otherwise."""
    places = [place for place in _places(config) if place[1] in ("name", "class_name", "registered_name", "module")]
    if not places:
        return replace(config, rng)
    holder, key = rng.choice(places)
    names = CLASSES if key == "class_name" else (*TEXTS, "os", "builtins", "torch", "keras.layers", "keras>Custom")
    holder[key] = rng.choice(names)
    return config


def reclass(config: Any, rng: Random) -> Any:
    """Make a layer one of another class, its config as it was."""
    places = [place for place in _places(config) if place[1] == "class_name"]
    return _changed(config, rng.choice(places), lambda _: rng.choice(CLASSES)) if places else replace(config, rng)


def rewire(config: Any, rng: Random) -> Any:
    """Connect a layer to itself, to a later one, to one that is not there, or to nothing."""
    layers = [
        value for holder, key in _places(config) if isinstance(value := holder[key], dict) and "inbound_nodes" in value
    ]
    if not layers:
        return replace(config, rng)
    layer = rng.choice(layers)
    name = rng.choice([*(str(other.get("name")) for other in layers), "nowhere", "", 7, None])
    number = rng.choice((0, 0, 0, 1, -1, 10**9, None, "0"))
    ways: tuple[Any, ...] = (
        [[[name, number, rng.choice((0, 0, 1, -1)), {}]]],
        [{"args": [_keras_tensor(name, number)], "kwargs": {}}],
        [{"args": [[_keras_tensor(name, number)] * 2], "kwargs": {"training": name}}],
        [[]],
        [{}],
        [],
        layer["inbound_nodes"] * 3,
        None,
        float("nan"),
        {"args": []},
    )
    layer["inbound_nodes"] = rng.choice(ways)
    return config


def repeat(config: Any, rng: Random) -> Any:
    """Write an entry of a list many times."""
    lists = [value for holder, key in _places(config) if isinstance(value := holder[key], list) and value]
    if lists:
        chosen = rng.choice(lists)
        chosen.extend([rng.choice(chosen)] * rng.choice((1, 2, 50)))
    return config


def swap(config: Any, rng: Random) -> Any:
    """Let two values change places."""
    places = list(_places(config))
    if len(places) > 1:
        (one, first), (two, second) = rng.sample(places, 2)
        value, other = one[first], two[second]
        if not _within(value, two) and not _within(other, one):
            one[first], two[second] = other, value
    return config


EDITS: dict[str, Edit] = {
    edit.__name__: edit for edit in (replace, resize, resize, retype, drop, rename, reclass, rewire, repeat, swap)
}


def mutate_json(content: bytes, rng: Random) -> bytes:
    """The JSON text with one to three edits, or nested without end, or no JSON at all."""
    if rng.random() < 0.06:
        return _nested(content, rng)
    config = json.loads(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        edit = rng.choice(list(EDITS.values()))
        config = edit(config, rng)
    return json.dumps(config).encode()


def _nested(content: bytes, rng: Random) -> bytes:
    """A value in the text becomes one of many levels: lists, objects, or objects that name a class at each level."""
    depth = rng.choice((200, 900, 5000, 100_000))
    opening, closing = rng.choice(
        (
            (b"[", b"]"),
            (b'{"a": ', b"}"),
            (b'{"class_name": "Dense", "config": ', b"}"),
            (b'{"class_name": "Functional", "config": {"layers": [', b"]}}"),
        )
    )
    text = opening * depth + b"null" + closing * depth
    at = content.find(b": ", rng.randrange(len(content) or 1))
    if at < 0 or rng.random() < 0.2:
        return text
    end = min(index for mark in (b",", b"}") if (index := content.find(mark, at)) >= 0)
    return content[: at + 2] + text + content[end:]


def _places(config: Any) -> list[tuple[Any, Any]]:
    """Every (holder, key) of a nested value."""
    found: list[tuple[Any, Any]] = []
    waiting = [config]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _at_random(config: Any, rng: Random, change: Callable[[Any], Any]) -> Any:
    places = _places(config)
    return _changed(config, rng.choice(places), change) if places else copy.deepcopy(change(config))


def _changed(config: Any, place: tuple[Any, Any], change: Callable[[Any], Any]) -> Any:
    holder, key = place
    holder[key] = copy.deepcopy(change(holder[key]))  # a later edit shall not change the constants above
    return config


def _absurd_size(old: Any, rng: Random) -> Any:
    if isinstance(old, list) and old and rng.random() < 0.8:
        new = list(old)
        new[rng.randrange(len(new))] = rng.choice((*NUMBERS, None, "same", 100_000))
        return rng.choice((new, new, new * 2, new[1:]))
    return rng.choice((*NUMBERS, *NOTHINGS, 100_000, "same", [2, -2], [10**6, 10**6]))


def _keras_tensor(name: Any, number: Any) -> dict[str, Any]:
    history = [name, number, 0]
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 8], "dtype": "float32", "keras_history": history},
    }


def _within(value: Any, holder: Any) -> bool:
    return value is holder or any(inner is holder for inner in (item[key] for item, key in _places(value)))
