"""A hash of values: another one for every other value, the same one in every process; what cannot be told is refused.

Known are plain values, arrays, dataclasses and nested ones of these, and functions and classes (see `code`). Anything
else has no text that is sure to change with what it does, so no result may be kept under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel

from edgeswap.store.code import UntoldError, code_parts, is_library

__all__ = ["UntoldError", "digest"]


def digest(value: Any) -> str:
    """SHA-256 of `value`, in hexadecimal.

    Raises:
        UntoldError: something in it cannot be told.
    """
    feeder = _Feeder()
    feeder.feed(value)
    return feeder.hash.hexdigest()


class _Feeder:
    """Feeds a hash with the types and the contents of values."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # so that no number of an object is given twice

    def feed(self, value: Any) -> None:  # noqa: C901, PLR0912  (a row for each type)
        match value:
            case Enum():  # of which some are whole numbers or texts too
                self._code(type(value))
                self.feed(value.value)
            case None | bool() | int() | str() | bytes() | complex() | slice() | range():
                self._tag(type(value).__name__, repr(value))
            case float():
                self._tag("float", value.hex())
            case np.ndarray() | np.generic():
                self._array(np.asarray(value))
            case Mapping():
                self._tag("mapping", str(len(value)))
                for key, inner in value.items():
                    self.feed(key)
                    self.feed(inner)
            case list() | tuple():
                self._tag("sequence", str(len(value)))
                for inner in value:
                    self.feed(inner)
            case set() | frozenset():
                self._tag("set", str(len(value)))
                for text in sorted(map(digest, value)):
                    self._tag("item", text)
            case PurePath():
                self._tag("path", str(value))
            case np.dtype():
                self._tag("dtype", value.str)
            case BaseModel():
                self._tag("record", type(value).__name__)
                self.feed(value.model_dump())
            case FunctionType() | BuiltinFunctionType() | MethodType() | ModuleType() | partial() | type():
                self._code(value)
            case _ if value is Ellipsis or value is NotImplemented:
                self._tag("constant", repr(value))
            case _ if is_dataclass(value):
                self._code(type(value))
                for field in fields(value):
                    self._tag("field", field.name)
                    self.feed(getattr(value, field.name))
            case _ if callable(getattr(value, "numpy", None)) and hasattr(value, "dtype"):  # of TensorFlow
                self._array(np.asarray(value.numpy()))
            case _:
                self._code(value)

    def _tag(self, kind: str, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.hash.update(f"{kind} {len(data)} ".encode())
        self.hash.update(data)

    def _array(self, array: np.ndarray[Any, Any]) -> None:
        if array.dtype.hasobject:
            raise UntoldError("an array of Python objects")
        self._tag("array", f"{array.dtype.str}{array.shape}")
        self.hash.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)

    def _code(self, value: Any) -> None:
        """A function, a class, or an object of one; what has been met before is told by its number."""
        if id(value) in self.seen:
            self._tag("again", str(self.seen[id(value)]))
            return
        self.seen[id(value)] = len(self.seen)
        self.alive.append(value)
        if (name := is_library(value)) is not None:
            self._tag("library", name)
            return
        self._tag("code", type(value).__name__)
        for label, part in code_parts(value):
            self._tag("part", label)
            self.feed(part)
