"""TFLite Metadata inside a `.tflite`: what the model is, how its input is made, which label each output has.

The metadata are a buffer of the model; files that belong to it, such as labels, follow the flatbuffer as a zip. Neither
changes what an interpreter computes. Format: https://ai.google.dev/edge/litert/models/metadata
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeswap.errors import ModelError
from edgeswap.tflite import metadata_schema
from edgeswap.tflite.flatbuffer import changed, read, text, write
from edgeswap.tflite.runtime_version import minimum_runtime
from edgeswap.tflite.runtime_version import text as version_text

METADATA = "TFLITE_METADATA"
MINIMUM_RUNTIME = "min_runtime_version"
MINIMUM_RUNTIME_BYTES = 16  # the converter's buffer, which TFLite's own tools fill in place
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_LARGEST_FILE_BYTES = 16 << 20


@dataclass(frozen=True)
class Attached:
    """What a `.tflite` tells of itself.

    Attributes:
        metadata: the ModelMetadata by its schema's names, see `metadata_schema`.
        files: name to content of the files behind the flatbuffer.
        minimum_runtime: the oldest TensorFlow Lite that runs it, such as `1.14.0`; None where it does not say.
    """

    metadata: dict[str, Any]
    files: dict[str, bytes]
    minimum_runtime: str | None


def attach(tflite_model: bytes, metadata: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """The model with `metadata` in it, `files` behind it, and the runtime version that its operators ask for.

    Args:
        tflite_model: a `.tflite` file; metadata that it has are replaced, and what follows its flatbuffer is left out.
        metadata: the ModelMetadata by its schema's names.
        files: name to content.

    Raises:
        ModelError: it is no `.tflite`.
    """
    model = read(tflite_model)
    kept = {
        text(entry.name): bytes(model.buffers[entry.buffer].data)
        for entry in model.metadata or ()
        if model.buffers[entry.buffer].data is not None
    }
    version = minimum_runtime(model)
    said = (
        {} if version is None else {MINIMUM_RUNTIME: version_text(version).encode().ljust(MINIMUM_RUNTIME_BYTES, b"\0")}
    )
    return _followed_by(
        write(_with_metadata(model, {**kept, **said, METADATA: metadata_schema.encode(metadata)})), files
    )


def read_attached(tflite_model: bytes) -> Attached:
    """What `attach` put into a model.

    Raises:
        ModelError: it is no `.tflite`, has no metadata, or they or the files behind it are damaged.
    """
    model = read(tflite_model)
    entries = {text(entry.name): model.buffers[entry.buffer].data for entry in model.metadata or ()}
    data = entries.get(METADATA)
    if data is None:
        raise ModelError("Expected TFLite Metadata in the model, got none.", "Make the bundle again.")
    version = entries.get(MINIMUM_RUNTIME)
    return Attached(
        metadata_schema.decode(bytes(data)),
        _unzipped(tflite_model),
        None if version is None else bytes(version).rstrip(b"\0").decode("ascii", "replace"),
    )


def _with_metadata(model: Any, entries: Mapping[str, bytes]) -> Any:
    """The model with these metadata in the place of all others; buffers of replaced ones are emptied, not moved."""
    old = {entry.buffer for entry in model.metadata or ()}
    buffers = [schema.BufferT() if index in old else buffer for index, buffer in enumerate(model.buffers)]
    metadata = []
    for name, data in entries.items():
        metadata.append(schema.MetadataT(name=name, buffer=len(buffers)))
        buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
    return changed(model, buffers=buffers, metadata=metadata)


def _followed_by(flatbuffer: bytes, files: Mapping[str, bytes]) -> bytes:
    """The flatbuffer and a zip, the same bytes every time; nothing is compressed, so that readers may map it.

    The zip's offsets count from the start of the flatbuffer: Android's reader takes them so.
    """
    if not files:
        return flatbuffer
    stream = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), files[name])
    return stream.getvalue()


def _unzipped(tflite_model: bytes) -> dict[str, bytes]:
    if not zipfile.is_zipfile(io.BytesIO(tflite_model)):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(tflite_model)) as archive:
            entries = archive.infolist()
            if any(entry.compress_type or entry.file_size > _LARGEST_FILE_BYTES for entry in entries):
                raise ModelError(
                    "Expected files behind the model that are stored as they are, got compressed or very large ones.",
                    "Make the bundle again.",
                )
            return {entry.filename: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise ModelError(
            f"Expected whole files behind the model, got a damaged zip: {error}.", "Make the bundle again."
        ) from error
