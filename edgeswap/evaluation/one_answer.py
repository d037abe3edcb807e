"""A float32 model that has one answer for everything, or is right no more often than such a model would be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeswap.records import Caution

ONE_ANSWER = "one_answer"  # the kind of the warning
# Of fewer samples all may be of one class by luck.
FEWEST = 20
NEARLY_ALL = 0.98

Classes = npt.NDArray[np.int64]


def one_answer(
    predictions: Classes, labels: Classes | None, *, name: str = "float32", class_names: Sequence[str] | None = None
) -> Caution | None:
    """The warning about figures that a model with one and the same answer would have too; None for others.

    int8 agrees with such a model whatever it does, so neither agreement nor drop says anything. Labels that are all
    alike are told first: then the fault is in the test samples.

    Args:
        predictions: the model's class for each test sample, int64 (N,).
        labels: the true ones, int64 (N,), or None.
        name: of the model, in the sentence.
        class_names: in the order of the outputs.
    """
    if len(predictions) < FEWEST:
        return None
    found = _without_labels(predictions) if labels is None else _with_labels(predictions, labels)
    if found is None:
        return None
    problem, label, remedy = found
    known = class_names is not None and label < len(class_names)
    called = repr(class_names[label]) if class_names is not None and known else str(label)
    return Caution(kind=ONE_ANSWER, problem=problem.format(name=name, label=called), remedy=remedy)


def _without_labels(predictions: Classes) -> tuple[str, int, str] | None:
    """The problem, with `{name}` and `{label}` left open, the class that it names, and the remedy."""
    said, times = _most_frequent(predictions)
    if times < NEARLY_ALL * len(predictions):
        return None
    problem = (
        f"The {{name}} model gives class {{label}} for {times} of {len(predictions)} test samples: any model that "
        "always gives this class agrees with it."
    )
    return problem, said, _CHECK_DATA


def _with_labels(predictions: Classes, labels: Classes) -> tuple[str, int, str] | None:
    """As above."""
    count = len(labels)
    said, times = _most_frequent(predictions)
    common, members = _most_frequent(labels)
    right = int(np.count_nonzero(predictions == labels))
    if members == count:
        problem = (
            f"All {count} test samples are of class {{label}}: a model that always gives this class is right on all."
        )
        return problem, common, "Give test samples of every class."
    if times >= NEARLY_ALL * count > members:
        problem = (
            f"The {{name}} model gives class {{label}} for {times} of {count} test samples, and is right on "
            f"{right / count:.1%}."
        )
        return problem, said, _CHECK_DATA
    problem = (
        f"The {{name}} model is right on {right / count:.1%} of {count} test samples, and a model that always gives "
        f"class {{label}} would be right on {members / count:.1%}."
    )
    return None if right > members else (problem, common, _CHECK_DATA)


_CHECK_DATA = (
    "Check --preprocess (the training must have used the same) and the order of the classes: until then agreement and "
    "drop say nothing."
)


def _most_frequent(classes: Classes) -> tuple[int, int]:
    """The class, and how often it is there."""
    found, counts = np.unique(classes, return_counts=True)
    return int(found[counts.argmax()]), int(counts.max())
