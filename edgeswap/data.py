"""Datasets: samples that are read by index, with labels where there are any.

`load` is the one way in, whatever the data come from. Raw samples stay as they are; `preprocess` maps them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeswap import image_folder, shipped
from edgeswap.errors import DataError
from edgeswap.preprocess import import_function

Array = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Shape = Sequence[int | None]


class Samples(Protocol):
    """Where samples lie."""

    def __len__(self) -> int: ...

    def read(self, positions: Indices) -> Any:
        """The raw samples: an array (len(positions), ...), or a dict of such by input name."""

    def digests(self, positions: Indices) -> list[bytes]:
        """A SHA-256 of each raw sample."""


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """Samples in memory: one array (N, ...) for each of the model's inputs."""

    arrays: Mapping[str, Array]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def read(self, positions: Indices) -> Any:
        """An array where the model has one input, else a dict of arrays by input name."""
        read = {name: array[positions] for name, array in self.arrays.items()}
        return read if len(read) > 1 else next(iter(read.values()))

    def digests(self, positions: Indices) -> list[bytes]:
        """Over the sample's bytes in every input, with their type and shape."""
        kinds = {name: f"{array.dtype.str}{array.shape[1:]}".encode() for name, array in self.arrays.items()}
        return [
            hashlib.sha256(
                b"".join(kinds[name] + np.ascontiguousarray(array[at]).tobytes() for name, array in self.arrays.items())
            ).digest()
            for at in positions
        ]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples and what is known of them.

    Attributes:
        source: what the user named, for reports.
        samples: where the samples lie.
        positions: which of them are in this dataset, in order.
        labels: int64 (N,), the class of each sample; None without labels.
        class_names: in the order of the model's outputs; None where unknown.
        resize: how image files reach the model's input size; None for arrays.
    """

    source: str
    samples: Samples
    positions: Indices
    labels: Indices | None = None
    class_names: tuple[str, ...] | None = None
    resize: str | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def read(self, indices: npt.ArrayLike) -> Any:
        """The raw samples at `indices` of this dataset, in that order.

        Returns:
            an array (len(indices), ...): uint8 for images; or a dict of arrays by name for a model of several inputs.

        Raises:
            DataError: an image file that cannot be read.
        """
        return self.samples.read(self.positions[np.asarray(indices, np.int64)])

    def subset(self, indices: npt.ArrayLike) -> Dataset:
        """The dataset of the samples at `indices`, in that order."""
        chosen = np.asarray(indices, np.int64)
        return replace(
            self, positions=self.positions[chosen], labels=None if self.labels is None else self.labels[chosen]
        )

    @cached_property
    def digests(self) -> list[bytes]:
        """SHA-256 of each raw sample: of a file's bytes, or of an array's bytes with its type and shape."""
        return self.samples.digests(self.positions)

    @cached_property
    def sha256(self) -> str:
        """SHA-256, in hexadecimal, over the samples' digests and then the labels (little-endian int64), in order."""
        labels = b"" if self.labels is None else self.labels.astype("<i8").tobytes()
        return hashlib.sha256(b"".join(self.digests) + labels).hexdigest()


def load(
    spec: Any,
    *,
    input_shapes: Mapping[str, Shape],
    classes: int | None = None,
    class_names: Sequence[str] | None = None,
) -> Dataset:
    """The dataset that `spec` stands for, checked against the model that will take it.

    Args:
        spec: a text: a folder or .zip of images (see `image_folder.find`), an .npz with `x` (or one array per input
            name) and optionally `y`, `tfds:NAME/split`, `module:function` (it returns anything below), `digits` (its
            training part) or `digits/test`; or a path; or an array, a dict of arrays by input name, a tuple of either
            with labels; or a finite tf.data.Dataset of such, which is read into memory; or a Dataset.
        input_shapes: the model's inputs in order: name to shape without the batch, None where it is free.
        classes: how many the model tells apart, if it is a classifier.
        class_names: in the order of the model's outputs; the class folders of images must be among them.

    Raises:
        DataError: what is there is not what `spec` promises, or does not fit the model.
        ConfigError: `module:function` names nothing that can be imported.
    """
    names = None if class_names is None else tuple(class_names)
    expected = _Expected(dict(input_shapes), classes, names)
    if not isinstance(spec, (str, Path)):
        return _from_value(spec, type(spec).__name__, expected)
    source = str(spec)
    if source in ("digits", "digits/test"):
        return _digits(source, expected)
    if source.startswith("tfds:"):
        return _from_tfds(source, expected)
    path = Path(spec)
    if path.suffix.lower() == ".npz" and path.is_file():
        return _from_arrays(*_read_npz(path), source, expected)
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file()):
        return _from_images(path, expected)
    if ":" in source and not path.exists():
        return _from_value(import_function(source)(), source, expected)
    problem = "is no file of a kind that is read" if path.exists() else "does not exist"
    raise DataError(
        f"Expected data, got {source!r}, which {problem}.",
        "Give a folder or .zip of images, an .npz, tfds:NAME/split, module:function or digits.",
    )


