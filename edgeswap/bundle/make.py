"""A bundle.zip of an int8 model: what an app ships, and a way to prove that it is wired up right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from edgeswap.bundle import describe
from edgeswap.bundle.apps.generate import generate
from edgeswap.bundle.apps.pixels import PixelSteps, pixel_steps
from edgeswap.bundle.archive import pack
from edgeswap.bundle.card import model_card, place, readme
from edgeswap.bundle.golden import make_golden
from edgeswap.bundle.holds import each_by_itself
from edgeswap.bundle.manifest import (
    LABELS,
    MANIFEST,
    MODEL,
    SUMS,
    Golden,
    InputTensor,
    Manifest,
    OutputTensor,
    Provenance,
    Results,
    Samples,
    app_facts,
    output_facts,
    to_json,
)
from edgeswap.bundle.micro.generate import micro_files
from edgeswap.bundle.vectors import candidates
from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess, pixel_inputs
from edgeswap.errors import DataError
from edgeswap.records import DataSource, ExportReport, MicroMeasurement
from edgeswap.targets.measure import Target
from edgeswap.tasks.task import Shown
from edgeswap.tflite.flatbuffer import Tensor, read
from edgeswap.tflite.interface import interface
from edgeswap.tflite.metadata import attach
from edgeswap.tflite.runtime_version import minimum_runtime
from edgeswap.tflite.runtime_version import text as version_text
from edgeswap.tflite.state import keeps_state

ARRAYS = "samples that already had the model's size"
VERSION_DIGITS = 12


@dataclass(frozen=True)
class Credits:
    """What a person says of the model."""

    description: str = ""
    author: str = ""
    licence: str = ""


class Vectors(NamedTuple):
    """The golden vectors of a model, their files, and the ends that they are for."""

    inputs: list[InputTensor]
    outputs: list[OutputTensor]
    golden: Golden
    files: Mapping[str, bytes]


def make_vectors(
    tflite_model: bytes,
    test: Dataset,
    preprocess: Preprocess,
    target: Target,
    *,
    shown: Shown = "scores",
    layers: Sequence[str] = (),
) -> Vectors:
    """What of a bundle comes from running the model, which takes longest and needs no report.

    Args:
        tflite_model: full-integer, with ends of any `--io`, batch 1.
        test: test samples, of which a few become golden vectors.
        preprocess: of the export.
        target: runs the model for the golden outputs.
        shown: what an app does with the outputs, see `tasks.task.Task`.
        layers: which layer gives each output, as its author named it: the app finds real values by it. Empty where that
            is not known.

    Raises:
        ModelError: the model is not of that kind, or its outputs cannot be `shown` so.
        TargetError: the target failed.
    """
    model = read(tflite_model)
    outputs = describe.outputs(model, shown, layers)
    names = list(interface(tflite_model).inputs)
    raw = test.read(candidates(len(test), [tensor.shape for tensor in outputs]))
    given = raw if isinstance(raw, dict) else {names[0]: raw}
    steps = [
        _steps(tensor, inside, preprocess, test.resize or ARRAYS) if name in pixel_inputs(given) else None
        for name, tensor, inside in zip(names, describe.input_tensors(model), describe.int8_inputs(model), strict=True)
    ]
    inputs = describe.inputs(model, steps, preprocess.normalizations)
    mapped = replace(preprocess, normalizations={})(raw)  # the app normalizes
    real = mapped if isinstance(mapped, dict) else {names[0]: mapped}
    samples = [real[name] if own is None else given[name] for name, own in zip(names, steps, strict=True)]
    return Vectors(inputs, outputs, *make_golden(tflite_model, inputs, outputs, samples, target=target))


def make_bundle(
    tflite_model: bytes,
    report: ExportReport,
    test: Dataset,
    vectors: Vectors,
    *,
    shown: Shown = "scores",
    credits: Credits = Credits(),
) -> bytes:
    """The bundle.zip: the same model, data and runtime give the same bytes.

    Args:
        tflite_model: full-integer, with ends of any `--io`, batch 1.
        report: of the export, for metrics and provenance; nothing of its times or paths is taken over.
        test: test samples; its class names become the labels where there are classes.
        vectors: of `make_vectors` for this model.
        shown: what an app does with the outputs, see `tasks.task.Task`.
        credits: description, author and licence.

    Raises:
        DataError: the class names cannot be labels.
    """
    model = read(tflite_model)
    inputs, outputs, golden, golden_files = vectors
    names_of_boxes = test.class_names if shown == "boxes as the model gives them" else None
    classes = len(names_of_boxes) if names_of_boxes else output_facts(outputs[0]).classes
    labels = label_lines(test.class_names, classes)
    version = minimum_runtime(model)
    sha256 = hashlib.sha256(tflite_model).hexdigest()
    manifest = Manifest(
        name=report.model.name,
        version=sha256[:VERSION_DIGITS],
        description=credits.description,
        author=credits.author,
        licence=credits.licence,
        inputs=inputs,
        outputs=outputs,
        classes=classes,
        labels=None if labels is None else LABELS,
        preprocessing=describe.preprocessing(inputs),
        operators=describe.operators(model),
        keeps_state=keeps_state(model),
        minimum_tensorflow_lite=None if version is None else version_text(version),
        golden=golden,
        provenance=_provenance(report, sha256),
        results=_results(report),
        files={},
    )
    label_files = {} if labels is None else {LABELS: labels}
    shipped_model = attach(tflite_model, describe.metadata(manifest), label_files)
    files = {
        MODEL: shipped_model,
        **label_files,
        **golden_files,
        **generate(app_facts(manifest, hashlib.sha256(shipped_model).hexdigest())),
        **_micro(report, manifest, tflite_model, golden_files, labels),
        "MODEL_CARD.md": model_card(manifest, report),
        "README.md": readme(manifest, each_by_itself=each_by_itself(model), micro=_measured(report) is not None),
    }
    files[MANIFEST] = to_json(manifest.model_copy(update={"files": _digests(files)}))
    return pack({**files, SUMS: sums(files)})


def _measured(report: ExportReport) -> MicroMeasurement | None:
    """What the candidate needs on a microcontroller; None where that was not a target."""
    return next((target.int8.micro for target in report.targets if target.int8.micro is not None), None)


def _micro(
    report: ExportReport, manifest: Manifest, tflite_model: bytes, golden: Mapping[str, bytes], labels: bytes | None
) -> dict[str, bytes]:
    """The files for a microcontroller, where that was a target."""
    measured = _measured(report)
    names = [] if labels is None else labels.decode().splitlines()
    return {} if measured is None else micro_files(manifest, tflite_model, golden, measured, names)


def sums(files: Mapping[str, bytes]) -> bytes:
    """SHA256SUMS of `files`, which `sha256sum --check` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in _digests(files).items()).encode()


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}


