"""A graph in plain float32, whatever mixed precision its model was trained in."""

from __future__ import annotations

from dataclasses import replace

from edgeswap.graph.ir import Graph
from edgeswap.records import Caution


def in_float32(graph: Graph) -> Graph:
    """The same graph with dtype policies such as `mixed_float16` replaced by float32; its weights are float32 anyway.

    Quantization starts from float32: half-precision activations would be float islands of their own. Layers with an
    integer dtype, such as inputs of indices, keep it.
    """
    return graph.with_layers(
        {
            name: replace(layer, config={**layer.config, "dtype": "float32"})
            for name, layer in graph.layers.items()
            if "float" in str(layer.config.get("dtype", ""))
        }
    )


def half_precision(graph: Graph) -> Caution | None:
    """The warning that a model of mixed or half precision is computed in float32 here; None for others.

    Args:
        graph: as it was read, before `in_float32`.
    """
    policies = sorted({str(layer.config.get("dtype", "")) for layer in graph.layers.values()})
    halves = [policy for policy in policies if "float16" in policy]
    if not halves:
        return None
    return Caution(
        kind="computed_in_float32",
        problem=f"The model computes in {' and '.join(halves)}, and edgeswap computes it in float32: the figures of "
        "float32 can differ a little from those of its training.",
        remedy="Compare int8 with the float32 figures of this report.",
    )
