"""A SavedModel that Keras 2 wrote: the model's config out of `keras_metadata.pb`, and its weights.

`saved_model.pb` holds the model as TensorFlow graphs, which run when they are loaded and may read and write files. It
is not opened: the model is built from its config and takes its weights from the checkpoint, which is data only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.model.strict_json import JsonError, parse

DEFINITION = "saved_model.pb"
METADATA = "keras_metadata.pb"
VARIABLES = Path("variables", "variables")
_SAVE_AGAIN = "Save the model with model.save('model.keras')."


def read_saved_model(path: Path) -> tuple[dict[str, Any], int]:
    """The config of the model in the folder, as `{"class_name", "config"}`, and how many bytes its weights have.

    Raises:
        ModelError: the folder is no Keras 2 SavedModel, has links that lead out of it, or the model is subclassed.
    """
    where = repr(str(path))
    _require_whole(path, where)
    try:
        nodes = [_fields(node) for number, node in _fields((path / METADATA).read_bytes()) if number == 1]
        # SavedMetadata of tf_keras/protobuf/saved_metadata.proto: nodes = 1; in each node_path = 3, metadata = 5.
        root = next(dict(node) for node in map(list, nodes) if (3, b"root") in node)
        config = _plain(parse(root[5]))
    except (StopIteration, KeyError, IndexError, TypeError, JsonError) as error:
        raise ModelError(
            f"Expected a Keras 2 SavedModel, but {METADATA} in {where} cannot be read.", "Copy the folder again, whole."
        ) from error
    if config.get("class_name") not in ("Functional", "Sequential", "Model") or not isinstance(config["config"], dict):
        raise ModelError(
            f"Expected a functional or sequential model, but the SavedModel {where} holds the subclassed model "
            f"{str(config.get('class_name'))[:100]!r}, which is rebuilt only by running its graphs.",
            "Make it a functional model and save that with model.save('model.keras'), or pass --trust if you trust "
            "the folder.",
        )
    size_bytes = sum(file.stat().st_size for file in (path / VARIABLES.parent).glob("variables.data-*"))
    return {key: config[key] for key in ("class_name", "config")}, size_bytes


def load_saved_model(path: Path, config: Mapping[str, Any], tf_keras: Any) -> Any:
    """The tf_keras model that `config` describes, with the weights in the folder.

    Args:
        path: the folder.
        config: from `read_saved_model`, screened.
        tf_keras: the module.
    """
    model = tf_keras.models.model_from_config(dict(config))
    model.load_weights(str(path / VARIABLES)).assert_existing_objects_matched()
    return model


def _require_whole(path: Path, where: str) -> None:
    if not (path / DEFINITION).is_file():
        raise ModelError(
            f"Expected a .keras or .h5 file or a Keras 2 SavedModel, but {where} is a folder without "
            f"{DEFINITION} and {METADATA}.",
            _SAVE_AGAIN,
        )
    if not (path / METADATA).is_file():
        raise ModelError(
            f"Expected a SavedModel that holds Keras layers, but {where} lacks {METADATA}, where Keras 2 keeps them.",
            "Copy that file too; model.export of Keras 3 and tf.saved_model.save write none, so use "
            "model.save('model.keras').",
        )
    if not (path / f"{VARIABLES}.index").is_file():
        raise ModelError(
            f"Expected a SavedModel with its weights, but {where} lacks {VARIABLES}.index.",
            "Copy the folder again, whole.",
        )
    inside = path.resolve()
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            target = Path(folder, name).resolve()
            if not target.is_relative_to(inside) or not (target.is_dir() or target.is_file()):
                raise ModelError(
                    f"Expected a SavedModel in one folder, but {name!r} in {where} leads to {str(target)!r}.",
                    "Copy the folder with the targets of its links, as cp -rL does.",
                )


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message: number and content; others are skipped."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == 0:
            _, position = _varint(message, position)
            continue
        length, position = _varint(message, position) if kind == 2 else ({1: 8, 5: 4}[kind], position)
        if position + length > len(message):
            raise IndexError("cut short")
        if kind == 2:
            yield key >> 3, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
        if shift > 63:
            raise IndexError("no number")


def _plain(value: Any) -> Any:
    """Tuples and shapes, which Keras 2 writes as objects of their own here, as lists; its depth is bounded."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
            return [_plain(item) for item in value["items"]]
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
