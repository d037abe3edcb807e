"""Other readings of the data that make a poor float32 model good: other preprocessing, resizing or class order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgeswap.data.calibration import choose
from edgeswap.data.dataset import Dataset
from edgeswap.data.images import ImageFiles
from edgeswap.data.preprocess import NAMED, Preprocess, pixel_inputs
from edgeswap.data.resizing import RESIZE
from edgeswap.records import Quality
from edgeswap.statistics import wilson_interval

# A float model below this is asked again; most that are meant are above, and asking costs 8 times 200 samples at most.
POOR = 0.7
SAMPLES = 200
BETTER_BY = 0.15
SHOWN_NAMES = 20

Classes = npt.NDArray[np.int64]
Ask = Callable[[Dataset, Preprocess], Classes]


@dataclass(frozen=True)
class Alternative:
    """Another way to read the same data that makes the float32 model far better.

    Attributes:
        how: what to pass, such as `--preprocess symmetric`, or to do with the samples.
        top1: of the float model with it, 0 to 1.
        samples: number of samples behind `top1`.
    """

    how: str
    top1: float
    samples: int

    def __str__(self) -> str:
        return f"with {self.how} the float32 model is right on {self.top1:.1%} of {self.samples} of these samples"


def better_alternative(
    test: Dataset, preprocess: Preprocess, predictions: Classes, found: Quality, *, ask: Ask, seed: int
) -> Alternative | None:
    """The best of the other ways to read `test`, if it makes a poor float32 model far better.

    It tries the other named preprocessings of pixels 0..255, floats of 0..1 times 255, the other ways to resize image
    files, and the class order that fits the model's answers. The class order is found on one half of the samples and
    judged on the other half.

    Args:
        test: labelled samples.
        preprocess: the preprocessing that makes the model poor.
        predictions: the model's classes with it, int64 (N,).
        found: the share of these that is right.
        ask: gives the model's classes for a dataset and a preprocessing.
        seed: for the choice of samples.
    """
    if test.classes is None or found.value is None or found.ci95 is None or found.value >= POOR:
        return None
    sample = test.subset(choose(len(test), test.classes, SAMPLES, seed))
    tried = [
        (how, ask(data, mapping) == data.classes)
        for how, data, mapping in (*preprocessings(sample, preprocess), *_resizings(sample, preprocess))
    ]
    tried += _other_order(test, predictions, seed)
    best = max(((how, int(right.sum()), len(right)) for how, right in tried), key=lambda item: item[1] / item[2],
               default=None)  # fmt: skip
    if best is None:
        return None
    how, right, count = best
    far = right / count >= found.value + BETTER_BY and wilson_interval(right, count)[0] > found.ci95[1]
    return Alternative(how, right / count, count) if far else None


def preprocessings(sample: Dataset, preprocess: Preprocess) -> Iterator[tuple[str, Dataset, Preprocess]]:
    """What to pass or to do in place of `preprocess`, the samples, and the preprocessing to read them with.

    Nothing where the samples are no pixels.
    """
    raw = sample.read(np.arange(len(sample)))
    arrays = [raw[name] for name in pixel_inputs(raw)] if isinstance(raw, dict) else [raw]
    if any(array.dtype.kind not in "uif" or array.min() < 0 or array.max() > 255 for array in arrays):
        return
    if preprocess.name == "none" and all(array.dtype.kind == "f" and array.max() <= 1 for array in arrays):
        yield "samples multiplied by 255", sample, Preprocess("none", _times_255)
        return
    same = {"none", "raw"}  # of pixels; whole numbers are called raw, floats are given as they are
    unwanted = same if preprocess.name in same else same - {"none" if arrays[0].dtype.kind == "f" else "raw"}
    colours = all(array.shape[-1] == 3 for array in arrays)
    for name, mapping in NAMED.items():
        if name not in (*unwanted, preprocess.name) and (colours or name not in ("caffe", "torch")):
            yield f"--preprocess {name}", sample, mapping


def _times_255(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return scaled * np.float32(255)


def _resizings(sample: Dataset, preprocess: Preprocess) -> Iterator[tuple[str, Dataset, Preprocess]]:
    if isinstance(sample.samples, ImageFiles):
        for resize in RESIZE:
            if resize != sample.samples.resize:
                yield f"--resize {resize}", replace(sample, samples=replace(sample.samples, resize=resize)), preprocess


def _other_order(test: Dataset, predictions: Classes, seed: int) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """The class order by the model's most frequent answer for each class, if these answers all differ."""
    assert test.classes is not None
    classes = int(max(test.classes.max(), predictions.max())) + 1
    fits = np.random.default_rng(seed).random(len(test)) < 0.5
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (test.classes[fits], predictions[fits]), 1)
    present = np.flatnonzero(counts.any(axis=1))
    says = counts.argmax(axis=1)
    if fits.all() or len(set(says[present])) < len(present) or (says[present] == present).all():
        return []
    judged = ~fits & np.isin(test.classes, present)
    right = predictions[judged] == says[test.classes[judged]]
    if not len(right):
        return []
    names = test.class_names or tuple(map(str, range(classes)))
    order = [str(names[label]) for label in sorted(present, key=lambda label: says[label]) if label < len(names)]
    listed = ", ".join(order[:SHOWN_NAMES]) + (", ..." if len(order) > SHOWN_NAMES else "")
    how = f"the classes in the order {listed} (--labels FILE)"
    return [(how if test.labels_by_name else f"the labels numbered in the order {listed}", right)]
