"""A .tflite that is a sound flatbuffer and says absurd things: indices, shapes, types and scales."""

from __future__ import annotations

from random import Random
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.hostile.bytes_mutators import Mutator

NUMBERS = (0, 1, -1, 2, 3, 127, 255, 1000, 2**31 - 1, -(2**31), 10**9)
REALS = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 3e38)
TRIES = 20


def field(content: bytes, rng: Random) -> bytes:
    """Change one to three fields anywhere in the model."""
    for _ in range(TRIES):
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        for _ in range(rng.choice((1, 1, 2, 3))):
            _change(model, rng)
        try:
            return _packed(model)
        except Exception:  # noqa: BLE001  (a value that the writer itself refuses in words of its own: another is tried)
            continue
    return content


def buffer(content: bytes, rng: Random) -> bytes:
    """Cut the constants, double them, or fill them with noise."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    full = [item for item in model.buffers if item.data is not None and len(item.data)]
    chosen = rng.choice(full)
    held = bytes(bytearray(chosen.data))
    chosen.data = np.frombuffer(rng.choice((held[: len(held) // 2], held * 2, rng.randbytes(len(held)), b"")), np.uint8)
    return _packed(model)


def operator(content: bytes, rng: Random) -> bytes:
    """Make an operator another one, with the operands it has."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    code = rng.choice(model.operatorCodes)
    code.builtinCode = rng.choice((*range(0, 210, 7), 32, 126, 10_000))
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    if rng.random() < 0.3:
        code.customCode = rng.choice((b"", b"FlexConv2D", b"\xff", b"edgetpu-custom-op"))
    return _packed(model)


def name(content: bytes, rng: Random) -> bytes:
    """Give a tensor a name that is no UTF-8, is empty, is long, or stands twice."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    tensors = model.subgraphs[0].tensors
    chosen = rng.choice(
        [tensors[index] for index in (*model.subgraphs[0].inputs, *model.subgraphs[0].outputs)] + tensors
    )
    chosen.name = rng.choice((b"\xff\xfe", b"", b"x" * 5000, tensors[0].name, b"a/b;c\n", b"\x1b[2J", None))
    return _packed(model)


def shape(content: bytes, rng: Random) -> bytes:
    """Give a tensor a shape that is none, or that memory cannot hold."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    tensor = rng.choice(model.subgraphs[0].tensors)
    shapes: tuple[list[int], ...] = (
        [],
        [0],
        [-1, 8, 8, 1],
        [1, 10**9, 8, 1],
        [1, 2**31 - 1],
        [2, 8, 8, 1],
        [1] * 12,
        [1, 46_341, 46_341, 1],
    )
    tensor.shape = np.array(rng.choice(shapes), np.int32)
    if rng.random() < 0.3:
        tensor.shapeSignature = np.array(rng.choice(shapes), np.int32)
    return _packed(model)


TFLITE: dict[str, Mutator] = {mutator.__name__: mutator for mutator in (field, field, buffer, operator, name, shape)}


def _packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _change(model: Any, rng: Random) -> None:
    """Set a random field of a random table of the model."""
    tables = [table for table in _tables(model) if vars(table)]
    table = rng.choice(tables)
    key = rng.choice(sorted(vars(table)))
    old = getattr(table, key)
    new: Any
    if isinstance(old, (bool, np.bool_)):
        new = not old
    elif isinstance(old, (int, np.integer)):
        new = rng.choice(NUMBERS)
    elif isinstance(old, (float, np.floating)):
        new = rng.choice(REALS)
    elif isinstance(old, bytes):
        new = rng.choice((b"", b"\xff", b"x" * 300))
    elif isinstance(old, np.ndarray) and old.size:
        new = old.copy()
        new.flat[rng.randrange(new.size)] = rng.choice(REALS if new.dtype.kind == "f" else (0, 1, 2, 100))
        new = rng.choice((new, new[:-1], np.concatenate([new, new])))
    elif isinstance(old, list) and old:
        new = rng.choice((old[:-1], old * 2, old[::-1], [], old[1:]))
    else:
        new = None
    setattr(table, key, new)


def _tables(model: Any) -> list[Any]:
    """Every table below the model, the model first."""
    found, waiting = [], [model]
    while waiting:
        table = waiting.pop(0)
        found.append(table)
        for key in sorted(vars(table)):
            value = getattr(table, key)
            held = value if isinstance(value, list) else [value]
            waiting += [item for item in held if type(item).__name__.endswith("T") and hasattr(item, "Pack")]
    return found
