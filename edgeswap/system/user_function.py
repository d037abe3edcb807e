"""A function of the user's own, named as `module:function`: found, and called so that its errors say their place."""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeswap.errors import ConfigError, DataError

_LOCK = threading.Lock()


def import_function(spec: str) -> Callable[..., Any]:
    """The function that `module:function` names; modules in the working directory are found too.

    Raises:
        ConfigError: there is no such module or function, or importing the module raised an error.
    """
    module_name, _, function_name = spec.partition(":")
    try:
        with _working_directory_on_path():
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"Expected an importable module in {spec!r}, got: {error}.",
            "Run edgeswap where the module lies, or install it.",
        ) from error
    except Exception as error:
        raise ConfigError(
            f"Expected an importable module in {spec!r}, but importing it raised {_told(error)}.", "Mend the module."
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(
            f"Expected a function {function_name!r} in module {module_name!r}, got none.",
            "Write it as module:function, such as mydata:load.",
        )
    return function  # type: ignore[no-any-return]


def named_function(given: str | Callable[..., Any]) -> tuple[str, Callable[..., Any]]:
    """What to call a user's function in errors, and the function: of `module:function`, or of the function itself.

    Raises:
        ConfigError: there is no such module or function, or importing the module raised an error.
    """
    if isinstance(given, str):
        return given, import_function(given)
    return getattr(given, "__name__", type(given).__name__), given


def call_function(spec: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a user's `function` returns for `arguments`.

    Args:
        spec: `module:function`, to name it.
        function: from `import_function`.
        arguments: what it is handed.

    Raises:
        DataError: it raised an error, whatever kind; the message says which and where.
    """
    try:
        with _working_directory_on_path():  # it may import a module beside its own
            return function(*arguments)
    except Exception as error:
        raise DataError(
            f"Expected {spec} to return, but it raised {_told(error)}.",
            "Mend the function; --debug shows the whole traceback.",
        ) from error


@contextmanager
def _working_directory_on_path() -> Iterator[None]:
    """Find modules of the working directory too, after all others; the path is afterwards as it was."""
    entry = str(Path.cwd())  # an object of its own, so that another thread's, or the user's, is not taken out
    sys.path.append(entry)
    try:
        yield
    finally:
        with _LOCK:
            for place in [place for place, other in enumerate(sys.path) if other is entry]:
                del sys.path[place]


def _told(error: Exception) -> str:
    """An error in one line, with the place in the code where it was raised."""
    words = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    *_, place = traceback.extract_tb(error.__traceback__)
    return f"{words} ({Path(place.filename).name}, line {place.lineno})"
