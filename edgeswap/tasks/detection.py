"""Detection: boxes of objects, which a function of the user's own makes of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError
from edgeswap.system.user_function import call_function, named_function
from edgeswap.tasks.box_precision import average_precisions, matches, mean_average_precision
from edgeswap.tasks.details import Answer, Details, Parts, highest
from edgeswap.tasks.label_array import looked_at
from edgeswap.tasks.metric import Inputs, Labels, Metric, Outputs
from edgeswap.tasks.outputs import Signature
from edgeswap.tasks.task import Shown

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Detection:
    """Any outputs; labels are float32 (N, most, 5): y0, x0, y1, x1 as shares of the image, class; NaN where none.

    Attributes:
        decode: `module:function`, or a function: of the list of outputs, arrays (n, ...), to boxes (n, b, 4) as
            y0, x0, y1, x1 from 0 to 1, scores (n, b) and classes (n, b); rows with a score of 0 or NaN are no box.
    """

    decode: str | Callable[..., Any] | None = None
    name: str = "detection"
    shown: Shown = "boxes as the model gives them"
    needs: str = "--decode MODULE:FUNCTION"
    takes: str = "boxes of each sample, such as coco:FILE.json"
    says: str = "the classes of the boxes with the highest scores, with these scores"

    def can_be(self, model: Signature) -> bool:
        """There is a function that makes boxes of the outputs."""
        return self.decode is not None

    def fits(self, model: Signature, labels: Any | None, *, by_folder: bool) -> str | None:
        """Only where `--decode` is given."""
        return None

    def labels(self, given: Any, model: Signature, count: int, source: str) -> Labels:
        """Checked, float32 (N, most, 5)."""
        y = looked_at(given, model) if isinstance(given, Mapping) and len(model.outputs) == 1 else np.asarray(given)
        if y is None or y.ndim != 3 or y.shape[::2] != (count, 5) or y.dtype.kind not in "uif":
            got = "none for this output" if y is None else f"{y.dtype} of shape {y.shape}"
            raise DataError(
                f"Expected boxes of {count} samples, (N, boxes, 5) numbers, as labels in {source}, got {got}.",
                "Give coco:FILE.json, or rows of y0, x0, y1, x1 and class for each sample, NaN where there are fewer.",
            )
        boxes = y.astype(np.float32)
        used = boxes[~np.isnan(boxes).all(axis=2)]
        if not used.size:
            raise DataError(
                f"Expected an object in some image of {source}, got {count} images and not one box.",
                "Look whether the boxes belong to these images, or give the images alone, as a folder.",
            )
        if not np.isfinite(used).all() or (used[:, 2:4] < used[:, :2]).any() or (used[:, 4] % 1 != 0).any():
            raise DataError(
                f"Expected boxes as y0, x0, y1, x1 with y1 >= y0 and x1 >= x0, and a class number, in {source}.",
                "Put each box in this order, and NaN into all five numbers of rows that are not used.",
            )
        if used[:, :4].max() > 1.01 or used[:, :4].min() < -0.01 or used[:, 4].min() < 0:
            raise DataError(
                f"Expected boxes within 0 and 1 and classes from 0 in {source}, got {used[:, :4].min():.6g} to "
                f"{used[:, :4].max():.6g}, and classes from {used[:, 4].min():.0f}.",
                "Divide y by the height of the image and x by its width, and number the classes from 0.",
            )
        return boxes

    def classes(self, model: Signature) -> int | None:
        """None: only the function knows them."""
        return None

    def metrics(self, model: Signature) -> tuple[Metric, ...]:
        """Mean average precision as in COCO, over overlaps from 0.5 to 0.95; at 0.5; at 0.75."""

        def parts(outputs: Outputs, labels: Labels, _: Inputs) -> Array:
            return matches(*self.boxes(outputs), labels)

        return (
            Metric("map", "share", True, parts, mean_average_precision),
            Metric("map50", "share", True, parts, lambda found: mean_average_precision(found, 0.5)),
            Metric("map75", "share", True, parts, lambda found: mean_average_precision(found, 0.75)),
        )

    def decisions(self, outputs: Outputs, model: Signature) -> Array | None:
        """Nothing: boxes of two models are not to be held one against one."""
        return None

    def details(self, parts: Parts, model: Signature) -> Details:
        """Average precision of each class that an object has, over overlaps from 0.5 to 0.95."""
        if "map" not in parts:
            return Details()
        return Details("average_precision", average_precisions(parts["map"]))

    def answers(self, outputs: Outputs, model: Signature) -> list[Answer]:
        """The class and the score of the boxes with the highest scores."""
        _, scores, classes = self.boxes(outputs)
        return [highest(row[row > 0], own[row > 0]) for row, own in zip(scores, classes, strict=True)]

    def targets(self, labels: Labels, model: Signature) -> Mapping[int, Array]:
        """None: which output a box belongs to, only the maker of the model knows."""
        return {}

    def boxes(self, outputs: Outputs) -> tuple[Array, Array, Array]:
        """What `decode` makes of n samples: boxes (n, b, 4), scores (n, b), classes (n, b).

        Raises:
            ConfigError: there is no such function.
            DataError: it raised an error, or gave something else.
        """
        assert self.decode is not None  # `can_be` says so
        name, decode = named_function(self.decode)
        found = call_function(name, decode, list(outputs))
        arrays = [np.asarray(each) for each in found] if isinstance(found, (tuple, list)) and len(found) == 3 else []
        shapes = [array.shape for array in arrays]
        n = len(outputs[0])
        if not arrays or len(shapes[0]) != 3 or shapes != [(n, shapes[0][1], 4), (n, shapes[0][1]), (n, shapes[0][1])]:
            raise DataError(
                f"Expected boxes ({n}, b, 4), scores ({n}, b) and classes ({n}, b) from {name}, got "
                f"{', '.join(map(str, shapes)) or type(found).__name__}.",
                "Return the three arrays in this order, with a score of 0 for rows that are no box.",
            )
        return arrays[0], arrays[1], arrays[2]


def are_boxes(labels: Any | None) -> bool:
    """Whether labels are (N, most, 5) with rows that are not used or classes that are whole, as of a COCO file."""
    if labels is None or isinstance(labels, Mapping):
        return False
    y = np.asarray(labels)
    if y.ndim != 3 or y.shape[2] != 5 or y.dtype.kind != "f":
        return False
    used = y[~np.isnan(y).all(axis=2)]
    return len(used) < y.shape[0] * y.shape[1] or bool(
        (used[:, 2:4] >= used[:, :2]).all() and not (used[:, 4] % 1).any()
    )
