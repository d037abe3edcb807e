"""Import what takes seconds, and give a sign of life meanwhile."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType

from edgeswap.forks import without_collections

POLL_S = 0.25


def import_aloud(name: str, tell: Callable[[], None]) -> ModuleType:
    """The module `name`; `tell` is called first, and from a thread some times a second while modules are added."""
    done = threading.Event()
    tell()

    def watch() -> None:
        told = len(sys.modules)
        while not done.wait(POLL_S):
            if len(sys.modules) > told:
                tell()
                told = len(sys.modules)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        with without_collections():
            return importlib.import_module(name)
    finally:
        done.set()
        watcher.join()
