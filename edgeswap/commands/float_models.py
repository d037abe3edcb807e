"""The float models: the one that was given, which is the baseline, and what the swap and the recovery make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeswap.commands.fine_tuning import RECOVERY_LEARNING_RATE, fine_tune
from edgeswap.commands.opened import Opened
from edgeswap.commands.save_trained import keep_float_model
from edgeswap.config.export import ExportConfig
from edgeswap.data.dataset import Dataset, evenly_spaced
from edgeswap.data.preprocess import Preprocess
from edgeswap.data.splits import Splits
from edgeswap.errors import DataError
from edgeswap.evaluation.alternatives import Ask, better_alternative
from edgeswap.evaluation.chance import near_chance, poor_float_model, require_above_chance
from edgeswap.evaluation.class_order import class_order
from edgeswap.evaluation.misread_pixels import misread_pixels
from edgeswap.evaluation.one_answer import one_answer
from edgeswap.evaluation.poor_values import misread_values
from edgeswap.evaluation.predictions import Classes, asked, predict
from edgeswap.evaluation.scoring import Scores, Scoring, quality
from edgeswap.graph.build import build, with_weights_of
from edgeswap.graph.ir import Graph
from edgeswap.graph.swap import swap
from edgeswap.progress import Progress
from edgeswap.quantization.feature_steps import coarse_values, far_values
from edgeswap.records import Activations, Caution, TrainingRun
from edgeswap.store.run_store import RunStore
from edgeswap.system.partial import RECOVERED

DOUBT_SAMPLES = 200  # tell a model that knows nothing; the .tflite of the baseline is measured on all
FEW_SAMPLES = 200  # tell how large the values of an output are


@dataclass(frozen=True, eq=False)
class FloatModels:
    """The float models of a run, and what those between the baseline and the candidate say of the test samples.

    Attributes:
        scoring: what they are scored by.
        splits: the samples, their classes in the order that the given model was trained with.
        baseline: tf_keras, the model as it was given.
        graph: what is to be quantized: after swap and recovery.
        final: tf_keras, the model of `graph`; the baseline itself where nothing was swapped.
        activations: what the swap did.
        scores: `float32_swapped` and `float32_recovered` to their scores on the test samples; those that there are.
        cautions: what a reader must know of them.
        recovery: how the swapped model was trained; None where it was not.
    """

    scoring: Scoring
    splits: Splits
    baseline: Any
    graph: Graph
    final: Any
    activations: Activations
    scores: Mapping[str, Scores]
    cautions: tuple[Caution, ...]
    recovery: TrainingRun | None = None


def float_models(
    config: ExportConfig, opened: Opened, folder: Path, *, store: RunStore, progress: Progress
) -> FloatModels:
    """Build the given model and see that it knows the samples; then swap its activations and recover from that.

    Args:
        config: what to swap, and how long to recover.
        opened: the model and the samples.
        folder: where a recovered model that the store does not keep is written at once.
        store: of results of earlier runs.
        progress: told of every step.

    Raises:
        DataError: the model knows nothing of the test samples, and the user did not say that this may be.
    """
    source, splits, scoring = opened.source, opened.splits, opened.scoring
    baseline = opened.baseline
    if baseline is None:
        with progress.step("Build the network"):
            baseline = build(source.graph)
    splits, ordered = _with_classes_in_order(config, splits, scoring, baseline, progress)
    doubts: tuple[Caution, ...] = ()
    if config.measure:
        doubts = _doubts(config, splits, scoring, baseline, progress=progress)
    scores: dict[str, Scores] = {}
    swapped = swap(source.graph, config.hidden_activation, config.rules)
    if not swapped.activations.swapped:
        cautions = (*ordered, *doubts)
        return FloatModels(scoring, splits, baseline, source.graph, baseline, swapped.activations, scores, cautions)

    with progress.step("Build the network"):
        final = build(swapped.graph)
    if config.measure:
        scores["float32_swapped"] = _tested(final, splits, scoring, "Test float32, swapped", progress)
    kept: tuple[Caution, ...] = ()
    recovery: TrainingRun | None = None
    if config.recover_epochs:
        final, recovery, kept = _recovered(
            config,
            splits,
            scoring,
            model=final,
            graph=swapped.graph,
            baseline=baseline,
            given=source.graph,
            folder=folder,
            store=store,
            progress=progress,
        )
        if config.measure:
            scores["float32_recovered"] = _tested(final, splits, scoring, "Test float32, recovered", progress)
    graph = with_weights_of(swapped.graph, final)
    cautions = (*ordered, *doubts, *kept)
    return FloatModels(scoring, splits, baseline, graph, final, swapped.activations, scores, cautions, recovery)


def _doubts(
    config: ExportConfig, splits: Splits, scoring: Scoring, baseline: Any, *, progress: Progress
) -> tuple[Caution, ...]:
    """What some test samples say against the given model, or how it is read."""
    test = splits.test
    few = replace(splits, test=test.subset(evenly_spaced(len(test), DOUBT_SAMPLES)))
    said = _tested(baseline, few, scoring, "Test float32 on some samples", progress)
    if len(few.test) < len(test) and near_chance(quality(scoring, said), scoring.task.classes(scoring.model)):
        few, said = splits, _tested(baseline, splits, scoring, "Test float32", progress)  # a few could be bad luck
    return (
        *_doubted_values(config, few, scoring, baseline, said, progress=progress),
        *_require_known_samples(config, few, scoring, baseline, said, progress=progress),
    )


def _recovered(
    config: ExportConfig,
    splits: Splits,
    scoring: Scoring,
    *,
    model: Any,
    graph: Graph,
    baseline: Any,
    given: Graph,
    folder: Path,
    store: RunStore,
    progress: Progress,
) -> tuple[Any, TrainingRun, tuple[Caution, ...]]:
    """The swapped model trained back to what the baseline says, and how; a caution where it cannot be kept."""
    recovered, run, stored = fine_tune(
        model,
        splits,
        scoring,
        title="Recover from the swap",
        stage="float32_recovered",
        epochs=config.recover_epochs,
        learning_rate=RECOVERY_LEARNING_RATE,
        seed=config.seed,
        loss=config.loss,
        teacher=baseline,
        batch_norm="updated",
        batch_size=config.batch_size,
        strategy=config.strategy,
        made_of=graph,
        taught_by=given,
        store=store,
        progress=progress,
    )
    if config.output is None or stored:
        return recovered, run, ()
    kept = keep_float_model(
        recovered, folder / RECOVERED, normalizations=splits.preprocess.normalizations, progress=progress
    )
    return recovered, run, kept


def _tested(model: Any, splits: Splits, scoring: Scoring, title: str, progress: Progress) -> Scores:
    return predict(model, splits.test, splits.preprocess, scoring, title=title, progress=progress)


def _with_classes_in_order(
    config: ExportConfig, splits: Splits, scoring: Scoring, baseline: Any, progress: Progress
) -> tuple[Splits, tuple[Caution, ...]]:
    """The splits with class folders that are numbers in the order that the float model was trained with."""
    if config.labels is not None or scoring.task.classes(scoring.model) is None:
        return splits, ()
    ask = _asking(baseline, scoring, progress)
    order, caution = class_order(
        [splits.test, splits.train, splits.calibration], lambda data: ask(data, splits.preprocess), config.seed
    )
    if caution is None:
        return splits, ()
    progress.warn(caution.problem, caution.remedy)
    return splits if order is None else splits.with_names(order), (caution,)


def _require_known_samples(
    config: ExportConfig, splits: Splits, scoring: Scoring, baseline: Any, said: Scores, *, progress: Progress
) -> tuple[Caution, ...]:
    """Stop where a float classifier knows nothing of the test samples; cautions where they seem to be read wrongly.

    A user who knows that, or who set a limit to hold the run to, is only warned.
    """
    classes = scoring.task.classes(scoring.model)
    if classes is None or said.decisions is None:
        return ()
    found = quality(scoring, said)
    ask = _asking(baseline, scoring, progress)
    better = better_alternative(splits.test, splits.preprocess, said.decisions, found, ask=ask, seed=config.seed)
    caution = None if better is None else poor_float_model(found, better)
    try:
        require_above_chance(found, classes, better)
    except DataError as error:
        if not config.allow_chance and config.max_drop is None:
            why = "If the data and the model are right, pass --allow-chance."
            raise DataError(error.problem, f"{error.remedy} {why}") from error
        caution = Caution(kind="near_chance", problem=error.problem, remedy=error.remedy)
    alike = one_answer(said.decisions, splits.test.classes, class_names=splits.test.class_names)
    cautions = tuple(each for each in (caution, alike) if each is not None)
    for each in cautions:
        progress.warn(each.problem, each.remedy)
    return cautions


def _doubted_values(
    config: ExportConfig, splits: Splits, scoring: Scoring, baseline: Any, said: Scores, *, progress: Progress
) -> tuple[Caution, ...]:
    """Cautions where outputs are read otherwise than meant, or are of sizes that one int8 scale does not serve."""
    misread = misread_values(scoring, said, splits.test.labels)
    if scoring.task.classes(scoring.model) is None:  # those are asked with their order beside
        misread = (
            misread_pixels(
                scoring,
                said,
                splits.test,
                splits.preprocess,
                ask=lambda data, preprocess: predict(
                    baseline, data, preprocess, scoring, title="Ask the float model", progress=progress
                ),
                seed=config.seed,
            )
            or misread
        )
    coarse: list[Caution] = []
    if config.precision == "int8" and "linear" in scoring.heads:
        given = asked(baseline)([array[:FEW_SAMPLES] for array in splits.representative])
        outputs = zip(scoring.model.outputs, given, scoring.heads, strict=True)
        linear = {output.name: values for output, values, head in outputs if head == "linear"}
        coarse = [*coarse_values(linear), *far_values(linear)]
    cautions = (*([] if misread is None else [misread]), *coarse)
    for each in cautions:
        progress.warn(each.problem, each.remedy)
    return cautions


def _asking(model: Any, scoring: Scoring, progress: Progress) -> Ask:
    """The classes that `model` gives to a few samples."""

    def ask(data: Dataset, preprocess: Preprocess) -> Classes:
        said = predict(model, data, preprocess, scoring, title="Ask the float model", progress=progress).decisions
        assert said is not None  # asked where there are classes alone
        return said

    return ask
