"""The three disjoint roles of data in a run: train, calibration, test. edgeswap never trains or calibrates by the last.

What edgeswap cannot know, and what it decided by itself, stands in `Splits.cautions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from edgeswap.data.calibration import choose, refuse_test_samples, representative_dataset
from edgeswap.data.checked_images import check_images
from edgeswap.data.class_names import read_names, require_same_names
from edgeswap.data.load import Dataset, load, stratified_split
from edgeswap.data.pixel_scale import require_pixel_scale
from edgeswap.data.preprocess import Preprocess, pixel_inputs
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.data.resizing import Resize
from edgeswap.data.train_test_folders import Part, Split, test_folder
from edgeswap.data.unlike_samples import require_unlike
from edgeswap.data.value_ranges import other_scale
from edgeswap.errors import DataError
from edgeswap.progress import Progress, Silent
from edgeswap.records import Caution, Data, DataSource

HELD_OUT = 0.2
CALIBRATION_SAMPLES = 500
HELD_OUT_SAMPLES = 500  # at most, and no more than half of those that could calibrate
VALIDATION = 0.1  # of the training samples
VALIDATION_SAMPLES = range(200, 501)  # with fewer none are set aside; a larger share of many brings nothing
_SILENT = Silent()


@dataclass(frozen=True, eq=False)
class DataSpecs:
    """What a user says of data; each SPEC as `edgeswap.data.load.load` takes it, else None.

    Attributes:
        data: to train and calibrate on, and without `test_data` to test on.
        test_data: for the figures.
        calibration: to calibrate on instead of `data`.
        preprocess: name of the mapping from raw samples to the model's input.
        resize: how image files reach the model's size.
        labels: a file of class names.
    """

    data: Any = None
    test_data: Any = None
    calibration: Any = None
    preprocess: str | None = None
    resize: Resize = "pillow"
    labels: Path | None = None


@dataclass(frozen=True, eq=False)
class Splits:
    """Which samples do what.

    Attributes:
        train: for fine-tuning; None where nothing is trained.
        calibration: the representative dataset.
        test: for the figures alone; where nothing `is_tested`, some of the others, which report and bundle show.
        preprocess: from raw samples to the model's input.
        representative: the calibration samples, checked: one float32 array (N, ...) for each model input.
        cautions: what a reader must know of where samples came from.
        held_out: to choose between quantizations by; neither for calibration nor for training. None where nothing is
            chosen.
        validation: set aside from `train`, to choose the best epoch by; None where nothing is trained, or where `train`
            is too small to lose any.
        is_tested: whether there are samples for figures.
    """

    train: Dataset | None
    calibration: Dataset
    test: Dataset
    preprocess: Preprocess
    representative: tuple[npt.NDArray[np.float32], ...]
    cautions: tuple[Caution, ...] = ()
    held_out: Dataset | None = None
    validation: Dataset | None = None
    is_tested: bool = True

    @property
    def pixel_inputs(self) -> frozenset[str]:
        """Names of the model's inputs that the preprocessing maps; empty where the model has one, which it maps."""
        first = self.test.read(np.arange(1))
        return pixel_inputs(first) if isinstance(first, dict) else frozenset()

    def with_names(self, names: Sequence[str]) -> Splits:
        """The same samples with the classes in another order; see `Dataset.with_names`."""
        return self.each(lambda data: data.with_names(names))

    def each(self, change: Callable[[Dataset], Dataset]) -> Splits:
        """The same roles, with what `change` makes of the samples of each."""
        return replace(
            self,
            train=None if self.train is None else change(self.train),
            calibration=change(self.calibration),
            test=change(self.test),
            held_out=None if self.held_out is None else change(self.held_out),
            validation=None if self.validation is None else change(self.validation),
        )

    @property
    def record(self) -> Data:
        """For the report."""
        return Data(
            train=None if self.train is None else _record(self.train),
            validation=None if self.validation is None else _record(self.validation),
            calibration=_record(self.calibration),
            test=_record(self.test) if self.is_tested else None,
            preprocess=self.preprocess.name,
            resize=self.test.resize,
        )


