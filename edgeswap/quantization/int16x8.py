"""What TFLite has no 16-bit kernel for, so that nobody trains towards a conversion that cannot be."""

from __future__ import annotations

from collections.abc import Mapping

from edgeswap.errors import ModelError
from edgeswap.graph.ir import Graph

# By kind, with what stands nearest to it in 16 bits. Seen with TensorFlow 2.21, which refuses ELU, PRELU and HARD_SWISH
# ("Quantization to 16x8-bit not yet supported"); every other kind of the catalog it converted, and the runtime ran it.
NOT_IN_16_BITS: Mapping[str, str] = {
    "hard_swish": "swish",
    "elu": "leaky_relu",
    "selu": "swish",
    "clipped_elu": "relu6",
    "prelu": "leaky_relu",
}
_SHOWN = 3


def require_int16x8(graph: Graph) -> None:
    """Refuse a graph with an activation that the converter does not take in 16 bits.

    Args:
        graph: canonical, with its swaps.

    Raises:
        ModelError: it has one; the error names its kind and layers and what to choose.
    """
    found: dict[str, list[str]] = {}
    for name, layer in graph.layers.items():
        if layer.activation is not None:
            kind = layer.activation.simplified(layer.weights).kind
            if kind in NOT_IN_16_BITS:
                found.setdefault(kind, []).append(name)
    if not found:
        return
    told = "; ".join(f"{kind} in {_named(layers)}" for kind, layers in found.items())
    swaps = " ".join(f"--swap {kind}={NOT_IN_16_BITS[kind]}" for kind in found)
    raise ModelError(
        f"Expected activations that TFLite has in 16 bits for --precision int16x8, got {told}.",
        f"Swap them, as in {swaps}, or pass --precision int8, which has them all.",
    )


def _named(layers: list[str]) -> str:
    shown = ", ".join(map(repr, layers[:_SHOWN]))
    return f"{shown} and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else shown
