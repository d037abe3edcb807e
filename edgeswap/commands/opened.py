"""The model and its samples, held against each other: what cannot be done is told before anything is trained."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from edgeswap.bundle.make import label_lines
from edgeswap.commands.doubtful_ends import doubtful_ends
from edgeswap.commands.samples import Samples, open_samples
from edgeswap.commands.source import Source, input_ranges, train_example
from edgeswap.compatibility.backends import BACKENDS, Backend
from edgeswap.compatibility.require_int8 import require_int8
from edgeswap.compatibility.require_micro import MICRO, require_micro
from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import Splits
from edgeswap.evaluation.scoring import Scoring
from edgeswap.graph.build import build
from edgeswap.graph.feature_normalization import without_normalizations
from edgeswap.graph.ir import Graph
from edgeswap.graph.same_function import verify
from edgeswap.graph.swap import swap
from edgeswap.progress import Progress
from edgeswap.quantization.decompose import decompose
from edgeswap.quantization.feature_steps import coarse_features
from edgeswap.quantization.int16x8 import require_int16x8
from edgeswap.records import Caution
from edgeswap.store.run_store import NO_STORE, RunStore
from edgeswap.system.room import LARGE_BYTES, require_room
from edgeswap.targets.edgetpu.installed import EDGE_TPU


@dataclass(frozen=True, eq=False)
class Opened:
    """A model that has been shown to be the one that was given, and the samples of each role.

    Attributes:
        source: the model.
        splits: the samples, with labels as the task takes them.
        scoring: the task of the model, and the metrics.
        reason: why it is that task.
        cautions: what a reader must know of the two.
        baseline: tf_keras, the network of the source's graph, where it is built already.
    """

    source: Source
    splits: Splits
    scoring: Scoring
    reason: str
    cautions: tuple[Caution, ...]
    baseline: Any | None = None


def with_samples(
    config: ExportConfig,
    source: Source,
    *,
    samples: Samples | None = None,
    store: RunStore = NO_STORE,
    progress: Progress,
) -> Opened:
    """Open the samples for `source`, unless `samples` are those, and hold both against what is asked for.

    The built-in example is trained here, unless `store` has it from an earlier run.

    Raises:
        EdgeswapError: of the kind that says what cannot be done: a swap, a layer that int8 does not have, samples that
            do not fit, too little room, or a graph that is not the given model.
    """
    int8 = config.precision == "int8"
    lacking = require_room(source.weights_bytes)
    planned = planned_graph(config, source.graph)
    doubts = require_int8(planned, _fewest_operators(config)) if int8 else []
    if int8 and MICRO.name in config.target:
        require_micro(planned)
    if config.precision == "int16x8":
        require_int16x8(planned)
    opened = samples or open_samples(config, source.facts, progress=progress)
    splits, scoring, reason = opened.splits, opened.scoring, opened.reason
    label_lines(splits.test.class_names, scoring.task.classes(source.signature))
    source, baseline = verified(source, planned, splits.representative, decomposed=int8, progress=progress)
    read = source.graph
    source = train_example(source, seed=config.seed, store=store, progress=progress)
    coarse: list[Caution] = []
    if int8:
        source, splits = normalized_by_app(source, splits)
        ranged = zip(input_ranges(source, splits).items(), splits.representative, strict=True)
        coarse = coarse_features({name: array for (name, bounds), array in ranged if bounds is None})
    about_ends = doubtful_ends(config, splits.preprocess, source.input_shapes)
    cautions = (
        *([] if lacking is None else [lacking]), *source.cautions, *doubts, *splits.cautions, *coarse, *about_ends,
    )  # fmt: skip
    for caution in cautions:
        progress.warn(caution.problem, caution.remedy)
    return Opened(source, splits, scoring, reason, cautions, baseline if source.graph is read else None)


def _fewest_operators(config: ExportConfig) -> Backend:
    """That of the targets which runs the fewest operators: what it runs, the others do."""
    if MICRO.name in config.target:
        return MICRO
    return BACKENDS["coral" if config.delegate == EDGE_TPU else "host"]


def planned_graph(config: ExportConfig, graph: Graph) -> Graph:
    """The graph with the swaps that are asked for; itself where nothing is swapped."""
    swapped = swap(graph, config.hidden_activation, config.rules)
    return swapped.graph if swapped.activations.swapped else graph


def verified(
    source: Source, planned: Graph, samples: Sequence[npt.NDArray[Any]], *, decomposed: bool, progress: Progress
) -> tuple[Source, Any | None]:
    """The source without the Keras model it was read from, once a few samples have shown that both are the same.

    Also the network built of its graph, for later: not of a large one, which would be there beside its decomposed form.

    Args:
        source: with the model that was given.
        planned: its graph with the swaps that are asked for; the source's own where nothing is swapped.
        samples: preprocessed, one array (N, ...) for each input.
        decomposed: whether what is quantized, the decomposed form of `planned`, is to be compared too.
        progress: told of the step.

    Raises:
        ModelError: an output differs by more than rounding.
    """
    with progress.step("Compare with the given model"):
        built = build(source.graph)
        verify(source.given, built, source.graph, samples)
        if source.weights_bytes > LARGE_BYTES:
            built = None
        if decomposed:
            reference = source.given if planned is source.graph else build(planned)
            parts = decompose(planned)
            verify(reference, build(parts), parts, samples, done="decomposed")
            del reference
    gc.collect()  # Keras models refer to themselves, and of a large one there were three copies here
    if built is not None:
        built.reset_states()  # what recurrent layers remember of the samples
    return replace(source, given=None), built


def normalized_by_app(source: Source, splits: Splits) -> tuple[Source, Splits]:
    """Source and splits where the app normalizes the features of inputs whose own layer did so in the model.

    See `feature_normalization`. The same samples give the same outputs, as the preprocessing then does what the layer
    did. Inputs of pixels keep theirs: there int8 = pixel - 128 holds.
    """
    pixels = () if splits.preprocess.quantization is None else splits.pixel_inputs or tuple(source.input_shapes)
    graph, normalizations = without_normalizations(source.graph, pixels)
    if not normalizations:
        return source, splits
    preprocess = replace(splits.preprocess, normalizations=normalizations)
    representative = tuple(
        normalizations[name](array) if name in normalizations else array
        for name, array in zip(source.input_shapes, splits.representative, strict=True)
    )
    return replace(source, graph=graph), replace(splits, preprocess=preprocess, representative=representative)
