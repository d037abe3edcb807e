"""The models of a run made by TensorFlow, stage by stage; what takes long is looked up in the run store first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from edgeswap.commands.candidate import Candidate, make_candidate
from edgeswap.commands.converted import convert_baseline, convert_both
from edgeswap.commands.float_models import FloatModels, float_models
from edgeswap.commands.from_store import class_order, keep, models_key
from edgeswap.commands.models import KerasModels, Models, Normalization, Told
from edgeswap.commands.opened import Opened, with_samples
from edgeswap.commands.samples import Samples, open_samples
from edgeswap.commands.source import open_source
from edgeswap.config.export import ExportConfig
from edgeswap.conversion.process import end_worker, start_early
from edgeswap.graph.layer_names import errors_in_given_names, given_names
from edgeswap.graph.restored_normalization import with_normalizations
from edgeswap.progress import Progress
from edgeswap.store.known_model import keep_facts
from edgeswap.store.run_store import Key, RunStore
from edgeswap.system.room import LARGE_BYTES


class TrainedModels(NamedTuple):
    """Everything of a run up to its last training, and the file of a baseline that was converted before it."""

    samples: Samples
    key: Key | None
    opened: Opened
    floats: FloatModels
    candidate: Candidate
    names: Mapping[str, str]
    baseline_file: Path | None


def make_models(
    config: ExportConfig,
    folder: Path,
    *,
    samples: Samples | None = None,
    store: RunStore,
    progress: Progress,
    keras: bool = True,
) -> Models:
    """Read the model, swap, train, quantize and convert; for the arguments see `train_models`.

    Without `keras` the float model is let go of once it is converted, and `Models.keras` gives None for it.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    samples, key, opened, floats, candidate, names, baseline_file = train_models(
        config, folder, samples=samples, converts_large=True, store=store, progress=progress
    )
    with errors_in_given_names(names):
        converted = convert_both(
            config, opened.source, floats, candidate, baseline_file=baseline_file, store=store, progress=progress
        )
    if baseline_file is not None:
        end_worker()
    normalizations = floats.splits.preprocess.normalizations
    told = Told(
        source=opened.source.record,
        names=names,
        class_order=class_order(samples.splits.test.class_names, floats.splits.test.class_names),
        normalizations={
            name: Normalization(mean=each.mean, deviation=each.deviation) for name, each in normalizations.items()
        },
        cautions=(*opened.cautions, *floats.cautions, *candidate.cautions),
        activations=floats.activations,
        method=candidate.method,
        rungs=candidate.rungs,
        training=(*([] if floats.recovery is None else [floats.recovery]), *candidate.training),
        left_to_calibration=tuple(candidate.left_to_calibration),
        ranges=candidate.ranges,
        candidate_names=dict(candidate.given_names),
    )
    scores = dict(floats.scores)
    if candidate.control is not None:
        scores["float32_finetuned"] = candidate.control
    # Not `floats` and `candidate`, which hold a large network's weights several times.
    final, fake_quant = floats.final if keras else None, candidate.conversion.model
    models = Models(
        Samples(floats.splits, floats.scoring, samples.reason),
        told,
        scores,
        converted,
        key,
        lambda: KerasModels(None if final is None else with_normalizations(final, normalizations), fake_quant),
    )
    keep(models, store=store)
    return models


def train_models(
    config: ExportConfig,
    folder: Path,
    *,
    samples: Samples | None = None,
    converts_large: bool = False,
    store: RunStore,
    progress: Progress,
) -> TrainedModels:
    """Read the model, swap, train and quantize. With several machines each of them does this.

    Args:
        config: what to do.
        folder: where trained models that the store does not keep are written at once.
        samples: where they are open already.
        converts_large: convert the baseline of a large network as soon as it is there.
        store: of results of earlier runs.
        progress: told of every step.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    if not config.may_train:  # training takes longer than the converter's process waits
        start_early()
    source = open_source(
        config.model, seed=config.seed, progress=progress, trust=config.trust, custom_objects=config.custom_objects
    )
    if not config.trust and not config.custom_objects:
        keep_facts(store, config.model, source.signature, takes_raw_pixels=source.takes_raw_pixels)
    names = given_names(source.graph)
    with errors_in_given_names(names):
        samples = samples or open_samples(config, source.facts, progress=progress)
        key = models_key(config, samples, store=store)
        opened = with_samples(config, source, samples=samples, store=store, progress=progress)
        del source  # the Keras model that was given goes with it: a large one has no room beside the others
        floats = float_models(config, opened, folder, store=store, progress=progress)
        baseline_file = None
        if converts_large and opened.source.weights_bytes > LARGE_BYTES:
            baseline_file = convert_baseline(opened.source, floats, folder, store=store, progress=progress)
        candidate = make_candidate(config, opened.source, floats, folder, store=store, progress=progress)
    return TrainedModels(samples, key, opened, floats, candidate, names, baseline_file)
