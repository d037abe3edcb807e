"""The three disjoint roles of data in a run: train, calibration, test. Test samples never train or calibrate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeswap.config import ExportConfig
from edgeswap.data import Dataset, load, stratified_split
from edgeswap.errors import DataError
from edgeswap.preprocess import Preprocess, from_name
from edgeswap.quantization.calibration import choose, representative_dataset
from edgeswap.records import Data, DataSource
from edgeswap.source import Source
from edgeswap.zoo import digits

HELD_OUT = 0.2
CALIBRATION_SAMPLES = 500


@dataclass(frozen=True, eq=False)
class Roles:
    """Who does what.

    Attributes:
        train: for fine-tuning; None where nothing is trained.
        calibration: the representative dataset.
        test: for the figures alone.
        preprocess: from raw samples to the model's input.
        representative: the calibration samples, checked: one float32 array (N, ...) for each model input.
    """

    train: Dataset | None
    calibration: Dataset
    test: Dataset
    preprocess: Preprocess
    representative: tuple[npt.NDArray[np.float32], ...]

    @property
    def record(self) -> Data:
        """For the report."""
        return Data(
            train=None if self.train is None else _record(self.train),
            calibration=_record(self.calibration),
            test=_record(self.test),
            preprocess=self.preprocess.name,
            resize=self.test.resize,
        )


def assign(config: ExportConfig, source: Source) -> Roles:
    """Open what the config names and give each sample its role.

    Without test data of its own a stratified fifth of `data` is set aside first.

    Raises:
        DataError: the data cannot be read, do not fit the model or overlap, or images come without `preprocess`.
    """
    names = None if config.labels is None else _class_names(config.labels, source.classes)

    def opened(spec: object) -> Dataset:
        return load(spec, input_shapes=source.input_shapes, classes=source.classes, class_names=names)

    example = config.model is None and config.data is None
    data = opened("digits") if example else None if config.data is None else opened(config.data)
    if config.test_data is not None:
        train, test = data, opened(config.test_data)
    elif example:
        train, test = data, opened("digits/test")
    elif data is not None:
        train, test = stratified_split(data, HELD_OUT, config.seed)
    else:
        raise DataError("Expected test data, got none.", "Pass --test-data SPEC, or --data SPEC to split.")
    pool = opened(config.calibration) if config.calibration is not None else train
    if pool is None:
        raise DataError("Expected samples to calibrate on, got none.", "Pass --calibration SPEC or --data SPEC.")
    preprocess = _preprocess(config, source, test, example)
    calibration = pool.subset(choose(len(pool), pool.labels, CALIBRATION_SAMPLES, config.seed))
    shapes = source.input_shapes
    representative = representative_dataset(calibration, preprocess.as_the_app_does, shapes=shapes, test=test)
    return Roles(train, calibration, test, preprocess, representative)


def _preprocess(config: ExportConfig, source: Source, data: Dataset, example: bool) -> Preprocess:
    if config.preprocess is not None:
        return from_name(config.preprocess)
    if example:
        return from_name(digits.PREPROCESS)
    first = data.read(np.arange(1))
    arrays = list(first.values()) if isinstance(first, dict) else [first]
    if all(array.dtype != np.uint8 for array in arrays):
        return from_name("none")
    if source.takes_raw_pixels:
        return from_name("raw")
    raise DataError(
        "Expected --preprocess for images, got none: the model has no Rescaling of its own that would tell.",
        "Pass the one of the training: raw (0..255), unit (0..1), symmetric (-1..1), caffe, torch, or module:function.",
    )


def _class_names(file: Path, classes: int) -> tuple[str, ...]:
    if not file.is_file():
        raise DataError(f"Expected a file of class names, but {str(file)!r} is not there.", "One name a line.")
    names = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    if len(names) != classes:
        raise DataError(
            f"Expected {classes} class names in {str(file)!r}, as many as the model has outputs, got {len(names)}.",
            "Write one name a line, in the order of the outputs.",
        )
    return names


def _record(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)
