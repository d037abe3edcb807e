"""Attentions with a mask, of which int8 keeps little."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeswap.compatibility.findings import FACT, Finding
from edgeswap.graph.ir import Graph

LAYERS = ("MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention")
MASKS = ("attention_mask", "query_mask", "value_mask", "key_mask", "mask")
WHY = (
    "Scores that a mask leaves out are -1e9 in Keras, so a step of the int8 scores is 4 million and nothing of the "
    "others is left: small models had an SNR of 4 to 5 dB, by TFLiteConverter too."
)
INSTEAD = "Attend to all positions, or to fewer of them by slices; else keep this model in float."


def masked_attentions(graph: Graph) -> Iterator[Finding]:
    """What is to be said of each attention that is given a mask, or makes a causal one.

    A mask that is an array in the call, and no tensor of the model, blocks: fake-quant models cannot keep it.
    """
    for node in graph.nodes:
        if graph.layers[node.layer].class_name not in LAYERS:
            continue
        masks = [node.kwargs.get(name) for name in MASKS]
        constant = any(isinstance(mask, (np.ndarray, list)) for mask in masks)
        if constant:
            yield Finding(
                severity="blocks",
                what="constant attention mask",
                why=f"A mask that is written into the call is lost when fake-quants are inserted. {WHY}",
                instead=INSTEAD,
                basis=FACT,
                layers=[node.layer],
            )
        elif node.kwargs.get("use_causal_mask") or any(mask is not None for mask in masks):
            yield Finding(
                severity="costs", what="masked attention", why=WHY, instead=INSTEAD, basis=FACT, layers=[node.layer]
            )