def stratified_split(dataset: Dataset, held_out: float, seed: int) -> tuple[Dataset, Dataset]:
    """Two parts without overlap: the rest, and `held_out` samples with each class in proportion.

    Where the proportion is no whole number the classes that would lose most get one more (largest remainders). Without
    labels the choice is random. Both parts keep the dataset's order; the same seed chooses the same samples.

    Args:
        dataset: what to split.
        held_out: a share between 0 and 1, or a count of samples from 1.
        seed: of the choice.

    Raises:
        DataError: one of the parts would be empty.
    """
    count = round(held_out * len(dataset)) if held_out < 1 else int(held_out)
    if not 0 < count < len(dataset):
        raise DataError(
            f"Expected to hold out some and not all of the {len(dataset)} samples of {dataset.source}, got {count}.",
            "Give more samples, or data of their own for the test.",
        )
    strata = np.zeros(len(dataset), np.int64) if dataset.labels is None else dataset.labels
    classes, sizes = np.unique(strata, return_counts=True)
    shares = sizes * (count / len(dataset))
    quotas = np.floor(shares).astype(np.int64)
    quotas[np.argsort(quotas - shares, kind="stable")[: count - quotas.sum()]] += 1
    random = np.random.default_rng(seed)
    is_held = np.zeros(len(dataset), bool)
    for label, quota in zip(classes, quotas, strict=True):
        is_held[random.permutation(np.flatnonzero(strata == label))[:quota]] = True
    return dataset.subset(np.flatnonzero(~is_held)), dataset.subset(np.flatnonzero(is_held))


@dataclass(frozen=True)
class _Expected:
    """What the model takes."""

    input_shapes: Mapping[str, Shape]
    classes: int | None
    class_names: tuple[str, ...] | None


def _digits(source: str, expected: _Expected) -> Dataset:
    manifest = json.loads(shipped.path("calibration/manifest.json").read_text(encoding="utf-8"))
    with np.load(shipped.path("calibration/digits.npz"), allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    whole = _from_arrays(x, y, source, replace(expected, class_names=tuple(manifest["classes"])))
    is_test = np.isin(np.arange(len(x)), manifest["split"]["test"])
    return whole.subset(np.flatnonzero(is_test if source == "digits/test" else ~is_test))


def _from_images(path: Path, expected: _Expected) -> Dataset:
    if len(expected.input_shapes) != 1:
        raise DataError(
            f"Expected arrays for the model's inputs {', '.join(expected.input_shapes)}, got images in {path}.",
            "Give an .npz with one array per input name.",
        )
    shape = next(iter(expected.input_shapes.values()))
    files, labels, names = image_folder.find(path, shape, expected.class_names)
    if names is not None and expected.classes is not None and len(names) != expected.classes:
        raise DataError(
            f"Expected {expected.classes} class folders, as many as the model's outputs, got {len(names)} in {path}.",
            "Add the folders that are missing, empty if need be, or give the names of all classes with --labels.",
        )
    return Dataset(str(path), files, np.arange(len(files)), labels, names, image_folder.RESIZE)


def _read_npz(path: Path) -> tuple[dict[str, Array], Array | None]:
    try:
        # Checked first because np.load takes whatever else is there for a pickle, and says so.
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("not an .npz file")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"Expected plain arrays in {path}, got: {error}.",
            "Write numeric arrays with numpy.savez; pickled objects are not read, for they can run code.",
        ) from error
    y = arrays.pop("y", None)
    return arrays, y


def _from_tfds(source: str, expected: _Expected) -> Dataset:
    name, _, split = source.removeprefix("tfds:").rpartition("/")
    try:
        import tensorflow_datasets as tfds  # noqa: PLC0415  (optional, and it imports TensorFlow)
    except ModuleNotFoundError as error:
        raise DataError(
            f"Expected tensorflow_datasets for {source!r}, got: {error}.", "Run: pip install tensorflow-datasets"
        ) from error
    try:
        dataset, info = tfds.load(name, split=split, as_supervised=True, with_info=True)
    except (ValueError, OSError, ImportError) as error:  # some datasets need more installed
        reason = str(error).splitlines()[0]
        raise DataError(
            f"Expected a dataset with a split and labels as tfds:NAME/split, got {source!r}: {reason}",
            "Write it as in tfds:cifar10/test.",
        ) from error
    label = info.features[info.supervised_keys[1]]
    names = tuple(label.names) if hasattr(label, "names") else None
    labelled = replace(expected, class_names=expected.class_names or names)
    if len(info.features[info.supervised_keys[0]].shape) != 3:
        return _from_tf(dataset, source, labelled)
    shape = image_folder.image_shape(next(iter(expected.input_shapes.values())))
    pairs = [
        (image_folder.fit(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels), shape), y)
        for pixels, y in dataset.as_numpy_iterator()
    ]
    pixels = np.array([x for x, _ in pairs], np.uint8).reshape(-1, *shape)
    loaded = _from_arrays(pixels, np.array([y for _, y in pairs]), source, labelled)
    return replace(loaded, resize=image_folder.RESIZE)