def split(
    specs: DataSpecs,
    *,
    input_shapes: Mapping[str, tuple[int, ...]],
    classes: int | None,
    takes_raw_pixels: bool,
    trains: bool,
    seed: int,
    measures: bool = True,
    holds_out: bool = False,
    trains_last: bool = False,
    mask_size: tuple[int, int] | None = None,
    progress: Progress = _SILENT,
) -> Splits:
    """Open what the specs name and give each sample its role.

    Args:
        specs: what the user named.
        input_shapes: model input to its shape without the batch.
        classes: how many names of classes fit to the model; None where none do.
        takes_raw_pixels: whether it maps pixels itself.
        trains: whether anything is fine-tuned.
        seed: of what is set aside, and of the calibration samples.
        measures: whether there will be figures; without them nothing is set aside for them.
        holds_out: whether samples are held out from calibration and training, to choose between quantizations by.
        trains_last: whether that is done only where all else was not enough: `check_images` is then left to do for the
            training samples.
        mask_size: height and width of the masks that labels are; those of the input where it is None.
        progress: told of the check of images.

    Test data are those of `test_data`, else the test part of `data` where that holds train and test folders. Else a
    stratified fifth of `data` is set aside first, and what is the same sample to the byte is taken out of the rest:
    such data often hold a photograph twice.

    Raises:
        DataError: the data cannot be read, do not fit the model, overlap, name their classes otherwise, or images come
            without `preprocess`.
    """
    names = None if specs.labels is None else read_names(specs.labels, classes)
    names_from = str(specs.labels)

    def opened(spec: object, part: Part) -> Dataset:
        nonlocal names, names_from
        dataset = load(
            spec,
            input_shapes=input_shapes,
            classes=classes,
            class_names=names,
            names_from=names_from,
            part=part,
            resize=specs.resize,
            mask_size=mask_size,
        )
        if names is None and dataset.class_names is not None:
            names, names_from = dataset.class_names, dataset.source
        require_unlike(dataset)
        return dataset

    data = None if specs.data is None else opened(specs.data, "train")
    train, test, come_by, cautions = _tested(specs, data, opened, seed, measures=measures)
    pool = train if specs.calibration is None else opened(specs.calibration, "train")
    if pool is None:
        raise DataError("Expected samples to calibrate on, got none.", "Pass --calibration SPEC or --data SPEC.")
    if specs.calibration is not None and come_by == "set aside":
        pool = _without(pool, test)
    if (agreed := require_same_names([train, test, pool])) is not None:
        train = None if train is None else replace(train, class_names=agreed)
        test, pool = replace(test, class_names=agreed), replace(pool, class_names=agreed)
    preprocess = preprocess_for(test, specs.preprocess, takes_raw_pixels=takes_raw_pixels)
    _require_pixel_scales(train, pool, preprocess)
    train, pool, held_out = _hold_out(train, pool, seed) if holds_out else (train, pool, None)
    calibration = pool.subset(choose(len(pool), pool.classes, CALIBRATION_SAMPLES, seed))
    used = [test, *(() if held_out is None else (held_out,))]
    used += [train] if trains and not trains_last and train is not None else [calibration]
    used += [calibration] if calibration.samples is not used[-1].samples else []
    cautions += check_images(used, specs.resize, progress=progress)
    cautions += _other_scales(train if trains else None, calibration, test, preprocess)
    is_tested = come_by != "none"
    representative = representative_dataset(
        calibration, preprocess.as_the_app_does, shapes=input_shapes, test=test if is_tested else None
    )
    train, validation = _validate(train, seed) if trains and train is not None else (None, None)
    return Splits(train, calibration, test, preprocess, representative, cautions, held_out, validation, is_tested)


class _Tested(NamedTuple):
    """The test samples, what they leave of `--data`, and how they were come by: `none` are only to be shown."""

    train: Dataset | None
    test: Dataset
    come_by: Literal["named", "set aside", "none"]
    cautions: tuple[Caution, ...]


