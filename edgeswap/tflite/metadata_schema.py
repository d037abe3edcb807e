"""TFLite Metadata as nested dicts, and back: the tables of metadata_schema.fbs that a classifier needs.

The schema is that of TensorFlow Lite Support (version 1.5.0, https://github.com/tensorflow/tflite-support); a field's
place in a table here is its place in the file. What is not listed is neither written nor read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
from flatbuffers import encode as raw
from flatbuffers import number_types

from edgeswap.errors import ModelError

IDENTIFIER = b"M001"
# min_parser_version of a file that uses nothing younger than the tables below.
PARSER_VERSION = "1.0.0"
AXIS_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
UNKNOWN, RGB, GRAYSCALE = 0, 1, 2  # ColorSpaceType
MOST_VALUES = 100_000

# Table to its fields in order: name and kind. A kind is a scalar, string, a table's name, [any of these], or
# `union A B`, which takes two places: which one it is, and the value.
TABLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "ModelMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("version", "string"),
        ("subgraph_metadata", "[SubGraphMetadata]"),
        ("author", "string"),
        ("license", "string"),
        ("associated_files", "[AssociatedFile]"),
        ("min_parser_version", "string"),
    ),
    "SubGraphMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("input_tensor_metadata", "[TensorMetadata]"),
        ("output_tensor_metadata", "[TensorMetadata]"),
    ),
    "TensorMetadata": (
        ("name", "string"),
        ("description", "string"),
        ("dimension_names", "[string]"),
        ("content", "Content"),
        ("process_units", "[ProcessUnit]"),
        ("stats", "Stats"),
        ("associated_files", "[AssociatedFile]"),
    ),
    "Content": (("content_properties", "union FeatureProperties ImageProperties"),),
    "FeatureProperties": (),
    "ImageProperties": (("color_space", "byte"), ("default_size", "ImageSize")),
    "ImageSize": (("width", "uint"), ("height", "uint")),
    "ProcessUnit": (("options", "union NormalizationOptions"),),
    "NormalizationOptions": (("mean", "[float]"), ("std", "[float]")),
    "Stats": (("max", "[float]"), ("min", "[float]")),
    "AssociatedFile": (("name", "string"), ("description", "string"), ("type", "byte")),
}
_SCALARS = {
    "byte": number_types.Int8Flags,
    "ubyte": number_types.Uint8Flags,
    "uint": number_types.Uint32Flags,
    "float": number_types.Float32Flags,
}
_OFFSET = number_types.UOffsetTFlags


def encode(metadata: Mapping[str, Any]) -> bytes:
    """The flatbuffer of a ModelMetadata.

    Args:
        metadata: field to value: a text, number, list, dict for a table; a union is a dict of one table's name.
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write_table(builder, "ModelMetadata", metadata), IDENTIFIER)
    return bytes(builder.Output())


def decode(data: bytes) -> dict[str, Any]:
    """The ModelMetadata that `data` holds, as `encode` takes it; absent fields are left out.

    Raises:
        ModelError: `data` is no metadata, ends early or points outside of itself.
    """
    if data[4:8] != IDENTIFIER:
        raise ModelError(
            f"Expected TFLite Metadata (bytes 4 to 8: {IDENTIFIER!r}), got {data[4:8]!r}.", "Make the bundle again."
        )
    try:
        return _Reader(data).table("ModelMetadata", _u32(data, 0))
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError(
            f"Expected whole TFLite Metadata, got {len(data)} bytes that cannot be read through: {error}.",
            "Make the bundle again.",
        ) from error


def _slots(table: str) -> list[tuple[int, str, str]]:
    """(place, name, kind) of each field."""
    found, place = [], 0
    for name, kind in TABLES[table]:
        place += kind.startswith("union ")
        found.append((place, name, kind))
        place += 1
    return found


def _write_table(builder: Any, table: str, values: Mapping[str, Any]) -> int:
    slots = [(place, kind, values[name]) for place, name, kind in _slots(table) if name in values]
    # What a table points to must be written before the table itself.
    written = [(place, kind, _write_value(builder, kind, value), value) for place, kind, value in slots]
    builder.StartObject(_slots(table)[-1][0] + 1 if TABLES[table] else 0)
    for place, kind, offset, value in written:
        if kind in _SCALARS:
            builder.Prepend(_SCALARS[kind], value)
            builder.Slot(place)
            continue
        if kind.startswith("union "):
            builder.PrependUint8Slot(place - 1, kind.split().index(next(iter(value))), 0)
        builder.PrependUOffsetTRelativeSlot(place, offset, 0)
    return int(builder.EndObject())


def _write_value(builder: Any, kind: str, value: Any) -> int:
    """Where a value was written; 0 for a scalar, which stands in its table."""
    if kind in _SCALARS:
        return 0
    if kind == "string":
        return int(builder.CreateString(value))
    if kind.startswith("union "):
        ((table, values),) = value.items()
        return _write_table(builder, table, values)
    if not kind.startswith("["):
        return _write_table(builder, kind, value)
    item = kind[1:-1]
    offsets = [_write_value(builder, item, entry) for entry in value]
    builder.StartVector(4, len(value), 4)
    for entry, offset in zip(reversed(value), reversed(offsets), strict=True):
        if item in _SCALARS:
            builder.Prepend(_SCALARS[item], entry)
        else:
            builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


class _Reader:
    """Reads tables by the flatbuffer format; offsets are checked, for the file may be anyone's."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MOST_VALUES  # tables may be shared, so that a small file could stand for endless values

    def table(self, name: str, at: int) -> dict[str, Any]:
        (back,) = struct.unpack_from("<i", self.data, at)
        vtable = at - back
        if vtable < 0:
            raise ValueError(f"a table at byte {vtable}")
        (size,) = struct.unpack_from("<H", self.data, vtable)
        found = {}
        for place, field, kind in _slots(name):
            position = self._field(at, vtable, size, place)
            if position is None:
                continue
            if kind.startswith("union "):
                chosen = self._field(at, vtable, size, place - 1)
                which = 0 if chosen is None else self.data[chosen]
                tables = kind.split()
                if not 0 < which < len(tables):
                    raise ValueError(f"{field} of a kind {which} that is not known")
                found[field] = {tables[which]: self.value(tables[which], position)}
            else:
                found[field] = self.value(kind, position)
        return found

    def value(self, kind: str, at: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"more than {MOST_VALUES} values")
        if kind in _SCALARS:
            return raw.Get(_SCALARS[kind].packer_type, self.data, at)
        target = at + _u32(self.data, at)
        if kind == "string":
            end = target + 4 + _u32(self.data, target)
            if end > len(self.data):
                raise IndexError(f"a text that ends at byte {end}")
            return self.data[target + 4 : end].decode("utf-8")
        if not kind.startswith("["):
            return self.table(kind, target)
        count = _u32(self.data, target)
        return [self.value(kind[1:-1], target + 4 + 4 * index) for index in range(count)]

    def _field(self, at: int, vtable: int, size: int, place: int) -> int | None:
        entry = 4 + 2 * place
        if entry + 2 > size:
            return None
        (offset,) = struct.unpack_from("<H", self.data, vtable + entry)
        return at + offset if offset else None


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