def _from_value(value: Any, source: str, expected: _Expected) -> Dataset:
    """What Python code hands over."""
    if isinstance(value, Dataset):
        return value
    if hasattr(value, "element_spec") and hasattr(value, "as_numpy_iterator"):  # a tf.data.Dataset, without TensorFlow
        return _from_tf(value, source, expected)
    if isinstance(value, tuple) and len(value) == 2:
        return _from_arrays(value[0], value[1], source, expected)
    return _from_arrays(value, None, source, expected)


def _from_tf(dataset: Any, source: str, expected: _Expected) -> Dataset:
    if int(dataset.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise DataError(
            f"Expected a finite dataset, got an endless one from {source}.", "Leave out repeat() or take(n)."
        )
    labelled = isinstance(dataset.element_spec, tuple)
    if labelled and len(dataset.element_spec) != 2:
        raise DataError(
            f"Expected elements x or (x, y) from {source}, got {len(dataset.element_spec)} parts.", "Leave weights out."
        )
    elements: list[Any] = [element if labelled else (element,) for element in dataset.as_numpy_iterator()]
    if not elements:
        raise DataError(f"Expected samples in {source}, got none.", "Check what the dataset is made from.")
    first = elements[0][0]
    name, shape = next(iter(expected.input_shapes.items()))
    rank = np.ndim(first[name] if isinstance(first, Mapping) and name in first else first)
    join = np.concatenate if rank == len(shape) + 1 else np.stack
    if isinstance(first, Mapping):
        x: Any = {key: join([element[0][key] for element in elements]) for key in first}
    else:
        x = join([element[0] for element in elements])
    return _from_arrays(x, join([element[1] for element in elements]) if labelled else None, source, expected)


def _from_arrays(x: Any, y: Any, source: str, expected: _Expected) -> Dataset:
    wanted = list(expected.input_shapes)
    given = dict(x) if isinstance(x, Mapping) else {"x": x}
    if len(wanted) == 1 and set(given) == {"x"}:
        given = {wanted[0]: given["x"]}
    if set(given) != set(wanted):
        names = "x" if len(wanted) == 1 else ", ".join(wanted)
        raise DataError(
            f"Expected {names} and optionally y in {source}, got {', '.join(given) or 'no samples'}.",
            "Name the samples x, or by the model's inputs where it has several, and the labels y.",
        )
    try:
        arrays = {name: np.asarray(given[name]) for name in wanted}
    except ValueError as error:
        raise DataError(f"Expected arrays in {source}, got: {error}.", "Give samples of one shape.") from error
    for name, shape in expected.input_shapes.items():
        _check_samples(arrays[name], shape, name if len(wanted) > 1 else "x", source)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"Expected as many samples for every input in {source}, got {lengths}.", "Give one for each.")
    count = lengths[wanted[0]]
    labels = None if y is None else _labels(np.asarray(y), count, expected.classes, source)
    return Dataset(source, ArraySamples(arrays), np.arange(count), labels, expected.class_names)


def _check_samples(array: Array, shape: Shape, name: str, source: str) -> None:
    if array.dtype.kind not in "buif":
        raise DataError(f"Expected numbers in {name} of {source}, got {array.dtype}.", "Give uint8 pixels or floats.")
    if array.ndim != len(shape) + 1 or any(
        size not in (None, got) for size, got in zip(shape, array.shape[1:], strict=False)
    ):
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise DataError(
            f"Expected {name} of shape (samples, {sizes}), as the model takes, got {array.shape} in {source}.",
            "Reshape or resize the samples; a grayscale image needs its channel axis too: x[..., numpy.newaxis].",
        )
    if not len(array):
        raise DataError(f"Expected samples in {name} of {source}, got none.", "Check how the array was made.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
        raise DataError(
            f"Expected finite numbers in {name} of {source}, got NaN or infinity, first in sample {bad}.",
            "Mend or leave out such samples.",
        )


def _labels(y: Array, count: int, classes: int | None, source: str) -> Indices:
    """Integer labels (N,) from (N,), (N, 1) or one-hot rows (N, classes), as Keras users have them."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        if classes is not None and y.shape[1] != classes:
            raise DataError(
                f"Expected one-hot labels of {classes} classes in {source}, got rows of {y.shape[1]}.",
                "Encode them again.",
            )
        y = y.argmax(axis=1)
    if y.shape != (count,) or y.dtype.kind not in "ui":
        raise DataError(
            f"Expected {count} integer labels, one a sample, in {source}, got {y.dtype} of shape {y.shape}.",
            "Give the class of every sample as an integer, or as a one-hot row.",
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or (classes is not None and high >= classes):
        top = "up" if classes is None else f"to {classes - 1}"
        raise DataError(
            f"Expected labels from 0 {top} in {source}, got {low} to {high}.",
            "Number the classes from 0 in the order of the model's outputs.",
        )
    return y.astype(np.int64)
