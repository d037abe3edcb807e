"""A float network in every format that a tool takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.compare.hard import CHANGES
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read


def write_formats(model: Any, change: str | None, folder: Path) -> dict[str, Any]:
    """Write the files; their paths by name, and whether the network ends with a softmax.

    The path of tf_keras is None where it has no layer of its own for one of the network's, such as hard-swish.

    Args:
        model: Keras 3 or tf_keras.
        change: of `CHANGES`, of its graph before anything is written; None for none.
        folder: for `float.keras`, `float.h5` (tf_keras) and `float.tflite`.
    """
    graph = canonicalize(read(model))
    if change is not None:
        graph = CHANGES[change](graph)
    paths = {name: str((folder / file).absolute()) for name, file in FILES.items()}
    as_given = change is None and isinstance(model, keras.Model)
    in_keras = model if as_given else build(graph, keras)
    in_keras.save(paths["keras"])
    twin = build(graph, tf_keras)
    plain = all(layer.__module__.startswith("tf_keras.") for layer in twin.layers)
    if plain:
        twin.save(paths["tf_keras"])
    # Of one sample a time: a free batch leaves SHAPE and RESHAPE, which litert-quantizer keeps in float.
    of_one = build(graph, keras, batch_size=1)
    Path(paths["tflite"]).write_bytes(tf.lite.TFLiteConverter.from_keras_model(of_one).convert())
    softmax = graph.layers[graph.outputs[0].node].config.get("activation") == "softmax"
    return {**paths, "tf_keras": paths["tf_keras"] if plain else None, "softmax": softmax}


FILES = {"keras": "float.keras", "tf_keras": "float.h5", "tflite": "float.tflite"}
