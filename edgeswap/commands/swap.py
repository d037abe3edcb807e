"""The swap for people who train on in their own code: a model or its file in, the same of its own framework out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.activations.catalog import parse
from edgeswap.commands.source import input_shapes, takes_raw_pixels
from edgeswap.config.export import SwapConfig
from edgeswap.data.calibration import choose
from edgeswap.data.load import load
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.evaluation.predictions import model_inputs
from edgeswap.evaluation.swap_effects import SwapResult, effects
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import framework_of, read
from edgeswap.graph.swap import parse_rule
from edgeswap.graph.swap import swap as swap_graph
from edgeswap.graph.verify import sample_inputs, verify
from edgeswap.model.load import load_model
from edgeswap.system.output import staged_file

MOST_SAMPLES = 256


def swap_activations(
    model: Any,
    activation: str | None = None,
    *,
    swap: Sequence[str] = (),
    data: Sequence[npt.NDArray[Any]] | npt.NDArray[Any] | None = None,
) -> SwapResult:
    """A copy of `model` with other activations; the original stays as it is.

    What was read is first compared with the model, on `data` or on random samples; a model with inputs of a free size
    is compared on `data` alone.

    Args:
        model: a built functional or sequential model of Keras 3 or tf_keras.
        activation: what every hidden activation becomes, such as `hard_swish`.
        swap: `PATTERN=TO` by kind or layer name; the last that fits wins.
        data: samples as the model takes them, float (N, ...), one array for each input; for `SwapResult.effects`.

    Raises:
        ModelError: the model cannot be read as a graph, or is not what was read.
        ConfigError: an activation that the catalog does not hold, or a rule that fits nothing.
    """
    graph = canonicalize(read(model))
    rules = [parse_rule(text) for text in swap]
    framework = framework_of(model)
    arrays = None if data is None else data if isinstance(data, (list, tuple)) else [np.asarray(data)]
    samples = sample_inputs(graph) if arrays is None else arrays
    if samples is not None:
        verify(model, build(graph, framework), graph, samples)
    done = swap_graph(graph, None if activation is None else parse(activation), rules)
    swapped = tuple(done.activations.swapped)
    return SwapResult(
        build(done.graph, framework),
        swapped,
        tuple(done.activations.skipped),
        dict(done.graph.renamed),
        None if arrays is None else effects(graph, done.graph, [entry.layer for entry in swapped], arrays),
    )


def swap_file(config: SwapConfig) -> SwapResult:
    """`swap_activations` from file to file: writes `config.output`, which appears whole or not at all.

    Raises:
        EdgeswapError: as `load_model`, `swap_activations` and `staged_file`.
    """
    with staged_file(config.output, overwrite=config.overwrite) as staging:
        model = load_model(config.model, trust=config.trust, custom_objects=config.custom_objects)
        samples = None if config.data is None else _samples(config, canonicalize(read(model)))
        result = swap_activations(model, config.activation, swap=config.swap, data=samples)
        result.model.save(staging)
    return result


def _samples(config: SwapConfig, graph: Graph) -> list[Any]:
    data = load(config.data, input_shapes=input_shapes(graph), resize=config.resize)
    preprocess = preprocess_for(data, config.preprocess, takes_raw_pixels=takes_raw_pixels(graph))
    return model_inputs(data, preprocess, choose(len(data), data.labels, MOST_SAMPLES, seed=0), as_app=False)
