"""Fine-tuning: one loop for the recovery after a swap, for QAT and for its fair control."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError, ModelError
from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.graph.clone import clone
from edgeswap.progress import Progress, Silent
from edgeswap.tasks.outputs import Head
from edgeswap.training.batch_statistics import normalize_by_all_replicas
from edgeswap.training.best_epoch import BATCH_SIZE, Arrays, BestEpoch, Epochs, Judges, Labels, Read, judging_loss
from edgeswap.training.losses import (
    OutputLoss,
    check_labels,
    logits_model,
    of_classifier,
    total_loss,
    variance_of,
)
from edgeswap.training.randomness import Randomness
from edgeswap.training.replicas import ONE_DEVICE, Replicas, Rows
from edgeswap.training.resume import keep, last_state, restore
from edgeswap.training.state import Checkpoints
from edgeswap.training.teacher import Teacher

OwnLoss = Callable[[Sequence[Any], Sequence[Any], Mapping[int, Any]], Any]
_SILENT = Silent()


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained copy of a model; and where epochs were judged, how it went."""

    model: Any
    epochs: Epochs | None = None


def train(
    model: Any,
    *,
    read: Read,
    count: int,
    labels: Labels | npt.NDArray[Any] | None,
    epochs: int,
    learning_rate: float,
    seed: int,
    batch_size: int = BATCH_SIZE,
    teacher: Any | None = None,
    heads: Sequence[Head] | None = None,
    own_loss: OwnLoss | None = None,
    judges: Judges | None = None,
    checkpoints: Checkpoints | None = None,
    batch_norm: Literal["frozen", "updated"] = "frozen",
    replicas: Replicas = ONE_DEVICE,
    title: str = "Train",
    progress: Progress = _SILENT,
) -> Trained:
    """A trained copy of a network; the same arguments always give the same weights on the same machines.

    Adam with a cosine schedule down to 0, no augmentation. The loss of each output is that of its head with its labels,
    or with what the teacher gives (arXiv:1503.02531), or their mean where there are both (see `total_loss`), plus the
    model's regularizers. For softmax and sigmoid it is taken on what enters that last layer, because the fake-quant of
    probabilities passes no gradient where it rounds to 0 or clips. All layers are trained, also those whose `trainable`
    flag is off, which the copy keeps.

    Batch normalization: `frozen` normalizes by the moving statistics, which stay, while scale and offset are trained.
    That is the function that is exported (folded into weights, see arXiv:1806.08342, section 3.2.3), so QAT and its
    control use it. `updated` normalizes by the batch and moves the statistics: for recovery after a swap, which shifts
    them. They then follow at least the last tenth of the steps, however slow the model's own momentum is.

    Args:
        model: tf_keras, functional; float or fake-quant.
        read: indices to one float32 array (n, ...) for each model input, preprocessed.
        count: number of samples.
        labels: number of the output to its labels, (count, ...): class numbers for a softmax, without its last axis;
            of the output's shape for a sigmoid and for linear outputs. An array alone is the classes (count,) of a
            classifier, whose one linear output gives logits. None needs a teacher.
        epochs: passes over the data; an incomplete last batch is left out, other samples each time.
        learning_rate: at the first step.
        seed: of the order of samples and of dropout.
        batch_size: samples a step of all replicas together, or `count` if that is less.
        teacher: tf_keras model with the same inputs and outputs.
        heads: of each output, where a linear one gives logits; None is as the model ends.
        own_loss: the loss in place of that of the heads: of the list of outputs as the model ends, the list of the
            teacher's, and the labels by output, all tensors of a batch, to a scalar.
        judges: samples to judge each epoch by; the weights of the best one are kept, and training ends early where none
            has been better for long (see `BestEpoch`). None keeps those of the last epoch.
        checkpoints: where the state after each epoch is kept, and the latest one of an earlier run is found, from which
            training goes on; of several machines the chief alone has them. They need `judges`. The weights are in the
            end those of a run that nothing interrupted.
        batch_norm: see above.
        replicas: the devices that train together; each takes its part of every batch. The weights are those of one
            device but for the order of sums, and but for what is drawn at random, such as dropout.
        title: of the progress step.
        progress: told of every step, with the loss.

    Raises:
        DataError: there are neither labels nor a teacher, no samples, labels that the model has no output for, or
            fewer samples in a batch than replicas.
        ModelError: the loss is no longer a number.
        WorkerError: another machine is gone.
    """
    classes = labels if isinstance(labels, np.ndarray) else None
    labels = labels if isinstance(labels, Mapping) else {}
    if not count or (not labels and classes is None and teacher is None):
        raise DataError(
            f"Expected samples with labels or a teacher to train on, got {count} samples and neither.",
            "Give labelled data, or train by distillation.",
        )
    batch_size = min(batch_size, count)
    each = count // batch_size
    steps = epochs * each
    with progress.step(title, steps) as shown:  # copying and the teacher's logits take seconds too
        with replicas.scope():
            trained = _copy(model)
            student, ends = logits_model(trained)
        heads = ends if heads is None else heads
        if classes is not None:
            head, wanted = of_classifier(classes, count, heads[0], student.outputs[0].shape[-1])
            heads, labels = (head, *heads[1:]), {0: wanted}
        check_labels(labels, count, [output.shape for output in student.outputs], heads)
        student = student if own_loss is None else trained
        taught = None if teacher is None else Teacher(teacher, read, count, batch_size, whole=own_loss is not None)
        flags = [(layer, layer.trainable) for layer in _layers(trained)]
        momenta = [(layer, layer.momentum) for layer in _layers(trained) if _is_batch_norm(layer)]
        for layer, _ in flags:
            layer.trainable = True
        # Taken before freezing, so that scales and offsets are among them.
        variables = list(student.trainable_variables)
        _set_batch_norm(momenta, steps, None if batch_norm == "frozen" else batch_size, replicas)
        loss_of = own_loss or total_loss(_losses(heads, labels, taught))
        with replicas.scope():
            optimizer = _optimizer(variables, learning_rate, max(steps, 1))
        state = last_state(checkpoints, trained, replicas)
        begun = restore(state, trained, optimizer, tell=lambda epoch: shown.advance(epoch * each))
        best = judges and BestEpoch(
            trained,
            judging_loss(student, loss_of, judges, _taught(teacher, judges, own_loss is not None), replicas),
            epochs,
            judges.epoch,
            state,
        )
        randomness = Randomness(trained, seed, replicas.first)
        step = None
        batches = _batches(read, count, batch_size, range(begun, epochs), part=replicas.part, seed=seed)
        for done, (rows, arrays) in enumerate(batches, begun * each):
            if step is None or (randomness.draws and done % each == 0):
                randomness.begin(done // each)
                step = replicas.stepping(_training_step(student, loss_of, variables, optimizer, batch_size))
            soft = [] if taught is None else taught.logits(rows, arrays)
            loss = step(list(arrays), {number: array[rows] for number, array in labels.items()}, soft)
            if not math.isfinite(loss):
                raise ModelError(f"Expected a finite loss, got {loss} at step {done + 1}.", "Lower the learning rate.")
            shown.advance(1, f"epoch {done // each + 1}/{epochs}, loss {loss:.3f}")
            if best and (done + 1) % each == 0:
                if best.judge():
                    break
                keep(checkpoints, (done + 1) // each, trained, optimizer, best)
        went = best.restore() if best else None  # while the flags, which weights are ordered by, are as they were
    _put_back(momenta, flags)
    return Trained(_on_one_device(trained, model, replicas), went)


def _taught(teacher: Any, judges: Judges, whole: bool) -> Callable[[npt.NDArray[np.int64], Arrays], Arrays] | None:
    return None if teacher is None else Teacher(teacher, judges.read, judges.count, BATCH_SIZE, whole=whole).logits


def with_weights(model: Any, weights: Sequence[npt.NDArray[Any]]) -> Any:
    """A copy of a network with the weights that a training of it gave, in the order of `get_weights`."""
    copy = _copy(model)
    copy.set_weights(weights)
    return copy


def _on_one_device(trained: Any, model: Any, replicas: Replicas) -> Any:
    """The trained copy of `model` without a strategy, which what comes after would carry along."""
    return trained if replicas.name is None else with_weights(model, trained.get_weights())


def _copy(model: Any) -> Any:
    own = {type(layer).__name__: type(layer) for layer in _layers(model)}
    with tf_keras.saving.custom_object_scope(own):
        copy = clone(model)
    copy.set_weights(model.get_weights())
    return copy


def _layers(model: Any) -> list[Any]:
    """The model's layers, without tfmot's wrappers around them."""
    wrapper = tfmot.quantization.keras.QuantizeWrapperV2
    return [layer.layer if isinstance(layer, wrapper) else layer for layer in model.layers]


def _is_batch_norm(layer: Any) -> bool:
    return isinstance(layer, tf_keras.layers.BatchNormalization)


def _set_batch_norm(
    momenta: Sequence[tuple[Any, float]], steps: int, batch_size: int | None, replicas: Replicas
) -> None:
    """Freeze the statistics, or with a batch size let them move."""
    for layer, momentum in momenta:
        layer.trainable = batch_size is not None
        layer.momentum = min(momentum, 1.0 - 1.0 / max(10.0, steps / 10.0))
        if batch_size is not None and replicas.count > 1:
            normalize_by_all_replicas(layer, batch_size)


def _put_back(momenta: Sequence[tuple[Any, float]], flags: Sequence[tuple[Any, bool]]) -> None:
    for layer, momentum in momenta:
        layer.momentum = momentum
    for layer, flag in flags:
        layer.trainable = flag


def _losses(heads: Sequence[Head], labels: Labels, taught: Teacher | None) -> list[OutputLoss]:
    return [
        OutputLoss(head, variance_of(labels[number] if taught is None else taught.some[number]))
        if head == "linear" and (taught is not None or number in labels)
        else OutputLoss(head)
        for number, head in enumerate(heads)
    ]


def _optimizer(variables: list[Any], learning_rate: float, steps: int) -> Any:
    optimizer = tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps))
    optimizer.build(variables)
    return optimizer


