"""What is in a model file, without building the model and without TensorFlow: so that a bad one is refused at once."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeswap.errors import ConfigError, ModelError
from edgeswap.model.saved_model import read_saved_model
from edgeswap.model.screening import named, screen
from edgeswap.model.strict_json import JsonError, parse
from edgeswap.model.wiring import check_wiring

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
# How many numbers of its weights a layer has at least, by these keys of its config.
_SIZES = ("units", "filters", "output_dim")
CustomNames = Iterable[str]


@dataclass(frozen=True)
class ModelFile:
    """A `.keras` or `.h5` file, or a SavedModel folder, of a whole model.

    Attributes:
        path: where it lies.
        kind: by its first bytes, whatever its name ends in; it says which reader takes it.
        framework: which can read it: `keras` (Keras 3) or `tf_keras` (Keras 2).
        config: the model's, as it was saved.
    """

    path: Path
    kind: Literal["keras", "h5", "saved_model"]
    framework: Literal["keras", "tf_keras"]
    config: Mapping[str, Any]

    @property
    def names(self) -> set[str]:
        """The classes and functions that its config names."""
        return named(self.config)


def inspect(
    path: str | Path, *, trust: bool = False, custom_objects: CustomNames = (), weights: bool = False
) -> ModelFile:
    """What the file at `path` holds.

    Args:
        path: the file.
        trust: let it carry code, or anything else that Keras can build, which then runs when it is loaded.
        custom_objects: names of the user's own classes and functions, which it may name too; also `MODULE:NAME`.
        weights: also look at every byte and every array of it, which may crash or hang on a hostile file: see
            `edgeswap.model.rehearsal`.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it would run code and is not trusted.
        ConfigError: the file has no use for one of the custom objects.
    """
    path = require_file(path)
    try:
        file, numbers = _read(path, weights)
    except PermissionError as error:
        raise ModelError(
            f"Expected a model file, but {str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    if not trust:
        where = repr(str(path))
        screen(file.config, where, {name.partition(":")[2] or name for name in custom_objects})
        check_wiring(file.config, where)
        _check_named(file, custom_objects)
        if numbers is not None:
            _check_sizes(file.config, where, numbers)
    return file


def require_file(path: str | Path) -> Path:
    """The path, at which a file or folder is; nothing of it is read.

    Raises:
        ModelError: there is none.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"Expected a model file, but {str(path)!r} does not exist.", "Check the path.")
    return path


def _read(path: Path, weights: bool) -> tuple[ModelFile, int | None]:
    """The file, and how many numbers it has room for where that was looked up."""
    if path.is_dir():
        config, size_bytes = read_saved_model(path)
        return ModelFile(path, "saved_model", "tf_keras", config), size_bytes
    if not path.is_file():
        raise ModelError(
            f"Expected a model file, but {str(path)!r} is not a regular file.",
            "Give a .keras or .h5 file, or a folder.",
        )
    if path.stat().st_size == 0:
        raise ModelError(f"Expected a Keras model, but {str(path)!r} is empty.", "Save the model again.")
    with path.open("rb") as stream:
        first = stream.read(8)
    if path.suffix in (".npz", ".npy"):
        raise ModelError(
            f"Expected a model, but {str(path)!r} is data: NumPy arrays.",
            "Give a .keras or .h5 file or a Keras 2 SavedModel; `edgeswap check` takes a .tflite, too.",
        )
    if first.startswith(_ZIP):
        return _read_keras(path, weights)
    if first == _HDF5:
        return _read_h5(path, weights)
    raise ModelError(
        f"Expected a .keras or .h5 model, but {str(path)!r} is neither a zip nor an HDF5 file, or it is cut short.",
        "Save the model with model.save('model.keras'), and copy it whole.",
    )


def _read_keras(path: Path, weights: bool) -> tuple[ModelFile, int | None]:
    from edgeswap.model.hdf5 import Hdf5Error  # noqa: PLC0415  (a tenth of a second, which a missing file need not wait)
    from edgeswap.model.keras_zip import ZipError, read_keras_zip  # noqa: PLC0415

    try:
        held = read_keras_zip(path, weights=weights)
    except (ZipError, JsonError, Hdf5Error) as error:
        raise ModelError(
            f"Expected a .keras model, but {str(path)!r} is a zip that cannot be read: {error}.",
            "Copy the file again if it came cut or changed; else save the model with model.save('model.keras').",
        ) from error
    return ModelFile(path, "keras", _framework(held.version), held.config), held.numbers


def _read_h5(path: Path, weights: bool) -> tuple[ModelFile, int | None]:
    from edgeswap.model.hdf5 import Hdf5Error, check_hdf5, text_attributes  # noqa: PLC0415  (as above)

    try:
        if zipfile.is_zipfile(path):
            raise Hdf5Error("it is a zip too")
        numbers = check_hdf5(str(path)) if weights else None
        config, version = text_attributes(path, "model_config", "keras_version")
        if config is None:
            raise ModelError(
                f"Expected a whole model, but {str(path)!r} holds only weights, or is not a model.",
                "Save the model itself with model.save('model.keras'), not save_weights.",
            )
        return ModelFile(path, "h5", _framework(version or "2"), parse(config)), numbers
    except (Hdf5Error, JsonError) as error:
        raise ModelError(
            f"Expected an HDF5 model, but {str(path)!r} cannot be read: {error}.",
            "Copy the file again if it came cut or changed; else save the model with model.save('model.keras').",
        ) from error


def _framework(version: str) -> Literal["keras", "tf_keras"]:
    return "keras" if version.startswith("3") else "tf_keras"


def _check_named(file: ModelFile, custom_objects: CustomNames) -> None:
    """What is imported for a file is what it needs, and no function that happens to stand in a module."""
    asked = {name.rpartition(">")[2] for name in file.names}
    for text in custom_objects:
        if ":" in text and text.partition(":")[2] not in asked:
            raise ConfigError(
                f"Expected a class or function that {str(file.path)!r} names for --custom-objects, got {text!r}.",
                "Leave it out, or write the name that is in the file: for a layer, the name of its class.",
            )


def _check_sizes(config: Mapping[str, Any], where: str, numbers: int) -> None:
    """Building a layer makes its weights, however many its config asks for."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            for key in _SIZES:
                size = value.get(key)
                if isinstance(size, (int, float)) and not isinstance(size, bool) and not size <= max(numbers, 1):
                    raise ModelError(
                        f"Expected {where} to hold its weights, but a layer has {size:g} {key} and the file "
                        f"{numbers} numbers.",
                        "The file is damaged or made by hand: save the model again.",
                    )
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