def _tested(
    specs: DataSpecs, data: Dataset | None, opened: Callable[[object, Part], Dataset], seed: int, *, measures: bool
) -> _Tested:
    test_spec = specs.test_data
    cautions: tuple[Caution, ...] = ()
    if test_spec is None and data is not None and data.split is not None:
        test_spec, cautions = specs.data, (_by_folders(data, data.split),)
    if test_spec is not None:
        test = opened(test_spec, "test")
        if data is not None:
            remedy = "Remove them from one of the two, or leave out --test-data: then a part of --data is set aside."
            refuse_test_samples(data, test, role="training", remedy=remedy)
        return _Tested(data, test, "named", cautions)
    if data is None:
        raise DataError("Expected test data, got none.", "Pass --test-data SPEC, or --data SPEC to split.")
    if not measures:
        return _Tested(data, data.subset(choose(len(data), data.classes, CALIBRATION_SAMPLES, seed)), "none", ())
    train, test = stratified_split(data, HELD_OUT, seed)
    return _Tested(_without(train, test), test, "set aside", (_set_aside(test),))


def _validate(train: Dataset, seed: int) -> tuple[Dataset, Dataset | None]:
    """The training samples without those set aside to judge epochs by; none of them is in both to the byte."""
    count = min(round(VALIDATION * len(train)), VALIDATION_SAMPLES[-1])
    if count not in VALIDATION_SAMPLES:
        return train, None
    _, validation = stratified_split(train, count, seed)
    known = set(validation.digests)
    kept = [index for index, digest in enumerate(train.digests) if digest not in known]
    return (train.subset(kept), validation) if kept else (train, None)


def _hold_out(train: Dataset | None, pool: Dataset, seed: int) -> tuple[Dataset | None, Dataset, Dataset]:
    """Both without the samples that are held out of `pool`, half of it at most; none is in two to the byte."""
    rest, held_out = stratified_split(pool, min(HELD_OUT_SAMPLES, max(len(pool) // 2, 1)), seed)
    kept = _without(rest, held_out)
    return (None if train is None else kept if train is pool else _without(train, held_out)), kept, held_out


def _require_pixel_scales(train: Dataset | None, pool: Dataset, preprocess: Preprocess) -> None:
    """Hold the samples for training and calibration to the pixels that the mapping takes; see `pixel_scale`."""
    for data in (train, *(() if pool is train else (pool,))):
        if data is not None:
            require_pixel_scale(data, preprocess)


def _other_scales(
    train: Dataset | None, calibration: Dataset, test: Dataset, preprocess: Preprocess
) -> tuple[Caution, ...]:
    """A warning about calibration or training samples in another scale than the test samples."""
    found = other_scale(calibration, test, preprocess, role="calibration")
    if found is None and train is not None and train.samples is not calibration.samples:
        found = other_scale(train, test, preprocess, role="training")
    return () if found is None else (found,)


def _by_folders(data: Dataset, split: Split) -> Caution:
    tests = test_folder(split)
    unused = ", ".join(folder for folder in split.others if folder != tests)
    left = f"; {unused} was not used" if unused else ""
    return Caution(
        kind="split_folders",
        problem=f"{data.source} is used for training and calibration, and {tests} next to it for the figures{left}.",
        remedy="Pass --data and --test-data to choose otherwise.",
    )


def _set_aside(test: Dataset) -> Caution:
    return Caution(
        kind="test_may_be_known",
        problem=f"The figures come from {len(test)} samples set aside from {test.source}. The float32 model may "
        "have been trained on them: edgeswap cannot know.",
        remedy="Pass --test-data with samples that the float32 model has never seen; else the figures may be too good.",
    )


def _without(dataset: Dataset, test: Dataset) -> Dataset:
    known = set(test.digests)
    kept = [index for index, digest in enumerate(dataset.digests) if digest not in known]
    if not kept:
        raise DataError(
            f"Expected samples in {dataset.source} other than those set aside for the figures, got none.",
            "Give samples that differ, or separate test data with --test-data.",
        )
    return dataset.subset(kept)


def _record(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)
