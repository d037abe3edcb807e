"""JSON of a model file, read so that it can mean one thing only."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

# A layer in a model is 4 levels deep; 30 models inside each other are more than anyone builds.
MOST_LEVELS = 200
MOST_BYTES = 256 << 20
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


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
    text = text.encode() if isinstance(text, str) else text
    if _levels(text) > MOST_LEVELS:
        raise JsonError(f"it is nested deeper than {MOST_LEVELS} levels")
    try:
        found = json.loads(text, object_pairs_hook=_unambiguous)
    except ValueError as error:
        raise JsonError(str(error)) from error
    if not isinstance(found, dict):
        raise JsonError(f"it is a {type(found).__name__}, no object")
    return found


def _levels(text: bytes) -> int:
    """How deep it is, which Python's reader finds out by recursion."""
    brackets = _TEXTS.sub(b"", text).translate(None, _NO_BRACKETS)
    return max(accumulate(1 if bracket in b"[{" else -1 for bracket in brackets), default=0)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JsonError(f"it gives {twice!r} twice")
    return found