def label_lines(names: Sequence[str] | None, classes: int | None) -> bytes | None:
    """labels.txt: one name a line; None where there are no names, or no classes.

    Raises:
        DataError: there are not as many names as classes, or one is not a line of text.
    """
    if names is None or classes is None:
        return None
    wrong = next((name for name in names if not _is_line(name)), None)
    if wrong is not None or len(names) != classes:
        got = f"{wrong!r}" if wrong is not None else f"{len(names)} names"
        raise DataError(
            f"Expected {classes} class names of one line each for {LABELS}, got {got}.",
            "Pass --labels FILE with one name per line, in the order of the model's outputs.",
        )
    return "".join(f"{name}\n" for name in names).encode()


def _is_line(name: str) -> bool:
    """Whether a name can be one line of UTF-8; a folder's name may hold any bytes."""
    return name.splitlines() == [name] and not any("\ud800" <= character <= "\udfff" for character in name)


def _steps(tensor: Tensor, inside: Tensor, preprocess: Preprocess, resize: str) -> PixelSteps | None:
    """How pixels become this input; None where they do not, or by a user's own function alone.

    Args:
        tensor: the input.
        inside: the int8 tensor that it becomes, or is.
        preprocess: from pixels to real values.
        resize: how images were brought to size, in words.
    """
    if preprocess.name == "none" or len(tensor.shape) != 4 or tensor.shape[3] not in (1, 3, 4):
        return None
    scale, zero_point = inside.scales[0], inside.zero_points[0]
    found = pixel_steps(preprocess, channels=tensor.shape[3], scale=scale, zero_point=zero_point, resize=resize)
    return found and found.of_type(describe.DTYPES[tensor.dtype], scale=scale, zero_point=zero_point)


def _results(report: ExportReport) -> Results | None:
    float32, int8, test = report.float32.quality, report.int8.quality, report.data.test
    if float32 is None or int8 is None or test is None:
        return None
    return Results(
        task=int8.task,
        metric=int8.metric,
        unit=int8.unit,
        higher_is_better=int8.higher_is_better,
        samples=int8.samples,
        data=place(test.source),
        float32=float32.value,
        int8=int8.value,
        int8_ci95=int8.ci95,
        metrics=int8.metrics,
    )


def _provenance(report: ExportReport, int8_model_sha256: str) -> Provenance:
    def samples(source: DataSource) -> Samples:
        return Samples(samples=source.samples, sha256=source.sha256)

    return Provenance(
        edgeswap=report.edgeswap,
        method=report.method,
        seed=report.seed,
        source_model=report.model.name,
        source_model_sha256=report.model.sha256,
        int8_model_sha256=int8_model_sha256,
        train=None if report.data.train is None else samples(report.data.train),
        calibration=samples(report.data.calibration),
        test=None if report.data.test is None else samples(report.data.test),
    )
