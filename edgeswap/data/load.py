"""Where datasets come from: `load` is the one way in. Raw samples stay as they are; `preprocess` maps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeswap.data import image_folder
from edgeswap.data.arrays import from_arrays, from_npz, from_tf
from edgeswap.data.coco import from_coco
from edgeswap.data.csv_file import from_csv
from edgeswap.data.dataset import ArraySamples, Dataset, Expected, Shape
from edgeswap.data.masks import from_masks
from edgeswap.data.resizing import RESIZE, Resize, fit
from edgeswap.data.spec_path import DIGITS, Kind, kind_and_path, require_there
from edgeswap.data.train_test_folders import Part
from edgeswap.errors import DataError
from edgeswap.system import shipped
from edgeswap.system.user_function import call_function, import_function

__all__ = ["ArraySamples", "Dataset", "load", "stratified_split"]

READERS: Mapping[Kind, Callable[[Path, str, Expected, Resize], Dataset]] = {
    "masks": from_masks,
    "coco": from_coco,
    "csv": from_csv,
}


def load(
    spec: Any,
    *,
    input_shapes: Mapping[str, Shape],
    classes: int | None = None,
    class_names: Sequence[str] | None = None,
    names_from: str = "--labels",
    part: Part = "train",
    resize: Resize = "pillow",
    mask_size: tuple[int, int] | None = None,
) -> Dataset:
    """The dataset that `spec` stands for, checked against the model that will take it.

    Args:
        spec: a text: a folder or .zip of images (see `image_folder.find`), an .npz with `x` (or one array per input
            name) and optionally `y` (or `y_<output name>`), `masks:FOLDER`, `coco:FILE.json`, `csv:FILE`,
            `tfds:NAME/split`, `module:function` (it returns anything below), `digits` (its training part) or
            `digits/test`; or a path; or an array, a dict of arrays by input name, a tuple of either with labels (an
            array, or a dict by output name); or a finite tf.data.Dataset of such, which is read into memory; or a
            Dataset.
        input_shapes: the model's inputs in order: name to shape without the batch, None where it is free.
        classes: how many names of classes fit to the model, if any do.
        class_names: in the order of the model's outputs; the class folders of images must be among them.
        names_from: where they come from, for errors.
        part: which, of a folder or .zip that holds train and test.
        resize: how image files reach the model's size; see `resizing.RESIZE`.
        mask_size: height and width of the masks that labels are; those of the input where it is None.

    Raises:
        DataError: what is there is not what `spec` promises or does not fit the model, or the function raised an error.
        ConfigError: `module:function` names nothing that can be imported.
    """
    names = None if class_names is None else tuple(class_names)
    return _opened(spec, Expected(dict(input_shapes), classes, names, names_from, mask_size), part, resize)


def _opened(spec: Any, expected: Expected, part: Part, resize: Resize) -> Dataset:
    if not isinstance(spec, (str, Path)):
        return _from_value(spec, type(spec).__name__, expected)
    source = str(spec)
    if source in DIGITS:
        return _digits(source, expected)
    if source.startswith("tfds:"):
        return _from_tfds(source, expected, resize)
    require_there(spec)
    kind, path = kind_and_path(spec)
    if kind is not None:
        return READERS[kind](path, source, expected, resize)
    return _from_path(path, source, expected, part, resize)


def _from_path(path: Path, source: str, expected: Expected, part: Part, resize: Resize) -> Dataset:
    if path.suffix.lower() == ".npz" and path.is_file():
        return from_npz(path, source, expected)
    if path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file()):
        return _from_images(path, expected, part, resize)
    return _from_value(call_function(source, import_function(source)), source, expected)


def require_arrays(value: Any) -> None:
    """Refuse what a Python caller may take for data and is none: a generator, a function, a loader of batches.

    Raises:
        DataError: it is one of these.
    """
    parts = value if isinstance(value, tuple) else (value,)
    for part in parts:
        is_loader = hasattr(part, "on_epoch_end")  # Keras' PyDataset and Sequence
        if hasattr(part, "__next__") or callable(part) or is_loader:
            raise DataError(
                f"Expected arrays or a finite tf.data.Dataset, got {type(part).__name__}, of which edgeswap "
                "cannot read single samples.",
                "Collect its batches into arrays: x, y = (numpy.concatenate(parts) for parts in zip(*batches)), with "
                "batches a list of (x, y), and give (x, y).",
            )


def stratified_split(dataset: Dataset, held_out: float, seed: int) -> tuple[Dataset, Dataset]:
    """Two parts without overlap: the rest, and `held_out` samples with each class in proportion.

    Where the proportion is no whole number the classes that would lose most get one more (largest remainders). Between
    equal ones chance decides where there are more classes than samples to hold out, as with numbers such as ages.
    Without one class a sample the choice is random. Both parts keep the dataset's order; the same seed chooses the same
    samples.

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
            f"Expected enough samples in {dataset.source} to set some aside and keep some, got {len(dataset)}.",
            "Give more samples, or separate test data with --test-data.",
        )
    strata = np.zeros(len(dataset), np.int64) if dataset.classes is None else dataset.classes
    classes, sizes = np.unique(strata, return_counts=True)
    shares = sizes * (count / len(dataset))
    quotas = np.floor(shares).astype(np.int64)
    random = np.random.default_rng(seed)
    order = random.permutation(len(classes)) if len(classes) > count else np.arange(len(classes))
    quotas[order[np.argsort((quotas - shares)[order], kind="stable")][: count - quotas.sum()]] += 1
    is_held = np.zeros(len(dataset), bool)
    for label, quota in zip(classes, quotas, strict=True):
        is_held[random.permutation(np.flatnonzero(strata == label))[:quota]] = True
    return dataset.subset(np.flatnonzero(~is_held)), dataset.subset(np.flatnonzero(is_held))


