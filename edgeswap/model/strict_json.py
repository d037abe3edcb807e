"""JSON of a model file, read so that it can mean one thing only."""

from __future__ import annotations

import json
from typing import Any

# A layer in a model is 4 levels deep; 30 models inside each other are more than anyone builds.
MOST_LEVELS = 200
MOST_BYTES = 256 << 20


class JsonError(ValueError):
    """The text is no JSON, or it is ambiguous or absurd; the message says how."""


def parse(text: bytes | str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises:
        JsonError: it is no JSON object, gives a key twice (of which readers take either), is deeper than
            `MOST_LEVELS` or longer than `MOST_BYTES`.
    """
    if len(text) > MOST_BYTES:
        raise JsonError(f"it is {len(text)} bytes long")
    try:
        found = json.loads(text, object_pairs_hook=_unambiguous)
    except RecursionError:
        raise JsonError(f"it is nested deeper than {MOST_LEVELS} levels") from None
    except ValueError as error:
        raise JsonError(str(error)) from error
    if not isinstance(found, dict):
        raise JsonError(f"it is a {type(found).__name__}, no object")
    _require_shallow(found)
    return found


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JsonError(f"it gives {twice!r} twice")
    return found


def _require_shallow(value: Any) -> None:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return
    raise JsonError(f"it is nested deeper than {MOST_LEVELS} levels")


def _children(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [child for child in inner if isinstance(child, (dict, list))]
