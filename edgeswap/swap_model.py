"""The swap for people who train on in their own code: a model or its file in, the same of its own framework out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeswap.activations.catalog import parse
from edgeswap.config import SwapConfig
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import framework_of, read
from edgeswap.load import load_model
from edgeswap.output import staged_file
from edgeswap.records import SkippedActivation, SwappedActivation
from edgeswap.swap import parse_rule
from edgeswap.swap import swap as swap_graph


@dataclass(frozen=True, eq=False)
class SwapResult:
    """What came out of a swap.

    Attributes:
        model: of the framework it was given in, not compiled; weights, names and flags as before.
        swapped: each activation that was replaced.
        skipped: each that stays although a swap was asked for, with the reason.
        renamed: layers of nested models whose name was taken: new name to old.
    """

    model: Any
    swapped: tuple[SwappedActivation, ...]
    skipped: tuple[SkippedActivation, ...]
    renamed: dict[str, str]


def swap_activations(model: Any, activation: str | None = None, *, swap: Sequence[str] = ()) -> SwapResult:
    """A copy of `model` with other activations; the original stays as it is.

    Args:
        model: a built functional or sequential model of Keras 3 or tf_keras.
        activation: what every hidden activation becomes, such as `hard_swish`.
        swap: `PATTERN=TO` by kind or layer name; the last that fits wins.

    Raises:
        ModelError: the model cannot be read as a graph.
        ConfigError: an activation that the catalog does not hold, or a rule that fits nothing.
    """
    graph = canonicalize(read(model))
    rules = [parse_rule(text) for text in swap]
    done = swap_graph(graph, None if activation is None else parse(activation), rules)
    return SwapResult(
        build(done.graph, framework_of(model)),
        tuple(done.activations.swapped),
        tuple(done.activations.skipped),
        dict(done.graph.renamed),
    )


def swap_file(config: SwapConfig) -> SwapResult:
    """`swap_activations` from file to file: writes `config.output`, which appears whole or not at all.

    Raises:
        EdgeswapError: as `load_model`, `swap_activations` and `staged_file`.
    """
    with staged_file(config.output, overwrite=config.overwrite) as staging:
        model = load_model(config.model, trust=config.trust, custom_objects=config.custom_objects)
        result = swap_activations(model, config.activation, swap=config.swap)
        result.model.save(staging)
    return result
