"""Models that an earlier run made of the same file, samples and settings, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from edgeswap.commands.doubtful_ends import doubtful_ends
from edgeswap.commands.models import Converted, Models, Told
from edgeswap.commands.samples import ModelFacts, Samples, open_samples
from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import Splits
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.progress import Progress
from edgeswap.records import Caution
from edgeswap.store.keys import models_of_run
from edgeswap.store.known_model import find_facts, model_digest
from edgeswap.store.made_models import MODELS, MadeModels, can_be_kept
from edgeswap.store.run_store import Key, RunStore
from edgeswap.system.cluster import read_cluster
from edgeswap.system.user_function import named_function

# What changes neither the models nor what is said of them. A setting that is added later counts until it stands here.
ASIDE = frozenset({
    "api", "author", "cache", "cache_dir", "cache_size", "description", "hard_swish", "keep", "license", "max_arena",
    "max_latency_ms", "max_size", "output", "overwrite", "require_delegate", "target", "target_samples", "threads",
    "track",
})  # fmt: skip
# Told by what is read from them, or by what they come to.
TOLD_OTHERWISE = frozenset({
    "allow_chance", "calibration", "data", "delegate", "dense_scales", "labels", "max_drop", "model", "preprocess",
    "test_data",
})  # fmt: skip
FUNCTIONS = ("metric", "decode", "loss")


NEAR_CHANCE = "near_chance"
OF_THIS_MACHINE = "little_memory"


class Lookup(NamedTuple):
    """What the store says of a run.

    Attributes:
        models: those that it has; None where they are to be made.
        samples: opened on the way, so that they are not opened again; None where the model is not known.
    """

    models: Models | None
    samples: Samples | None


def look_up(config: ExportConfig, make: Callable[[], Models], *, store: RunStore, progress: Progress) -> Lookup:
    """What the store has for this run.

    Args:
        config: of the run.
        make: makes the models, should a later stage need a Keras model after all.
        store: of results of earlier runs.
        progress: told of the check of samples, and of the warnings that stand in the report.

    Raises:
        ConfigError: see `open_samples`.
        DataError: likewise.
    """
    facts = None if config.trust or config.custom_objects else find_facts(store, config.model)
    if facts is None:
        return Lookup(None, None)
    samples = open_samples(config, ModelFacts(*facts), progress=progress)
    key = models_key(config, samples, store=store)
    found = store.find(key, MODELS)
    told = None if found is None else Told.model_validate_json(found.told)
    if found is None or told is None or (_is_near_chance(told.cautions) and not _allows_chance(config)):
        return Lookup(None, samples)
    with progress.step("Make the models: stored"):
        for caution in told.cautions:
            progress.warn(caution.problem, caution.remedy)
    files = Converted(found.tflite["baseline"], found.tflite["candidate"], found.tflite.get("dynamic"))
    final = replace(samples, splits=_as_told(samples.splits, told))
    return Lookup(Models(final, told, found.scores, files, key, lambda: make().keras()), samples)


def keep(models: Models, *, store: RunStore) -> None:
    """Keep models that this run made, unless what is said of them holds for this machine alone."""
    if can_be_kept(models.scores) and not any(caution.kind == OF_THIS_MACHINE for caution in models.told.cautions):
        files = {"baseline": models.converted.baseline, "candidate": models.converted.candidate}
        if models.converted.dynamic is not None:
            files["dynamic"] = models.converted.dynamic
        store.keep(models.key, MODELS, MadeModels(models.told.model_dump_json(), models.scores, files))


def models_key(config: ExportConfig, samples: Samples, *, store: RunStore) -> Key | None:
    """The key of a run's models; None where the store cannot keep them.

    That is so for a Python object, and for a model with code of its own or one that is to be saved as a Keras model.

    Args:
        config: of the run.
        samples: as `open_samples` gave them.
        store: of the run.
    """
    digest = model_digest(config.model)
    if digest is None or config.trust or config.custom_objects or config.save_qat:
        return None
    splits = samples.splits
    settings = {name: getattr(config, name) for name in type(config).model_fields.keys() - ASIDE - TOLD_OTHERWISE}
    settings |= {name: _with_code(settings[name]) for name in FUNCTIONS}
    settings |= {
        "dense scales": config.dense_scales_or_default,
        "workers": len(read_cluster(os.environ).addresses) if config.strategy == "multiworker" else 1,
        "max drop": config.max_drop if config.method == "auto" else None,
        "ends": doubtful_ends(config, splits.preprocess, dict(samples.scoring.model.inputs)),
    }
    roles = {
        "train": splits.train,
        "validation": splits.validation,
        "held out": splits.held_out,
        "calibration": splits.calibration,
        "test": splits.test,
    }
    made_of = models_of_run(
        model=digest,
        named=str(config.model),
        settings=dict(sorted(settings.items())),
        data=roles,
        preprocess=splits.preprocess,
        representative=splits.representative,
    )
    return store.key(made_of, warns=False)


def class_order(before: Sequence[str] | None, after: Sequence[str] | None) -> tuple[int, ...] | None:
    """The number of each class in another order of the same names; None where they stay."""
    return None if before is None or after is None or before == after else tuple(before.index(name) for name in after)


def _as_told(splits: Splits, told: Told) -> Splits:
    """The samples with the classes in the model's order, and with the normalization that the app does."""
    names = splits.test.class_names
    if told.class_order is not None and names is not None:
        splits = splits.with_names([names[number] for number in told.class_order])
    normalizations = {
        name: FeatureNormalization(each.mean, each.deviation) for name, each in told.normalizations.items()
    }
    return replace(splits, preprocess=replace(splits.preprocess, normalizations=normalizations))


def _is_near_chance(cautions: Sequence[Caution]) -> bool:
    return any(caution.kind == NEAR_CHANCE for caution in cautions)


def _allows_chance(config: ExportConfig) -> bool:
    return config.allow_chance or config.max_drop is not None


def _with_code(value: Any) -> Any:
    """What the user named, and where that is a function as `module:function`, also the function itself."""
    if isinstance(value, tuple):
        return [_with_code(each) for each in value]
    return [value, named_function(value)[1]] if isinstance(value, str) and ":" in value else value