def _training_step(
    student: Any, loss_of: OwnLoss, variables: list[Any], optimizer: Any, batch_size: int
) -> Callable[..., Any]:
    """One replica's step, whose loss is its share of the whole batch's: gradients are added up."""

    def step(inputs: Any, labels: Any, soft: Any) -> Any:
        share = inputs[0].shape[0] / batch_size
        with tf.GradientTape() as tape:
            given = student(inputs[0] if len(inputs) == 1 else inputs, training=True)
            logits = given if isinstance(given, (list, tuple)) else [given]
            loss = tf.add_n([loss_of(logits, soft, labels), *student.losses])
            loss = loss if share == 1 else loss * share
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def _batches(
    read: Read, count: int, batch_size: int, epochs: range, *, part: Callable[[Rows], Rows], seed: int
) -> Iterator[tuple[Rows, Arrays]]:
    """Indices and samples of each step of these epochs, from 0; the next are read while this one is trained on.

    `part` takes of the indices of a step those that this process trains on.
    """
    generator = np.random.default_rng(seed)
    rows = [
        part(order[start : start + batch_size])
        for order in [generator.permutation(count) for _ in range(epochs.stop)][epochs.start :]
        for start in range(0, count - batch_size + 1, batch_size)
    ]
    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(read, rows[0])] if rows else []
        for index, current in enumerate(rows):
            arrays = waiting.pop().result()
            if index + 1 < len(rows):
                waiting.append(reader.submit(read, rows[index + 1]))
            yield current, arrays
