"""Which tensor of a `.tflite` a Keras layer's output became, by its name: Netron and Model Explorer show these."""

from __future__ import annotations

from collections.abc import Sequence

from edgeswap.graph.layer_names import built_name
from edgeswap.tflite import flatbuffer
from edgeswap.tflite.full_integer import layer_in


def layer_tensors(data: bytes, layers: Sequence[str]) -> dict[str, str]:
    """Layer name to the name of the last tensor that an operator writes for it; layers without one are left out.

    Args:
        data: a `.tflite`.
        layers: names in the Keras model.

    Raises:
        ModelError: it is no `.tflite`, or a damaged one.
    """
    model = flatbuffer.read(data)
    tensors = flatbuffer.tensors(model)
    by_built = {built_name(layer): layer for layer in layers}
    found: dict[str, str] = {}
    for operator in model.subgraphs[0].operators:
        for index in flatbuffer.indices(operator.outputs):
            layer = layer_in([tensors[index].name], by_built)
            if layer is not None:
                found[layer] = tensors[index].name
    return found
