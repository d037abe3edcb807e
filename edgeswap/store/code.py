"""What a function or a class of the user's own consists of: its code and all that the code reaches.

A function reaches its defaults, what it closes over, and the globals that its code names: numbers, tables, other
functions, modules. So a constant that is changed in another cell of a notebook changes the hash, as does a function
that is called by the one that was given. What a function reads from a file when it is called is not known here.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

# Import names of the packages of `made_by`, and edgeswap itself.
_IN_EVERY_KEY = frozenset({"edgeswap", "tensorflow", "keras", "tf_keras", "tensorflow_model_optimization",
                           "ai_edge_litert", "flatbuffers", "numpy", "scipy", "PIL"})  # fmt: skip
# Of every class, and no part of what it does.
_ASIDE = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "_abc_impl", "__slots__",
                    "__firstlineno__", "__static_attributes__", "__abstractmethods__", "__parameters__"})  # fmt: skip


# Written in C, so that the class they belong to tells all.
_OF_A_CLASS = (GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType)


class UntoldError(Exception):
    """A value of which nothing tells whether it has changed; the text names it."""


def is_library(value: Any) -> str | None:
    """Name and version of what Python or an installed package brings; None for the user's own.

    Of packages whose versions are not in every key (see `made_by`) it also tells the text of the module.
    """
    if isinstance(value, ModuleType):
        return _library(value.__name__)
    name, module = getattr(value, "__qualname__", None), getattr(value, "__module__", None)
    bound = getattr(value, "__self__", None)
    if not isinstance(name, str) or not isinstance(module, str) or "<locals>" in name:
        return None
    if bound is not None and not isinstance(bound, (type, ModuleType)):
        return None
    found = _library(module)
    return None if found is None else f"{found} {name}"


def code_parts(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: C901, PLR0912  (a row for each type)
    """What makes up a function, a class or an object of the user's own, part by part, with a label each.

    Raises:
        UntoldError: it is none of these.
    """
    wrapped = getattr(value, "__wrapped__", None) or getattr(value, "python_function", None)  # of a tf.function
    match value:
        case FunctionType():
            yield from _function(value)
        case MethodType():
            yield "function", value.__func__
            yield "self", value.__self__
        case functools.partial():
            yield "function", value.func
            yield "arguments", value.args
            yield "keywords", value.keywords
        case staticmethod() | classmethod():
            yield "function", value.__func__
        case property():
            yield "property", [value.fget, value.fset, value.fdel]
        case CodeType():
            yield from _code(value)
        case type():
            yield from _class(value)
        case ModuleType():
            yield "module", value.__name__
        case BuiltinFunctionType() | np.ufunc():
            yield "builtin", value.__name__
        case _ if isinstance(value, _OF_A_CLASS):
            yield "of", value.__objclass__
            yield "builtin", value.__name__
        case _ if wrapped is not None:
            yield "wrapper", type(value).__qualname__
            yield "function", wrapped
        case _ if callable(value) and hasattr(value, "__dict__"):
            yield "class", type(value)
            yield "attributes", vars(value)
        case _:
            raise UntoldError(f"a value of type {type(value).__module__}.{type(value).__qualname__}")


def _function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    yield "name", function.__qualname__
    yield "code", function.__code__
    yield "defaults", [function.__defaults__, function.__kwdefaults__]
    yield "closure", [_held(cell) for cell in function.__closure__ or ()]
    names = _names(function.__code__)
    space = function.__globals__
    for name in names:
        if name not in space:
            continue
        value = space[name]
        yield f"global {name}", value
        if isinstance(value, ModuleType) and is_library(value) is None:
            for inner in names:
                if inner in vars(value):
                    yield f"global {name}.{inner}", vars(value)[inner]


def _held(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it has none yet
        return None


def _code(code: CodeType) -> Iterator[tuple[str, Any]]:
    _require_libraries(code)
    yield "instructions", code.co_code
    yield "constants", list(code.co_consts)
    yield "names", [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_argcount]


def _class(own: type) -> Iterator[tuple[str, Any]]:
    yield "name", own.__qualname__
    yield "bases", own.__bases__
    for name, value in vars(own).items():
        if name not in _ASIDE:
            yield f"attribute {name}", value


def _names(code: CodeType) -> list[str]:
    """All names in the code and in functions within it, in order: globals, and attributes, which may be a module's."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= dict.fromkeys(_names(constant))
    return list(found)


@functools.cache
def _library(module: str) -> str | None:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in _IN_EVERY_KEY:
        return module if module != "__main__" else None
    file = getattr(sys.modules.get(module), "__file__", None) or _file(module)
    if file is None or not any(parent.name in ("site-packages", "dist-packages") for parent in Path(file).parents):
        return None
    version = getattr(sys.modules.get(top), "__version__", "")
    return f"{module} {version} {hashlib.sha256(Path(file).read_bytes()).hexdigest()}"


def _file(module: str) -> str | None:
    """Where a module that is not imported yet lies."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if found is None else found.origin


def _require_libraries(code: CodeType) -> None:
    """Refuse code that imports the user's own modules when it runs: what they are then, nobody knows now."""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME" and _library(str(instruction.argval)) is None:
            raise UntoldError(f"the module {instruction.argval}, which {code.co_name} imports while it runs")