def _digits(source: str, expected: Expected) -> Dataset:
    manifest = json.loads(shipped.path("calibration/manifest.json").read_text(encoding="utf-8"))
    with np.load(shipped.path("calibration/digits.npz"), allow_pickle=False) as arrays:
        x, y = arrays["x"], arrays["y"]
    whole = from_arrays(x, y, source, replace(expected, class_names=tuple(manifest["classes"])))
    is_test = np.isin(np.arange(len(x)), manifest["split"]["test"])
    return whole.subset(np.flatnonzero(is_test if source == "digits/test" else ~is_test))


def _from_images(path: Path, expected: Expected, part: Part, resize: Resize) -> Dataset:
    shape = image_folder.image_input(expected, str(path))
    files, labels, names, split = image_folder.find(
        path, shape, expected.class_names, names_from=expected.names_from, part=part, resize=resize
    )
    if names is not None and expected.classes is not None and len(names) != expected.classes:
        raise DataError(
            f"Expected {expected.classes} class folders, as many as the model's outputs, got {len(names)} in {path}.",
            "Add the folders that are missing, empty if need be, or give the names of all classes with --labels.",
        )
    source = str(path if split is None else path / split.folder)
    positions = np.arange(len(files))
    return Dataset(source, files, positions, labels, names, labels_by_name=True, resize=RESIZE[resize], split=split)


def _from_tfds(source: str, expected: Expected, resize: Resize) -> Dataset:
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
            "Write it like tfds:cifar10/test.",
        ) from error
    label = info.features[info.supervised_keys[1]]
    names = tuple(label.names) if hasattr(label, "names") else None
    if len(info.features[info.supervised_keys[0]].shape) != 3:
        return from_tf(dataset, source, replace(expected, class_names=expected.class_names or names))
    shape = image_folder.image_shape(next(iter(expected.input_shapes.values())))
    pairs = [
        (fit(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels), shape, resize), y)
        for pixels, y in dataset.as_numpy_iterator()
    ]
    pixels = np.array([x for x, _ in pairs], np.uint8).reshape(-1, *shape)
    loaded = from_arrays(pixels, [y for _, y in pairs], source, replace(expected, class_names=names))
    loaded = replace(loaded, labels_by_name=names is not None, resize=RESIZE[resize])
    return loaded if expected.class_names is None else loaded.with_names(expected.class_names)


def _from_value(value: Any, source: str, expected: Expected) -> Dataset:
    """What Python code hands over."""
    if isinstance(value, Dataset):
        known = expected.class_names is not None and value.labels_by_name
        return value.with_names(expected.class_names or ()) if known else value
    if hasattr(value, "element_spec") and hasattr(value, "as_numpy_iterator"):  # a tf.data.Dataset, without TensorFlow
        return from_tf(value, source, expected)
    require_arrays(value)
    if isinstance(value, tuple) and len(value) == 2:
        return from_arrays(value[0], value[1], source, expected)
    return from_arrays(value, None, source, expected)
