"""Fine-tuning: one loop for the recovery after a swap, for QAT and for its fair control."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError, ModelError
from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.progress import Progress, Silent
from edgeswap.training.losses import Head, check_labels, logits_model, loss_function

Arrays = Sequence[npt.NDArray[np.float32]]
Read = Callable[[npt.NDArray[np.int64]], Arrays]
_SILENT = Silent()


def train(
    model: Any,
    *,
    read: Read,
    count: int,
    labels: npt.NDArray[np.int64] | None,
    epochs: int,
    learning_rate: float,
    seed: int,
    batch_size: int = 32,
    teacher: Any | None = None,
    batch_norm: Literal["frozen", "updated"] = "frozen",
    title: str = "Train",
    progress: Progress = _SILENT,
) -> Any:
    """A trained copy of a classifier; the same arguments always give the same weights on the same machine.

    Adam with a cosine schedule down to 0, no augmentation. The loss is cross-entropy with the labels, or distillation
    from the teacher's logits (arXiv:1503.02531), or their mean where there are both, plus the model's regularizers. It
    is taken on logits: a model that ends in softmax or sigmoid is trained on what enters that last layer, because the
    fake-quant of probabilities passes no gradient where it rounds to 0 or clips. A model that ends in neither is taken
    to give logits. All layers are trained, also those whose `trainable` flag is off, which the copy keeps.

    Batch normalization: `frozen` normalizes by the moving statistics, which stay, while scale and offset are trained.
    That is the function that is exported (folded into weights, see arXiv:1806.08342, section 3.2.3), so QAT and its
    control use it. `updated` normalizes by the batch and moves the statistics: for recovery after a swap, which shifts
    them. They then follow at least the last tenth of the steps, however slow the model's own momentum is.

    Args:
        model: tf_keras, functional, one output (N, classes), or (N, 1) for two classes; float or fake-quant.
        read: indices to one float32 array (n, ...) for each model input, preprocessed.
        count: number of samples.
        labels: int (count,), or None, which needs a teacher.
        epochs: passes over the data; an incomplete last batch is left out, other samples each time.
        learning_rate: at the first step.
        seed: of the order of samples and of dropout.
        batch_size: samples a step, or `count` if that is less.
        teacher: tf_keras model with the same inputs and number of classes.
        batch_norm: see above.
        title: of the progress step.
        progress: told of every step, with the loss.

    Raises:
        DataError: there are neither labels nor a teacher, no samples, or labels that the model has no output for.
        ModelError: the model has several outputs, or the loss is no longer a number.
    """
    if not count or (labels is None and teacher is None):
        raise DataError(
            f"Expected samples with labels or a teacher to train on, got {count} samples and neither.",
            "Give labelled data, or train by distillation.",
        )
    if labels is not None:
        check_labels(labels, count, model.outputs[0].shape[-1])
    batch_size = min(batch_size, count)
    steps = epochs * (count // batch_size)
    with progress.step(title, steps) as shown:  # copying and the teacher's logits take seconds too
        trained = _copy(model)
        student, head = logits_model(trained)
        soft = None if teacher is None else _all_logits(teacher, read, count, batch_size)
        tf.random.set_seed(seed)
        flags = [(layer, layer.trainable) for layer in _layers(trained)]
        momenta = [(layer, layer.momentum) for layer in _layers(trained) if _is_batch_norm(layer)]
        for layer, _ in flags:
            layer.trainable = True
        # Taken before freezing, so that scales and offsets are among them.
        variables = list(student.trainable_variables)
        for layer, momentum in momenta:
            layer.trainable = batch_norm == "updated"
            layer.momentum = min(momentum, 1.0 - 1.0 / max(10.0, steps / 10.0))
        step = _training_step(student, head, variables, learning_rate, max(steps, 1))
        for done, (rows, arrays) in enumerate(_batches(read, count, batch_size, epochs, seed)):
            loss = float(step(list(arrays), *(None if all_ is None else all_[rows] for all_ in (labels, soft))))
            if not math.isfinite(loss):
                raise ModelError(f"Expected a finite loss, got {loss} at step {done + 1}.", "Lower the learning rate.")
            shown.advance(1, f"epoch {done * epochs // steps + 1}/{epochs}, loss {loss:.3f}")
    for layer, momentum in momenta:
        layer.momentum = momentum
    for layer, flag in flags:
        layer.trainable = flag
    return trained


def _copy(model: Any) -> Any:
    own = {type(layer).__name__: type(layer) for layer in _layers(model)}
    with tf_keras.saving.custom_object_scope(own):
        copy = tf_keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _layers(model: Any) -> list[Any]:
    """The model's layers, without tfmot's wrappers around them."""
    wrapper = tfmot.quantization.keras.QuantizeWrapperV2
    return [layer.layer if isinstance(layer, wrapper) else layer for layer in model.layers]


def _is_batch_norm(layer: Any) -> bool:
    return isinstance(layer, tf_keras.layers.BatchNormalization)


def _training_step(student: Any, head: Head, variables: list[Any], learning_rate: float, steps: int) -> Any:
    optimizer = tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimizer.build(variables)
    loss_of = loss_function(head)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(inputs: Any, labels: Any, soft: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(student(inputs[0] if len(inputs) == 1 else inputs, training=True), labels, soft)
            loss = tf.add_n([loss, *student.losses])
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def _all_logits(teacher: Any, read: Read, count: int, batch_size: int) -> npt.NDArray[np.float32]:
    """The teacher's logits for every sample, once: there is no augmentation that would change them."""
    model, _ = logits_model(teacher)
    starts = range(0, count, batch_size)
    parts = (read(np.arange(start, min(start + batch_size, count))) for start in starts)
    return np.concatenate(
        [np.asarray(model(list(arrays) if len(arrays) > 1 else arrays[0], training=False)) for arrays in parts]
    )


def _batches(
    read: Read, count: int, batch_size: int, epochs: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.int64], Arrays]]:
    """Indices and samples of each step, the next ones read while this one is trained on."""
    generator = np.random.default_rng(seed)
    rows = [
        order[start : start + batch_size]
        for order in (generator.permutation(count) for _ in range(epochs))
        for start in range(0, count - batch_size + 1, batch_size)
    ]
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(read, rows[0])] if rows else []
        for index, current in enumerate(rows):
            arrays = waiting.pop().result()
            if index + 1 < len(rows):
                waiting.append(reader.submit(read, rows[index + 1]))
            yield current, arrays
