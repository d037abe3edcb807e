"""The memory that a model takes on a microcontroller, by the interpreter's own recording allocator.

Run as a program it writes what the allocator says of one model: the interpreter tells it on stderr alone, and a model
that it cannot place must not take this process along.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from edgeswap.errors import TargetError
from edgeswap.records import ArenaUse
from edgeswap.system.child import child_command
from edgeswap.targets.micro.installed import MICRO
from edgeswap.targets.program import run_program

TIMEOUT_S = 600.0
_TOLD = re.compile(r"Arena allocation (?P<part>total|head|tail) (?P<bytes>\d+) bytes")


def arena_use(model: Path) -> ArenaUse:
    """What a `.tflite` takes of the tensor arena, in bytes, for one inference.

    It is that of a 64-bit machine: on a microcontroller pointers have 4 bytes, so that `tail_bytes` is smaller there.

    Raises:
        TargetError: the interpreter cannot place or run the model.
    """
    ended = run_program([*child_command(__name__), str(model)], timeout_s=TIMEOUT_S)
    told = {found["part"]: int(found["bytes"]) for found in _TOLD.finditer(ended.said)}
    if ended.code or set(told) != {"total", "head", "tail"}:
        words = " | ".join(line for line in ended.said.splitlines()[-3:])
        raise TargetError(
            f"{MICRO}: expected what {model.name} takes of memory, got exit code {ended.code}.",
            f"Its last words: {words}",
        )
    return ArenaUse(total_bytes=told["total"], head_bytes=told["head"], tail_bytes=told["tail"])


def _tell(path: str) -> None:
    """Run a model once on zeros, and let the allocator write what it took."""
    from edgeswap.targets.micro.interpreter import Interpreter  # noqa: PLC0415  (the program's alone)

    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    interpreter.print_allocations()


if __name__ == "__main__":
    _tell(sys.argv[1])
