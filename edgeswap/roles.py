"""The three disjoint roles of data in a run: train, calibration, test. Test samples never train or calibrate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeswap.config import ExportConfig
from edgeswap.data import Dataset, load, stratified_split
from edgeswap.errors import DataError
from edgeswap.preprocess import Preprocess, pixel_inputs
from edgeswap.preprocess_choice import preprocess_for
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
    def pixel_inputs(self) -> frozenset[str]:
        """Names of the model's inputs that the preprocessing maps; empty where the model has one, which it maps."""
        first = self.test.read(np.arange(1))
        return pixel_inputs(first) if isinstance(first, dict) else frozenset()

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

    Without test data of its own a stratified fifth of `data` is set aside first, and what is the same sample to the
    byte is taken out of the rest: such data often hold a photograph twice.

    Raises:
        DataError: the data cannot be read, do not fit the model or overlap, or images come without `preprocess`.
    """
    names = None if config.labels is None else _class_names(config.labels, source.classes)

    def opened(spec: object) -> Dataset:
        return load(spec, input_shapes=source.input_shapes, classes=source.classes, class_names=names)

    example = config.model is None and config.data is None
    data = opened("digits") if example else None if config.data is None else opened(config.data)
    pool = None if config.calibration is None else opened(config.calibration)
    if config.test_data is not None or example:
        train, test = data, opened("digits/test" if config.test_data is None else config.test_data)
        _refuse_test_samples(train, test)
    elif data is not None:
        train, test = stratified_split(data, HELD_OUT, config.seed)
        train = _without(train, test)
        pool = None if pool is None else _without(pool, test)
    else:
        raise DataError("Expected test data, got none.", "Pass --test-data SPEC, or --data SPEC to split.")
    pool = train if pool is None else pool
    if pool is None:
        raise DataError("Expected samples to calibrate on, got none.", "Pass --calibration SPEC or --data SPEC.")
    named = digits.PREPROCESS if example and config.preprocess is None else config.preprocess
    preprocess = preprocess_for(test, named, takes_raw_pixels=source.takes_raw_pixels)
    calibration = pool.subset(choose(len(pool), pool.labels, CALIBRATION_SAMPLES, config.seed))
    shapes = source.input_shapes
    representative = representative_dataset(calibration, preprocess.as_the_app_does, shapes=shapes, test=test)
    return Roles(train if config.trains else None, calibration, test, preprocess, representative)


def _refuse_test_samples(train: Dataset | None, test: Dataset) -> None:
    known = set(test.digests)
    shared = 0 if train is None else sum(digest in known for digest in train.digests)
    if train is not None and shared:
        raise DataError(
            f"Expected training samples that are not in the test split, got {shared} of {len(train)} from "
            f"{train.source} that are.",
            "Take them out of one of the two, or leave --test-data away: then a part of --data is set aside.",
        )


def _without(dataset: Dataset, test: Dataset) -> Dataset:
    known = set(test.digests)
    kept = [index for index, digest in enumerate(dataset.digests) if digest not in known]
    if not kept:
        raise DataError(
            f"Expected samples in {dataset.source} besides those that are set aside for the figures, got none.",
            "Give samples that differ, or test data of their own by --test-data.",
        )
    return dataset.subset(kept)


def _class_names(file: Path, classes: int) -> tuple[str, ...]:
    if not file.is_file():
        raise DataError(f"Expected a file of class names, but {str(file)!r} is not there.", "One name a line.")
    try:
        names = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Expected class names in {str(file)!r}, got: {error}.", "Write them as UTF-8 text.") from error
    if len(names) != classes:
        raise DataError(
            f"Expected {classes} class names in {str(file)!r}, as many as the model has outputs, got {len(names)}.",
            "Write one name a line, in the order of the outputs.",
        )
    return names


def _record(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)
