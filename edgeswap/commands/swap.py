"""The swap for people who train on in their own code: a model or its file in, the same of its own framework out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.activations.catalog import parse
from edgeswap.commands.source import takes_raw_pixels
from edgeswap.config.model import SwapConfig
from edgeswap.data.calibration import choose
from edgeswap.data.load import load
from edgeswap.data.preprocess_choice import preprocess_for
from edgeswap.data.resizing import Resize
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.swap_effects import SwapResult, effects
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import framework_of, read
from edgeswap.graph.same_function import sample_inputs, verify
from edgeswap.graph.swap import parse_rule
from edgeswap.graph.swap import swap as swap_graph
from edgeswap.model.custom_objects import CustomObjects
from edgeswap.model.load import load_model
from edgeswap.system.output import staged_file
from edgeswap.tasks.outputs import input_shapes

MOST_SAMPLES = 256


def swap_activations(
    model: Any,
    activation: str | None = None,
    *,
    swap: str | Sequence[str] = (),
    data: Any = None,
    preprocess: str | None = None,
    resize: Resize = "pillow",
    trust: bool = False,
    custom_objects: CustomObjects = (),
) -> SwapResult:
    """A copy of `model` with other activations; the original stays as it is.

    What was read is first compared with the model, on `data` or on random samples; a model with inputs of a free size
    is compared on `data` alone.

    Args:
        model: a built functional or sequential model of Keras 3 or tf_keras, or the path of one.
        activation: what every hidden activation becomes, such as `hard_swish`.
        swap: `PATTERN=TO` by kind or layer name; the last that fits wins.
        data: samples for `SwapResult.effects`: an array as the model takes it, float (N, ...), or a list of one for
            each input; or anything that `edgeswap.data.load.load` takes, of which up to 256 samples are used.
        preprocess: what maps the latter to model inputs.
        resize: how image files get the model's size.
        trust: let code inside a model file run.
        custom_objects: the user's own layers, for a model file.

    Raises:
        ModelError: the model cannot be read as a graph, or is not what was read.
        DataError: `data` cannot be read or do not fit the model.
        ConfigError: an activation that the catalog does not hold, or a rule that fits nothing.
    """
    rules = [parse_rule(text) for text in ([swap] if isinstance(swap, str) else swap)]
    if isinstance(model, (str, Path)):
        model = load_model(model, trust=trust, custom_objects=custom_objects)
    graph = canonicalize(read(model))
    framework = framework_of(model)
    arrays = None if data is None else _samples(data, graph, preprocess, resize)
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
        result = swap_activations(
            config.model,
            config.activation,
            swap=config.swap,
            data=config.data,
            preprocess=config.preprocess,
            resize=config.resize,
            trust=config.trust,
            custom_objects=config.custom_objects,
        )
        result.model.save(staging)
    return result


def _samples(data: Any, graph: Graph, preprocess: str | None, resize: Resize) -> list[npt.NDArray[Any]]:
    """The samples as the model takes them, one array for each input."""
    shapes = input_shapes(graph)
    if preprocess is None and isinstance(data, (list, tuple)) and len(data) == len(shapes):
        return [np.asarray(array) for array in data]
    if preprocess is None and isinstance(data, np.ndarray):
        return [data]
    dataset = load(data, input_shapes=shapes, resize=resize)
    named = preprocess if isinstance(data, (str, Path)) else preprocess or "none"
    mapping = preprocess_for(dataset, named, takes_raw_pixels=takes_raw_pixels(graph))
    return model_inputs(dataset, mapping, choose(len(dataset), dataset.classes, MOST_SAMPLES, seed=0), as_app=False)
