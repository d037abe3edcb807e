"""An .npz whose headers lie: shapes, dtypes, orders, lengths and names."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from random import Random

import numpy as np

from benchmarks.hostile.bytes_mutators import BYTES, Mutator
from benchmarks.hostile.zip_mutators import members, packed, packed_bomb

SHAPES = (
    *("(-1, 8, 8, 1)", "()", "(0,)", "(0, 8, 8, 1)", "(10**9, 8, 8, 1)", "(1000000000, 8, 8, 1)", "(40, -8, -8, 1)"),
    *("(9223372036854775807,)", "(40, 8, 8)", "(40, 1, 8, 8)", "(40.0, 8, 8, 1)", "(True,)", "'abc'", "None"),
    *("(" + "1, " * 100 + ")", "(" * 400, "[40, 8, 8, 1]", "(2**40, 2**40)", "(18446744073709551616,)"),
)
DTYPES = (
    *(
        "'|O'",
        "'<U8'",
        "'|S3'",
        "'<c16'",
        "'<M8[s]'",
        "'>f4'",
        "'<f2'",
        "'<f16'",
        "'|V7'",
        "'|b1'",
        "'<i8'",
        "''",
        "'x'",
    ),
    *("[('a', '<f4'), ('b', '|O')]", "None", "7", "'<f4,<f4'", "[]", "'|V0'", "'<U0'", "('<f4', (10**9,))"),
)


def header(content: bytes, rng: Random) -> bytes:
    """Say another shape, dtype or order than the bytes have."""

    def change(text: str) -> str:
        parts = {"descr": "'<f4'", "fortran_order": "False", "shape": "(40, 8, 8, 1)"}
        if rng.random() < 0.6:
            parts["shape"] = rng.choice(SHAPES)
        if rng.random() < 0.4:
            parts["descr"] = rng.choice(DTYPES)
        if rng.random() < 0.2:
            parts["fortran_order"] = rng.choice(("True", "None", "'x'", "1"))
        if rng.random() < 0.1:
            parts.pop(rng.choice(list(parts)))
        if rng.random() < 0.1:
            return rng.choice(("", "{", "{}", "[]", "__import__('os')", text * 50, "{'a': " * 500))
        return "{" + ", ".join(f"'{key}': {value}" for key, value in parts.items()) + ", }"

    return _in_member(content, rng, lambda held: _with_header(held, change))


def version(content: bytes, rng: Random) -> bytes:
    """Say another version of the format, or another length of the header."""

    def change(held: bytes) -> bytes:
        changed = bytearray(held)
        if rng.random() < 0.5:
            changed[6:8] = bytes((rng.choice((0, 1, 2, 3, 9, 255)), rng.choice((0, 1, 255))))
        else:
            struct.pack_into("<H", changed, 8, rng.choice((0, 1, 10, 65_535)))
        return bytes(changed)

    return _in_member(content, rng, change)


def damage(content: bytes, rng: Random) -> bytes:
    """Damage the bytes of an array's file, whose checksum is then right."""
    mutator = rng.choice(list(BYTES.values()))
    return _in_member(content, rng, lambda held: mutator(held, rng))


def values(_content: bytes, rng: Random) -> bytes:
    """Hold arrays that are well written and make no samples or no labels."""
    x = np.zeros((40, 8, 8, 1), np.float32)
    y = np.arange(40) % 10
    strange: tuple[dict[str, np.ndarray], ...] = (
        {"x": np.full_like(x, np.nan), "y": y},
        {"x": np.full_like(x, np.inf), "y": y},
        {"x": np.full_like(x, 3e38), "y": y},
        {"x": x.astype(np.complex64), "y": y},
        {"x": x.astype("<U4"), "y": y},
        {"x": x.astype("M8[s]"), "y": y},
        {"x": x, "y": y - 5},
        {"x": x, "y": y * 10**12},
        {"x": x, "y": y.astype(np.float32) + 0.5},
        {"x": x, "y": np.full(40, np.nan)},
        {"x": x, "y": y.astype(str)},
        {"x": x, "y": np.eye(10)[y]},
        {"x": x, "y": y[:7]},
        {"x": x, "y": y.reshape(40, 1, 1)},
        {"x": x, "y": np.uint64(2**63) + y.astype(np.uint64)},
        {"x": x[:0], "y": y[:0]},
        {"x": x[:1], "y": y[:1]},
        {"x": x[:2], "y": y[:2]},
        {"x": np.zeros((40, 0, 8, 1), np.float32), "y": y},
        {"x": x.astype(">f8"), "y": y.astype(">i2")},
        {"x": np.zeros((), np.float32), "y": y},
        {"x": np.zeros((40, 8, 8, 3), np.float32), "y": y},
        {"x": np.zeros((40, 1, 8, 8), np.float32), "y": y},
        {"x": np.zeros((40, 512, 512, 1), np.uint8), "y": y},
        {"x": np.zeros(40, [("a", "f4"), ("b", "i2")]), "y": y},
        {"y": y},
        {"arr_0": x},
        {"x": x, "y": y, "z": x[:3]},
        {"x": np.asfortranarray(x), "y": y},
    )
    return saved(rng.choice(strange))


def names(content: bytes, rng: Random) -> bytes:
    """Call an array by a name that leads elsewhere, holds no text or stands twice."""
    files = list(members(content).items())
    at = rng.randrange(len(files))
    bad = (
        "../../x.npy",
        "/abs.npy",
        ".npy",
        "x",
        "x.npy.npy",
        "\n.npy",
        "x/y.npy",
        "X.NPY",
        "é.npy",
        "x" * 300 + ".npy",
    )
    files[at] = (rng.choice(bad), files[at][1])
    return packed(files if rng.random() < 0.7 else [*files, files[0]], deflate=rng.random() < 0.5)


def bomb(content: bytes, rng: Random) -> bytes:
    """Let an array unpack to gigabytes; its header may say so or may not."""
    count = rng.choice((1 << 30, 3 << 30))
    shape = rng.choice((f"({count}, )", f"({count // 256}, 8, 8, 1)", "(40, 8, 8, 1)"))
    head = _with_header(
        members(content)["x.npy"], lambda _: f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    )
    return packed_bomb(members(content), "x.npy", count, head=head[: head.index(b"\n") + 1])


NPZ: dict[str, Mutator] = {mutator.__name__: mutator for mutator in (header, version, damage, values, names, bomb)}


def saved(arrays: dict[str, np.ndarray]) -> bytes:
    """An .npz of these arrays, the same bytes every time."""
    files = {}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
        files[f"{name}.npy"] = stream.getvalue()
    return packed(files)


def _in_member(content: bytes, rng: Random, change: Callable[[bytes], bytes]) -> bytes:
    files = members(content)
    name = rng.choice(list(files))
    files[name] = change(files[name])
    return packed(files, deflate=rng.random() < 0.5)


def _with_header(held: bytes, change: Callable[[str], str]) -> bytes:
    """The .npy with another header text, padded as NumPy pads it."""
    length = struct.unpack_from("<H", held, 8)[0]
    text = change(held[10 : 10 + length].decode("latin-1"))
    padded = (text + " " * (-(10 + len(text) + 1) % 64) + "\n").encode("latin-1", "replace")[:65_535]
    return held[:8] + struct.pack("<H", len(padded)) + padded + held[10 + length :]
