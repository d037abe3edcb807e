"""`bench`: two .tflite files that are there already, measured on targets as an export measures its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from edgeswap import __version__
from edgeswap.bench_config import BenchConfig
from edgeswap.compare import compare
from edgeswap.data import Dataset, load
from edgeswap.delegated import delegated
from edgeswap.errors import ConfigError, DataError, ModelError
from edgeswap.estimate_all import estimate_all
from edgeswap.evaluate import near_chance
from edgeswap.evaluation_file import write_evaluation
from edgeswap.measure_all import Outcome, measure_all
from edgeswap.output import check_file, staged_file
from edgeswap.preflight import require_targets
from edgeswap.preprocess import Preprocess
from edgeswap.preprocess_choice import preprocess_for
from edgeswap.progress import Progress, Silent
from edgeswap.records import BenchReport, CandidatePrecision, Comparison, DataSource, TargetResult
from edgeswap.scratch import scratch_folder
from edgeswap.targets.names import open_targets
from edgeswap.tflite.interface import Interface, interface
from edgeswap.tflite.record import candidate_file, model_file


def bench(config: BenchConfig, *, command: Sequence[str] = (), progress: Progress | None = None) -> BenchReport:
    """Measure a float32 and a quantized model on every target, and compare them on the same samples.

    A target that fails stands in the report's `failures`; the others are measured all the same.

    Args:
        config: which models, where, on which samples.
        command: what the user typed, for the report.
        progress: told of every target.

    Raises:
        EdgeswapError: of the kind that says what could not be done; TargetError where not one target gave figures.
    """
    progress = progress or Silent()
    if config.output is not None:
        check_file(config.output, overwrite=config.overwrite)
    require_targets(config)
    files = (config.baseline, config.candidate)
    baseline_bytes, candidate_bytes = (_content(file) for file in files)
    baseline, candidate = interface(baseline_bytes), interface(candidate_bytes)
    precision = _compared(files, baseline, candidate)
    dataset, preprocess = _samples(config, baseline)
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        output = config.output and stack.enter_context(staged_file(config.output, overwrite=config.overwrite))
        evaluation, mapping = None, None
        if dataset is not None and preprocess is not None:
            evaluation = scratch / "evaluation.npz"
            mapping = write_evaluation(dataset, preprocess, evaluation)
        taken = delegated(config.delegate, config.candidate, scratch, progress=progress)
        outcome = measure_all(
            open_targets(config.target, keep=config.keep),
            config.baseline,
            taken.candidate,
            evaluation,
            preprocess=mapping,
            samples=config.target_samples,
            threads=config.threads,
            delegate=taken.delegate,
            notes=taken.notes,
            runs=config.runs,
            quick=config.quick,
            precision=precision,
            progress=progress,
        )
        estimates = estimate_all(config.target, candidate_bytes, scratch, progress=progress)
        accurate = outcome.accuracy.result
        report = BenchReport(
            edgeswap=__version__,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=list(command),
            precision=precision,
            float32=model_file(config.baseline.name, baseline_bytes, accurate.float32.accuracy),
            int8=candidate_file(config.candidate.name, candidate_bytes, accurate.int8.accuracy),
            data=None if dataset is None else _source(dataset),
            preprocess=None if preprocess is None else preprocess.name,
            resize=None if dataset is None else dataset.resize,
            comparison=_comparison(outcome, len(baseline_bytes), len(candidate_bytes)),
            targets=[_with_doubt(result, baseline.classes) for result in outcome.results],
            failures=[*taken.failures, *outcome.failures, *estimates.failures],
            # What was compiled goes with the scratch folder.
            npus=[npu.model_copy(update={"file": None}) for npu in estimates.npus],
            edgetpu=taken.mapping and taken.mapping.model_copy(update={"file": None}),
        )
        if output is not None:
            output.write_text(report.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    return report


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise ModelError(f"Expected a .tflite file, but {str(file)!r} is not there.", "Check the path.")
    if file.suffix in (".keras", ".h5"):
        raise ModelError(
            f"Expected a .tflite file, got {str(file)!r}, a Keras model.", "Make the two of it with edgeswap export."
        )
    return file.read_bytes()


def _compared(files: Sequence[Path], baseline: Interface, candidate: Interface) -> CandidatePrecision:
    """The candidate's precision; refuses two models that cannot be compared, and those in the wrong order."""
    first, second = (repr(str(file)) for file in files)
    if candidate.precision == "float32":
        swapped = baseline.precision != "float32"
        raise ConfigError(
            f"Expected the float32 model and then the quantized one, got {first} ({baseline.precision}) and {second} "
            "(float32).",
            "Name them the other way round." if swapped else "Make the second with edgeswap export.",
        )
    if baseline.precision != "float32":
        raise ConfigError(
            f"Expected a float32 model first, got {first} ({baseline.precision}).",
            "Name the .tflite that was converted without quantization first.",
        )
    if dict(baseline.inputs) != dict(candidate.inputs):
        raise ModelError(
            f"Expected two models with the same inputs, got {_shapes(baseline.inputs)} in {first} and "
            f"{_shapes(candidate.inputs)} in {second}.",
            "Convert both from one Keras model.",
        )
    if baseline.outputs != candidate.outputs:
        raise ModelError(
            f"Expected two models with the same outputs, got {_listed(baseline.outputs)} in {first} and "
            f"{_listed(candidate.outputs)} in {second}.",
            "Convert both from one Keras model.",
        )
    return candidate.precision


def _shapes(inputs: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in inputs.items())


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _samples(config: BenchConfig, model: Interface) -> tuple[Dataset | None, Preprocess | None]:
    if config.data is None:
        return None, None
    if model.classes is None:
        raise DataError(
            f"Expected a classifier with one output (1, classes) for --data, the models give {_listed(model.outputs)}.",
            "Leave out --data: latency alone needs none.",
        )
    dataset = load(config.data, input_shapes=model.inputs, classes=model.classes)
    doubt = "a .tflite does not tell what it was trained on"
    return dataset, preprocess_for(dataset, config.preprocess, takes_raw_pixels=False, doubt=doubt)


def _with_doubt(result: TargetResult, classes: int | None) -> TargetResult:
    """The same, with a warning where the float32 model knows nothing of the data; an export would have stopped there.

    Here it is no error: the latencies hold all the same.
    """
    found = result.float32.accuracy
    if classes is None or found.top1 is None or not near_chance(found, classes):
        return result
    doubt = (
        f"float32-near-chance: it is right in {found.top1:.1%} of {found.samples} samples, and chance is "
        f"{1 / classes:.1%}. Check --preprocess (it must be the one of the training) and the order of the classes."
    )
    return result.model_copy(update={"warnings": [*result.warnings, doubt]})


def _source(dataset: Dataset) -> DataSource:
    return DataSource(source=dataset.source, samples=len(dataset), sha256=dataset.sha256)


def _comparison(outcome: Outcome, baseline_size_bytes: int, candidate_size_bytes: int) -> Comparison | None:
    found = outcome.accuracy.predictions
    if found is None:
        return None
    return compare(
        found.labels,
        found.baseline,
        found.candidate,
        baseline_size_bytes=baseline_size_bytes,
        candidate_size_bytes=candidate_size_bytes,
    )
