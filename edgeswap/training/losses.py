"""What a classifier is trained towards: its logits, and the loss on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError, ModelError
from edgeswap.frameworks import tf, tf_keras

Head = Literal["softmax", "sigmoid"]

TEMPERATURE = 2.0  # of distillation; Hinton et al., arXiv:1503.02531, found 2.5 to 4 good for small students


def logits_model(model: Any) -> tuple[Any, Head]:
    """The same model, layers shared, without its last softmax or sigmoid, and which of the two it had.

    A model that ends in neither is taken to give logits: of a softmax where there are two classes or more, of a
    sigmoid where there is one output.

    Args:
        model: tf_keras, functional, float or wrapped by tfmot, activations as layers of their own, one output (N, C).

    Raises:
        ModelError: the model has several outputs, or one that is not of shape (N, C), or a last activation within
            another layer.
    """
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = ", ".join(str(tuple(output.shape)) for output in model.outputs)
        raise ModelError(
            f"Expected a classifier with one output (N, classes) to train, got outputs {shapes}.",
            "Give one without training: --method ptq and no swap.",
        )
    (output,) = model.outputs
    last, call, _ = output._keras_history
    inner = getattr(last, "layer", last)
    if getattr(inner, "activation", None) in (tf_keras.activations.softmax, tf_keras.activations.sigmoid) and not (
        isinstance(inner, tf_keras.layers.Activation)
    ):
        raise ModelError(
            f"Expected the last softmax or sigmoid as a layer of its own, got one within {inner.name!r}.",
            "Build the model from its canonical graph first; its outputs would be taken for logits.",
        )
    if isinstance(inner, tf_keras.layers.Softmax):
        return tf_keras.Model(model.inputs, last.get_input_at(call)), "softmax"
    if isinstance(inner, tf_keras.layers.Activation) and inner.activation is tf_keras.activations.sigmoid:
        return tf_keras.Model(model.inputs, last.get_input_at(call)), "sigmoid"
    return tf_keras.Model(model.inputs, output), "sigmoid" if output.shape[-1] == 1 else "softmax"


def check_labels(labels: npt.NDArray[np.int64], count: int, outputs: int) -> None:
    """Refuse labels that `outputs` outputs cannot tell; one output tells two classes.

    Raises:
        DataError: another number of labels than `count`, or a label out of range.
    """
    classes = max(outputs, 2)
    if labels.shape != (count,):
        raise DataError(f"Expected {count} labels, got shape {labels.shape}.", "Give one whole number for each sample.")
    if count and (labels.min() < 0 or labels.max() >= classes):
        raise DataError(
            f"Expected labels from 0 to {classes - 1}, got {labels.min()} to {labels.max()}.",
            "Number the classes in the order of the model's outputs.",
        )


def loss_function(head: Head) -> Callable[[Any, Any, Any], Any]:
    """The mean loss over a batch as a function of (logits, labels or None, teacher's logits or None).

    Cross-entropy with the labels; the teacher's part is cross-entropy at `TEMPERATURE` times its square, which keeps
    its gradients as large as those of the labels (arXiv:1503.02531, section 2); with both, their mean.
    """
    labelled = _softmax_labelled if head == "softmax" else _sigmoid_labelled
    distilled = _softmax_distilled if head == "softmax" else _sigmoid_distilled

    def loss(logits: Any, labels: Any, soft: Any) -> Any:
        parts = []
        if labels is not None:
            parts.append(tf.reduce_mean(labelled(logits, labels)))
        if soft is not None:
            parts.append(tf.reduce_mean(distilled(logits / TEMPERATURE, soft / TEMPERATURE)) * TEMPERATURE**2)
        return tf.add_n(parts) / len(parts)

    return loss


def _softmax_labelled(logits: Any, labels: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _softmax_distilled(logits: Any, soft: Any) -> Any:
    return tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(soft), logits)


def _sigmoid_labelled(logits: Any, labels: Any) -> Any:
    units = logits.shape[-1]
    wanted = tf.cast(labels, logits.dtype)[:, None] if units == 1 else tf.one_hot(labels, units, dtype=logits.dtype)
    return tf.nn.sigmoid_cross_entropy_with_logits(wanted, logits)


def _sigmoid_distilled(logits: Any, soft: Any) -> Any:
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(soft), logits)
