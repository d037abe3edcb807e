"""What the result of each stage is made of. What is left out here gives a wrong figure that looks right.

edgeswap's own code, the versions of the frameworks and the machine are in every key, see `made_by`; so constants of
the code, such as batch sizes, need not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess
from edgeswap.graph.ir import Graph
from edgeswap.store.run_store import MadeOf

if TYPE_CHECKING:  # it imports TensorFlow
    from edgeswap.conversion.convert import Conversion

_WORDS = {
    "float32_recovered": "the recovered model",
    "float32_finetuned": "the float32 control",
    "int8": "the fake-quant model after QAT",
}
LONG_STEPS = ("searched ranges", "corrected weights")  # of a fitting; others take seconds
Array = npt.NDArray[Any]


def trained_example(*, start: Graph, train: Dataset, seed: int) -> MadeOf:
    """The weights of the built-in example, which is trained within a run: of its Graph, on its samples."""
    return MadeOf("trained example", {"start": start, "train": _samples(train), "seed": seed}, "the trained example")


def trained_weights(
    *,
    start: Any,
    teacher: Any,
    train: Dataset,
    targets: Any,
    judges: Dataset,
    judge_targets: Any,
    preprocess: Preprocess,
    representative: Sequence[Array],
    heads: Sequence[str],
    loss: Any,
    epochs: int,
    learning_rate: float,
    seed: int,
    epoch: int | None,
    batch_norm: str,
    batch_size: int,
    replicas: str | None,
    judged_on: str,
    stage: str,
) -> MadeOf:
    """A training: recovery, QAT or its control.

    Args:
        start: what the model to train was built from: a Graph with its weights, or placement and ranges.
        teacher: the Graph of the float model that teaches.
        train: the samples that are trained on.
        targets: what the task makes of their labels.
        judges: the samples that epochs are judged by.
        judge_targets: likewise.
        preprocess: from raw samples to the model's inputs.
        representative: calibration samples as the model takes them: they tell a user's own `preprocess` by its results.
        heads: of the outputs, by which the loss goes.
        loss: the user's own, or None.
        epochs: planned.
        learning_rate: at the first step.
        seed: of the order of samples and of dropout.
        epoch: the one that is kept whatever its loss, or None.
        batch_norm: whether its statistics move.
        batch_size: samples a step.
        replicas: the devices that train together, or None: sums go by their number.
        judged_on: for the record.
        stage: for the record.
    """
    return MadeOf(
        "trained weights",
        {
            "start": start,
            "teacher": teacher,
            "train": _samples(train),
            "targets": targets,
            "judges": _samples(judges),
            "judge targets": judge_targets,
            "preprocess": preprocess,
            "mapped by it": list(representative) if preprocess.is_function else None,
            "heads": list(heads),
            "loss": loss,
            "epochs": epochs,
            "learning rate": learning_rate,
            "seed": seed,
            "epoch": epoch,
            "batch norm": batch_norm,
            "batch size": batch_size,
            "replicas": replicas,
            "judged on": judged_on,
            "stage": stage,
        },
        _WORDS.get(stage, stage),
    )


def fitting_step(step: str, *, made_of: Any, samples: str) -> MadeOf:
    """A step of a fitting without labels.

    Args:
        step: which.
        made_of: its own arguments: graphs or placements with their weights, ranges, settings.
        samples: the digest of the representative dataset.
    """
    words = f"the {step}" if step in LONG_STEPS else ""
    return MadeOf(step, {"made of": made_of, "samples": samples}, words)


def converted_model(of: Any, conversion: Conversion) -> MadeOf:
    """A conversion by TFLiteConverter.

    Args:
        of: what the model was built from: a Graph, or placement and ranges. Its weights now are told by themselves,
            since it may have been trained.
        conversion: the model and how it is converted.
    """
    return MadeOf(
        "converted models",
        {
            "of": of,
            "weights": conversion.model.get_weights(),
            "precision": conversion.precision,
            "representative": conversion.representative,
            "per channel": conversion.per_channel,
            "per channel dense": conversion.per_channel_dense,
        },
        f"the {conversion.precision} model",
    )


def measurement(
    *, target: str, files: Mapping[str, str], arguments: Sequence[str], script: str, state: Mapping[str, Any]
) -> MadeOf:
    """A measurement on this machine.

    Args:
        target: its name.
        files: of each file that the device script reads, the SHA-256: the models and the samples.
        arguments: of the script: threads, runs, delegate, which samples and how they are mapped.
        script: SHA-256 of the script.
        state: of the machine, as far as it changes times.
    """
    parts = {
        "target": target,
        "files": dict(files),
        "arguments": list(arguments),
        "script": script,
        "state": dict(state),
    }
    return MadeOf("measurements", parts, f"the figures of {target}")


def models_of_run(
    *,
    model: str,
    named: str,
    settings: Mapping[str, Any],
    data: Mapping[str, Dataset | None],
    preprocess: Preprocess,
    representative: Sequence[Array],
) -> MadeOf:
    """All models of a run, with what the report says of them.

    Args:
        model: SHA-256 of its file.
        named: what the user named, which the report says.
        settings: all that change the models or what is said of them; functions as such.
        data: the samples of each role.
        preprocess: from raw samples to the model's inputs.
        representative: as for `trained_weights`.
    """
    roles = {
        role: {**_samples(of), "source": of.source, "names": of.class_names, "by name": of.labels_by_name}
        for role, of in data.items()
        if of is not None
    }
    parts = {
        "model": model,
        "named": named,
        "settings": dict(settings),
        "data": roles,
        "preprocess": preprocess,
        "mapped by it": list(representative) if preprocess.is_function else None,
    }
    return MadeOf("models of a run", parts, "all models with their scores")


def parity_found(*, models: str, outputs: Sequence[Array], indices: Array, by_class: bool) -> MadeOf:
    """How near int8 is to its fake-quant model.

    Args:
        models: the digest of the key of both.
        outputs: what the int8 model gave for the samples that are compared.
        indices: which of the test samples these are.
        by_class: whether the output decides on a class.
    """
    parts = {"models": models, "outputs": list(outputs), "indices": indices, "by class": by_class}
    return MadeOf("parity", parts, "the comparison with fake-quant")


def _samples(data: Dataset) -> dict[str, Any]:
    """Samples as they are read: raw ones and labels by their SHA-256, and how image files become arrays."""
    return {
        "raw": data.sha256,
        "count": len(data),
        "kind": type(data.samples).__name__,
        "inputs": list(getattr(data.samples, "arrays", ())),
        "size": getattr(data.samples, "shape", None),
        "resize": getattr(data.samples, "resize", None),
    }
