"""A graph in plain float32, whatever mixed precision its model was trained in."""

from __future__ import annotations

from dataclasses import replace

from edgeswap.graph.ir import Graph


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
