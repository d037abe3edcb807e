"""What a model is trained towards: a head for each output, and the loss on each head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError, ModelError
from edgeswap.frameworks import tf, tf_keras
from edgeswap.tasks.outputs import SHAPE_ONLY, Head, deciding_head, softmax_over_last
from edgeswap.training.global_batch import per_share

TEMPERATURE = 2.0  # of distillation; Hinton et al., arXiv:1503.02531, found 2.5 to 4 good for small students
TAUGHT = 0.1  # the teacher's share of a loss that has labels, too; see `total_loss`
SMALLEST_VARIANCE = 1e-12  # of an output that is constant: its errors would be divided by 0


@dataclass(frozen=True)
class OutputLoss:
    """How one output is trained.

    Attributes:
        head: what ends it; the loss of a softmax or sigmoid is taken on the logits before it.
        variance: of the output's values in the teacher, which the squared error of a linear head is divided by, so that
            outputs of any unit weigh the same, and a shift costs as much as any other error.
    """

    head: Head
    variance: float = 1.0


def logits_model(model: Any) -> tuple[Any, tuple[Head, ...]]:
    """The same model, layers shared, whose outputs are taken before their last softmax or sigmoid; and their heads.

    Args:
        model: tf_keras, functional, float or wrapped by tfmot, activations as layers of their own.

    Raises:
        ModelError: a last softmax or sigmoid is within another layer.
    """
    ends = [_before_head(output) for output in model.outputs]
    return tf_keras.Model(model.inputs, [tensor for tensor, _ in ends]), tuple(head for _, head in ends)


def _before_head(output: Any) -> tuple[Any, Head]:
    last, call, _ = output._keras_history
    inner = getattr(last, "layer", last)
    shapes = []  # layers behind the head that only change the shape: they do to logits what they did to probabilities
    tensor = output
    while type(inner).__name__ in SHAPE_ONLY:
        shapes.append(inner)
        tensor = last.get_input_at(call)
        last, call, _ = tensor._keras_history
        inner = getattr(last, "layer", last)
    if getattr(inner, "activation", None) in (tf_keras.activations.softmax, tf_keras.activations.sigmoid) and not (
        isinstance(inner, tf_keras.layers.Activation)
    ):
        raise ModelError(
            f"Expected the last softmax or sigmoid as a layer of its own, got one within {inner.name!r}.",
            "Build the model from its canonical graph first; its outputs would be taken for logits.",
        )
    moved = [type(layer).__name__ for layer in shapes]
    if isinstance(inner, tf_keras.layers.Softmax) and softmax_over_last(inner.axis, tensor.shape, output.shape, moved):
        head: Head = "softmax"
    elif isinstance(inner, tf_keras.layers.Activation) and inner.activation is tf_keras.activations.sigmoid:
        head = "sigmoid"
    else:
        return output, "linear"
    logits = last.get_input_at(call)
    for layer in reversed(shapes):
        logits = type(layer).from_config(layer.get_config())(logits)
    return logits, head


def check_labels(
    labels: Mapping[int, npt.NDArray[Any]], count: int, shapes: Sequence[Any], heads: Sequence[Head]
) -> None:
    """Refuse labels that the outputs cannot tell.

    Args:
        labels: number of the output to its labels.
        count: number of samples.
        shapes: of the outputs, with the batch.
        heads: of the outputs.

    Raises:
        DataError: another number of labels than `count`, a class out of range, or another shape than the output's.
    """
    for number, array in labels.items():
        shape, head = tuple(shapes[number])[1:], heads[number]
        wanted = (count, *(shape[:-1] if head == "softmax" else shape))
        if array.shape != wanted:
            raise DataError(
                f"Expected {count} labels of shape {wanted} for output {number}, got shape {array.shape}.",
                "Give the labels in the shape of the output; a class number in place of its scores.",
            )
        low, high = (0, shape[-1] - 1) if head == "softmax" else (0, 1)
        ignored = array[array != IGNORED] if head == "softmax" else array
        if head != "linear" and ignored.size and (ignored.min() < low or ignored.max() > high):
            raise DataError(
                f"Expected labels from {low} to {high}, got {ignored.min()} to {ignored.max()}.",
                "Number the classes in the order of the model's outputs.",
            )


def of_classifier(classes: npt.NDArray[Any], count: int, head: Head, units: int) -> tuple[Head, npt.NDArray[Any]]:
    """The head of a classifier's output, and classes (N,) as the labels that its loss takes.

    Args:
        classes: numbers from 0; one unit tells two classes.
        count: number of samples.
        head: what ends the output; a linear one gives logits.
        units: how many values the output has.

    Raises:
        DataError: another number of classes than `count`, or one out of range.
    """
    head = deciding_head(head, units)
    if head == "softmax":
        return head, classes  # which `check_labels` knows
    most = max(units, 2) - 1
    if classes.shape != (count,):
        raise DataError(
            f"Expected {count} labels, got shape {classes.shape}.", "Give one whole number for each sample."
        )
    if classes.min() < 0 or classes.max() > most:
        raise DataError(
            f"Expected labels from 0 to {most}, got {classes.min()} to {classes.max()}.",
            "Number the classes in the order of the model's outputs.",
        )
    return head, classes[:, None] if units == 1 else np.eye(units, dtype=np.float32)[classes]


IGNORED = 255  # a pixel without a class, as in Pascal VOC; no model that tells more classes has such labels


def total_loss(outputs: Sequence[OutputLoss]) -> Callable[[Sequence[Any], Sequence[Any], Mapping[int, Any]], Any]:
    """The mean loss over a batch and over the outputs as a function of (logits, teacher's logits, labels by output).

    For softmax and sigmoid cross-entropy with the labels; the teacher's part is cross-entropy at `TEMPERATURE` times
    its square, which keeps its gradients as large as those of the labels (arXiv:1503.02531, section 2). For linear
    heads squared errors over `variance`. A softmax over a map or sequence is taken at each place, and places of the
    label `IGNORED` count for nothing.

    With labels and a teacher, the teacher has a share of `TAUGHT`, and none where it decides for another class than the
    label: it would hold the network back at its own faults (Meng et al., "Conditional teacher-student learning",
    arXiv:1904.12399). MLPerf Tiny's ResNet8 is right on 78.5 % of 5,000 photographs that it was not trained on. Three
    epochs of QAT on 30,000 others take it to 86.9 % by labels alone and to 86.7 % in this way (means of three seeds);
    with one seed to 85.4 % where the teacher has half, and to 82.5 % where it has half and is always asked.
    """

    def loss(logits: Sequence[Any], soft: Sequence[Any], labels: Mapping[int, Any]) -> Any:
        found = []
        for number, output in enumerate(outputs):
            taught = _distilled(output, logits[number], soft[number]) if soft else None
            if number in labels:
                each, counted = _labelled(output, logits[number], labels[number])
                if taught is not None:
                    asked = counted * _agrees(output, soft[number], labels[number])
                    each = each + TAUGHT * asked * (taught - each)
                amount = tf.reduce_sum(counted)
                if output.head == "softmax":  # places that count for nothing may lie with one replica
                    amount = per_share(amount, tf.shape(counted)[0])
                found.append(tf.math.divide_no_nan(tf.reduce_sum(each), amount))
            elif taught is not None:
                found.append(tf.reduce_mean(taught))
        return found[0] if len(found) == 1 else tf.add_n(found) / len(found)

    return loss


def _labelled(output: OutputLoss, logits: Any, labels: Any) -> tuple[Any, Any]:
    """The loss of each value, or of each place of a softmax, and 1 where it counts, 0 where it does not."""
    if output.head == "softmax":
        labels = tf.cast(labels, tf.int32)
        ignored = tf.logical_and(labels == IGNORED, logits.shape[-1] <= IGNORED)
        counted = tf.cast(tf.logical_not(ignored), logits.dtype)
        known = tf.where(ignored, tf.zeros_like(labels), labels)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(known, logits) * counted, counted
    wanted = tf.cast(labels, logits.dtype)
    if output.head == "sigmoid":
        each = tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)
    else:
        each = tf.math.squared_difference(wanted, logits) / output.variance
    return each, tf.ones_like(each)


def _distilled(output: OutputLoss, logits: Any, soft: Any) -> Any:
    """Likewise towards the teacher."""
    if output.head == "linear":
        return tf.math.squared_difference(soft, logits) / output.variance
    student, teacher = logits / TEMPERATURE, soft / TEMPERATURE
    if output.head == "softmax":
        each = tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(teacher), student)
    else:
        each = tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(teacher), student)
    return each * TEMPERATURE**2


def _agrees(output: OutputLoss, soft: Any, labels: Any) -> Any:
    """1 where the teacher decides as the label says, else 0; numbers decide nothing."""
    if output.head == "linear":
        return tf.ones_like(soft)
    if output.head == "softmax":
        same = tf.argmax(soft, axis=-1, output_type=tf.int32) == tf.cast(labels, tf.int32)
    else:
        same = (soft > 0) == (tf.cast(labels, soft.dtype) > 0.5)
    return tf.cast(same, soft.dtype)


def variance_of(values: npt.NDArray[Any]) -> float:
    """Variance of an output's values about the mean of each of its places, and not less than `SMALLEST_VARIANCE`."""
    return max(float(np.mean(np.var(values.astype(np.float64), axis=0))), SMALLEST_VARIANCE)
