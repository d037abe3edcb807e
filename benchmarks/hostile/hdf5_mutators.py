"""An HDF5 model whose attributes, shapes and links are not what a reader counts on."""

from __future__ import annotations

import io
from collections.abc import Callable
from random import Random
from typing import Any

import h5py
import numpy as np

from benchmarks.hostile.bytes_mutators import Mutator
from benchmarks.hostile.json_mutators import mutate_json

CONFIG = "model_config"


def config(content: bytes, rng: Random) -> bytes:
    """Edit the JSON of the model."""
    return _edited(content, lambda file: _put(file, CONFIG, mutate_json(_text(file.attrs[CONFIG]), rng)))


def attribute(content: bytes, rng: Random) -> bytes:
    """Give an attribute another type or value, or leave it out."""

    def change(file: Any) -> None:
        holders = [found for found in (file, *_objects(file)) if len(found.attrs)]
        if not holders:
            file.attrs["keras_version"] = 0
            return
        holder = rng.choice(holders)
        name = rng.choice(list(holder.attrs))
        strange: tuple[Any, ...] = (
            0,
            3.5,
            b"\xff\xfe",
            "",
            "3.15.1",
            "2",
            np.zeros((2, 2)),
            np.zeros(0),
            h5py.Empty("f"),
            np.array([b"conv", b"nowhere", b"../.."]),
            np.array([b"\xff" * 40]),
            np.array([b"conv"] * 3000),
            holder.ref,
            "x" * 60_000,
        )
        del holder.attrs[name]
        if rng.random() < 0.85:
            holder.attrs[name] = rng.choice(strange)

    return _edited(content, change)


def dataset(content: bytes, rng: Random) -> bytes:
    """Put other weights in place: another shape or dtype, not a number, or gigabytes that are not in the file."""

    def change(file: Any) -> None:
        found = [item for item in _objects(file) if isinstance(item, h5py.Dataset)]
        chosen = rng.choice(found)
        parent, name, held = chosen.parent, chosen.name.rsplit("/", 1)[1], chosen[()]
        del parent[name]
        strange: tuple[dict[str, Any] | None, ...] = (
            {"data": np.full(held.shape, np.nan, np.float32)},
            {"shape": (10**9, 8), "dtype": "f4", "chunks": (1024, 8), "compression": "gzip"},
            {"shape": (2**40,), "dtype": "f8", "chunks": (4096,)},
            {"data": held.astype("S8")},
            {"data": held.reshape(-1)[:1]},
            {"data": held.astype(np.complex64)},
            {"data": "text"},
            {"data": held[None]},
            {},
            None,
        )
        way = rng.choice(strange)
        if way == {}:
            parent.create_group(name)
        elif way is not None:
            parent.create_dataset(name, **way)

    return _edited(content, change)


def link(content: bytes, rng: Random) -> bytes:
    """Put a link in the place of a group or of weights: in a circle, to nothing, or out of the file."""

    def change(file: Any) -> None:
        chosen = rng.choice(_objects(file))
        parent, name = chosen.parent, chosen.name.rsplit("/", 1)[1]
        path = chosen.name
        del parent[name]
        way = rng.randrange(6)
        if way == 0:
            parent[name] = h5py.SoftLink(path)
        elif way == 1:
            parent[name] = h5py.SoftLink("/nowhere")
        elif way == 2:
            parent[name] = h5py.ExternalLink("/etc/hostname", "/")
        elif way == 3:
            parent[name] = h5py.ExternalLink("model.h5", "/")
        elif way == 4:
            parent[name] = file["/"]
        else:
            where = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
            parent.create_dataset(name, shape=(16,), dtype="u1", external=where)

    return _edited(content, change)


HDF5: dict[str, Mutator] = {mutator.__name__: mutator for mutator in (config, attribute, dataset, link)}


def _edited(content: bytes, change: Callable[[Any], None]) -> bytes:
    """The file after `change`; as it was where HDF5 itself refuses that."""
    stream = io.BytesIO(content)
    try:
        with h5py.File(stream, "r+") as file:
            change(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return content
    return stream.getvalue()


def _objects(file: Any) -> list[Any]:
    """Every group and dataset below the root, in the order of their names."""
    names: list[str] = []
    file.visit(names.append)
    return [file[name] for name in sorted(names)]


def _put(file: Any, name: str, text: bytes) -> None:
    if len(text) < 60_000:  # HDF5 keeps larger attributes elsewhere, which this driver does not
        file.attrs[name] = text


def _text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
