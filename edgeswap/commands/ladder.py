"""Ways to quantize, cheap before dear: `--method` names one, or `auto` climbs until one keeps the budget."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Literal

from edgeswap.commands.float_models import FloatModels
from edgeswap.commands.trained import train_beside_control
from edgeswap.config.export import ExportConfig
from edgeswap.data.checked_images import check_images
from edgeswap.data.dataset import Dataset, evenly_spaced
from edgeswap.evaluation.held_out import judge_held_out
from edgeswap.evaluation.predictions import Array, raw_outputs
from edgeswap.evaluation.scoring import Scores
from edgeswap.graph.ir import Graph
from edgeswap.graph.shared_weights import with_shared_weights
from edgeswap.progress import Progress
from edgeswap.quantization.checkpoint import require_savable
from edgeswap.quantization.fitted import Fitted, Fitting, Samples
from edgeswap.quantization.idle_channels import raise_idle_channels
from edgeswap.quantization.layer_normalization import part_layer_normalizations
from edgeswap.quantization.level_normalized_channels import level_normalized_channels
from edgeswap.quantization.level_unequal_channels import level_unequal_channels
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.unequal_concat import part_unequal_concats
from edgeswap.records import Caution, Rung, TrainingRun
from edgeswap.store.kept_steps import KeptSteps
from edgeswap.store.run_store import RunStore
from edgeswap.targets.names import lowered_for

OUTPUT_BYTES = 2**28  # of one model on the held-out samples: fewer samples of large outputs are looked at


@dataclass(frozen=True, eq=False)
class Climbed:
    """A quantization, and how it was found.

    Attributes:
        fitted: placement and ranges.
        model: the fake-quant model, trained where that is the method.
        method: how it was made.
        control: scores of the float model, trained as the candidate was; None without training.
        cautions: what a reader must know of it.
        rungs: what was tried, in order; empty where a method was named.
        training: how the control and the fake-quant model were trained; empty without training.
    """

    fitted: Fitted
    model: Any
    method: Literal["ptq", "qat"] = "ptq"
    control: Scores | None = None
    cautions: tuple[Caution, ...] = ()
    rungs: tuple[Rung, ...] = ()
    training: tuple[TrainingRun, ...] = ()


def scales_of(config: ExportConfig) -> dict[str, bool]:
    """Which weights have a scale for each output channel, as `place` and `Conversion` take it."""
    return {
        "per_channel_dense": config.dense_scales_or_default == "per-channel",
        "per_channel": config.weight_scales == "per-channel",
    }


def easier_to_quantize(graph: Graph, representative: Samples, config: ExportConfig) -> Graph:
    """The same function in a form that every method begins with: see the passes it is made of."""
    parted = part_unequal_concats(graph, representative)
    if lowered_for(config.target) != "ethos-u":  # whose NPU runs the converter's operators for one, but no BATCH_MATMUL
        parted = part_layer_normalizations(parted)
    leveled = parted
    if config.weight_scales == "per-channel":
        leveled = level_unequal_channels(level_normalized_channels(parted, representative), representative)
    return with_shared_weights(raise_idle_channels(leveled, representative, **scales_of(config)))


def climb(
    config: ExportConfig,
    floats: FloatModels,
    input_ranges: Mapping[str, tuple[float, float] | None],
    folder: Path,
    *,
    store: RunStore,
    progress: Progress,
) -> Climbed:
    """Quantize by the method that is named; by `auto` in the first way that keeps the budget, else in the best.

    Each rung is measured by its fake-quant model on samples that were held out from calibration and training, and that
    are no test samples. The first rung is PTQ as `--method ptq` does it.

    Args:
        config: the method, the budget (`max_drop`) and how ranges and weights are quantized.
        floats: the graph to quantize, and the samples.
        input_ranges: as for `place`.
        folder: where trained models that the store does not keep are written at once.
        store: of results of earlier runs.
        progress: told of every step.

    Raises:
        ModelError: the fake-quant model is to be saved and cannot be.
    """
    fitting = Fitting(
        easier_to_quantize(floats.graph, floats.splits.representative, config),
        floats.splits.representative,
        input_ranges,
        config.ranges,
        **scales_of(config),
        progress=progress,
        kept=KeptSteps(store, floats.splits.representative),
    )
    if config.method != "auto":
        start = _built(fitting.ptq(trains=config.method == "qat"), progress)
        if config.save_qat:
            require_savable(start.model)
        return (
            _trained(config, floats, start, folder, store=store, progress=progress) if config.method == "qat" else start
        )
    held_out = _small_enough(floats)

    def said(model: Any, name: str) -> list[Array]:
        title = f"Test {name} on held-out samples"
        return raw_outputs(model, held_out, floats.splits.preprocess, title=title, progress=progress)

    baseline = said(floats.final, "float32")
    tried: list[tuple[Climbed, Rung]] = []

    def best() -> int:
        return min(range(len(tried)), key=lambda index: tried[index][1].drop)

    for name, make in _ways(config, floats, fitting, lambda: tried[best()], folder, store=store):
        started = time.perf_counter() + store.saved_s
        climbed = make()
        judged = judge_held_out(
            floats.scoring,
            baseline,
            said(climbed.model, name),
            dataset=held_out,
            preprocess=floats.splits.preprocess,
            max_drop=config.max_drop,
        )
        reason = "kept" if judged.kept else "over" if judged.samples_needed is None else "unsettled"
        seconds = time.perf_counter() + store.saved_s - started  # of what was made earlier, those it took then
        tried.append((climbed, Rung(rung=name, taken=False, reason=reason, seconds=seconds, **asdict(judged))))
        if judged.kept:
            break
    taken = len(tried) - 1 if tried[-1][1].kept else best()
    climbed, rung = tried[taken]
    rungs = [one for _, one in tried]
    rungs[taken] = rung.model_copy(update={"taken": True, "reason": "kept" if rung.kept else "best"})
    cautions = () if rung.kept else (_not_kept(rungs[taken], trained=rungs[-1].rung == "qat"),)
    for caution in cautions:
        progress.warn(caution.problem, caution.remedy)
    return replace(climbed, cautions=(*climbed.cautions, *cautions), rungs=tuple(rungs))


def _ways(
    config: ExportConfig,
    floats: FloatModels,
    fitting: Fitting,
    best: Callable[[], tuple[Climbed, Rung]],
    folder: Path,
    *,
    store: RunStore,
) -> Iterator[tuple[str, Callable[[], Climbed]]]:
    """Name of each rung, and what makes it; what comes after the first three goes on from the best so far."""
    progress = fitting.progress
    begun: dict[str, Callable[[], Fitted]] = {
        "ptq": lambda: fitting.calibrated,
        "searched_ranges": lambda: fitting.searched,
        "equalized": lambda: fitting.alike,
    }
    yield "ptq", lambda: _built(fitting.ptq(), progress)
    yield "searched_ranges", lambda: _built(fitting.corrected(fitting.searched), progress)
    yield "equalized", lambda: _built(fitting.corrected(fitting.alike), progress)
    if not best()[0].fitted.rounded:
        yield "rounded", lambda: _built(fitting.rounded(begun[best()[1].rung]()), progress)
    if floats.splits.train is not None:
        yield (
            "qat",
            lambda: _trained(
                config, floats, _built(best()[0].fitted, progress), folder, store=store, progress=progress
            ),
        )


def _built(fitted: Fitted, progress: Progress) -> Climbed:
    gc.collect()  # Keras models refer to themselves, and a large one that ranges were found with is still here
    with progress.step("Insert fake-quants"):
        return Climbed(fitted, quantize(fitted.placement, fitted.ranges))


def _trained(
    config: ExportConfig, floats: FloatModels, start: Climbed, folder: Path, *, store: RunStore, progress: Progress
) -> Climbed:
    turned: tuple[Caution, ...] = ()
    if not config.trains:  # until here it was not known that the samples to train on would be needed
        training_sets = [data for data in (floats.splits.train, floats.splits.validation) if data is not None]
        turned = check_images(training_sets, config.resize, progress=progress)
    model, control, training, cautions = train_beside_control(
        config, floats, start.model, start.fitted, folder, store=store, progress=progress
    )
    return Climbed(start.fitted, model, "qat", control, (*turned, *cautions), training=training)


def _small_enough(floats: FloatModels) -> Dataset:
    """The held-out samples, or as many of them as have outputs that memory has room for."""
    held_out = floats.splits.held_out
    assert held_out is not None  # the splits hold them out for this method
    each = sum(4 * prod(output.shape) for output in floats.scoring.model.outputs)
    count = max(2, min(len(held_out), OUTPUT_BYTES // max(each, 1)))
    return held_out if count >= len(held_out) else held_out.subset(evenly_spaced(len(held_out), count))


def _not_kept(rung: Rung, *, trained: bool) -> Caution:
    """The warning that the best rung is not shown to keep the budget; `trained` where QAT was tried too."""
    points = "points" if rung.unit == "share" and rung.metric != "relative_error" else ""
    drop, budget = (f"{value:.2f} {points or ('%' if rung.metric == 'relative_error' else rung.unit or '')}".strip()
                    for value in (rung.drop, rung.budget))  # fmt: skip
    if rung.samples_needed is not None:
        remedy = (
            f"About {rung.samples_needed:,} held-out samples would settle it: give more with --calibration or --data, "
            "or raise the budget with --max-drop."
        )
    elif trained:
        remedy = "Train longer with --epochs or on more samples, or raise the budget with --max-drop."
    else:
        remedy = "Give samples to train on with --data, or raise the budget with --max-drop."
    return Caution(
        kind="budget_not_kept",
        problem=f"No rung of --method auto is shown to keep the budget of {budget} on {rung.samples} held-out samples. "
        f"The best of them, {rung.rung}, was taken; its drop there is {drop}.",
        remedy=remedy,
    )
