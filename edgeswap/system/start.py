"""Import what takes seconds, and say how far it is."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType

# How many modules Python holds when TensorFlow is imported: measured with TensorFlow 2.21 and Keras 3.15. Another
# number in another version bends the estimate, nothing else.
TENSORFLOW_MODULES = 3000
POLL_S = 0.25


def import_counted(name: str, modules: int, tell: Callable[[float], None]) -> ModuleType:
    """The module `name`; meanwhile `tell` is called in a thread with the share, 0 to 1, that is newly done.

    Args:
        name: the module.
        modules: how many there are in `sys.modules` when it is imported, about.
        tell: called some times a second.
    """
    done = threading.Event()
    before = len(sys.modules)

    def watch() -> None:
        told = 0.0
        while not done.wait(POLL_S):
            share = min(0.99, (len(sys.modules) - before) / max(modules - before, 1))
            if share > told:
                tell(share - told)
                told = share

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return importlib.import_module(name)
    finally:
        done.set()
        watcher.join()
