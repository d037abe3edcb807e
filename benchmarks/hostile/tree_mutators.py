"""Damage to a folder of files, or to files in a zip: a SavedModel, pictures by class, a bundle.

A tree is the files of a folder by relative path. Beside bytes it may hold what only a disk has: `FIFO`, or a link.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image

from benchmarks.hostile.bytes_mutators import BYTES
from benchmarks.hostile.json_mutators import mutate_json
from benchmarks.hostile.tflite_mutators import TFLITE


@dataclass(frozen=True)
class Special:
    """An entry of a folder that is no file: a fifo, or a link to `target`."""

    target: str | None = None


Tree = dict[str, "bytes | Special"]
TreeMutator = Callable[[Tree, Random], Tree]
FIFO = Special()


def damage(tree: Tree, rng: Random) -> Tree:
    """Damage the bytes of one file, now and then of all."""
    names = [name for name, held in tree.items() if isinstance(held, bytes)]
    chosen = names if rng.random() < 0.15 else [rng.choice(names)]
    mutators = list(BYTES.values())
    return {**tree, **{name: rng.choice(mutators)(_bytes(tree, name), rng) for name in chosen}}


def missing(tree: Tree, rng: Random) -> Tree:
    """Leave out a file, or all but one."""
    name = rng.choice(list(tree))
    return {name: tree[name]} if rng.random() < 0.3 else {key: held for key, held in tree.items() if key != name}


def special(tree: Tree, rng: Random) -> Tree:
    """Put a fifo, a device, a circle or a dangling link where a file was, or a folder of its name."""
    name = rng.choice(list(tree))
    links = (
        "/dev/zero",
        "/dev/urandom",
        "/dev/stdin",
        "/nowhere",
        "..",
        ".",
        name.rsplit("/", 1)[-1],
        "/proc/self/mem",
        "/",
    )
    if rng.random() < 0.15:
        return {**{key: held for key, held in tree.items() if key != name}, f"{name}/file": b""}
    return {**tree, name: FIFO if rng.random() < 0.3 else Special(rng.choice(links))}


def picture(tree: Tree, rng: Random) -> Tree:
    """Put a picture of another kind, size or mode where a picture was."""
    names = [name for name in tree if name.lower().endswith((".png", ".jpg", ".jpeg"))]
    return {**tree, rng.choice(names): rng.choice(_pictures(rng))}


def odd_names(tree: Tree, rng: Random) -> Tree:
    """Give a file a name that few programs expect."""
    name = rng.choice(list(tree))
    folder = name.rpartition("/")[0]
    odd = (
        "a\nb.png",
        " .png",
        "-rf.png",
        "é" * 80 + ".png",
        ".hidden.png",
        "x.PNG",
        "Thumbs.db",
        "x.png.txt",
        "\udcff.png",
    )
    new = f"{folder}/{rng.choice(odd)}" if folder else rng.choice(odd)
    if rng.random() < 0.3:
        new = f"{rng.choice(('a b', 'train', 'Ω', '10', '[x]', '$(id)'))}/{new.rsplit('/', 1)[-1]}"
    return {new if key == name else key: held for key, held in tree.items()}


def configs(tree: Tree, rng: Random) -> Tree:
    """Edit the JSON of a layer that stands in a SavedModel's metadata, in a message of the same length or not."""
    name = "keras_metadata.pb"
    held = _bytes(tree, name)
    starts = [
        at for at in range(len(held)) if held.startswith(b'{"', at) and (not at or held[at - 1 : at] not in b' ,[":{')
    ]
    if not starts:
        return damage(tree, rng)
    start = rng.choice(starts)
    try:
        text = held[start:].decode("utf-8", "replace")
        end = start + len(text[: json.JSONDecoder().raw_decode(text)[1]].encode())
    except ValueError:
        return damage(tree, rng)
    edited = mutate_json(held[start:end], rng)
    return {
        **tree,
        name: _relengthed(held, start, end, edited) if rng.random() < 0.8 else held[:start] + edited + held[end:],
    }


def bundle_json(tree: Tree, rng: Random) -> Tree:
    """Edit the bundle's manifest and make its checksums right again."""
    return summed({**tree, "model.json": mutate_json(_bytes(tree, "model.json"), rng)})


def bundle_file(tree: Tree, rng: Random) -> Tree:
    """Damage a file of the bundle and make all its checksums right again."""
    names = [name for name in tree if name not in ("model.json", "SHA256SUMS")]
    name = "model.tflite" if rng.random() < 0.4 else rng.choice(names)
    mutators = list((TFLITE if name == "model.tflite" and rng.random() < 0.7 else BYTES).values())
    changed = rng.choice(mutators)(_bytes(tree, name), rng)
    manifest = _bytes(tree, "model.json").replace(_sha256(_bytes(tree, name)).encode(), _sha256(changed).encode())
    return summed({**tree, name: changed, "model.json": manifest})


SAVED_MODEL: dict[str, TreeMutator] = {mutator.__name__: mutator for mutator in (damage, configs, missing, special)}
PICTURES: dict[str, TreeMutator] = {
    mutator.__name__: mutator for mutator in (damage, missing, special, picture, odd_names)
}
BUNDLE: dict[str, TreeMutator] = {mutator.__name__: mutator for mutator in (bundle_json, bundle_file, missing)}


def summed(tree: Tree) -> Tree:
    """The bundle with SHA256SUMS over what it holds."""
    files = {name: held for name, held in tree.items() if isinstance(held, bytes) and name != "SHA256SUMS"}
    lines = [f"{_sha256(held)}  {name}\n" for name, held in sorted(files.items())]
    return {**tree, "SHA256SUMS": "".join(lines).encode()}


def _bytes(tree: Tree, name: str) -> bytes:
    held = tree[name]
    assert isinstance(held, bytes)
    return held


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _relengthed(held: bytes, start: int, end: int, edited: bytes) -> bytes:
    """`edited` in the place of a protobuf string whose length stands before it as a varint; outer lengths stay wrong.

    Where the lengths are of two bytes each, as they are for a layer, the string is filled with blanks instead.
    """
    room = end - start
    if len(edited) <= room:
        return held[:start] + edited + b" " * (room - len(edited)) + held[end:]
    return held[:start] + edited[:room] + held[end:]


def _pictures(rng: Random) -> list[bytes]:
    """Pictures that are none, or of a kind that a loader of photographs may not count on."""

    def saved(mode: str, size: tuple[int, int], form: str) -> bytes:
        stream = io.BytesIO()
        Image.new(mode, size).save(stream, form)
        return stream.getvalue()

    size = rng.choice((1, 8, 33))
    return [
        _png(60_000, 60_000),
        _png(2**31 - 1, 1),
        _png(0, 0),
        _png(20_000, 8_000),
        saved("I;16", (size, size), "PNG"),
        saved("P", (size, size), "GIF"),
        saved("RGBA", (size, size), "PNG"),
        saved("CMYK", (size, size), "JPEG"),
        saved("1", (size, size), "PNG"),
        saved("F", (size, size), "TIFF"),
        saved("LA", (size, size), "PNG"),
        saved("RGB", (1, 5000), "PNG"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
        b"\x89PNG\r\n\x1a\n",
    ]


def _png(width: int, height: int) -> bytes:
    """A PNG whose header says this size, with the pixels of a few lines."""

    def chunk(kind: bytes, held: bytes) -> bytes:
        return struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))

    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
