"""The model to export: from a file, from Python, or the built-in digits example, trained within the run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.data import load
from edgeswap.errors import ModelError
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.load import load_model, sha256
from edgeswap.progress import Progress
from edgeswap.records import ModelSource
from edgeswap.zoo import digits


@dataclass(frozen=True, eq=False)
class Source:
    """The model as it was given.

    Attributes:
        graph: canonical.
        record: for the report.
        classes: how many it tells apart: its one output is (N, classes).
        takes_raw_pixels: whether it begins with a Rescaling or Normalization of its own.
    """

    graph: Graph
    record: ModelSource
    classes: int
    takes_raw_pixels: bool

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Input name to its shape without the batch, in order."""
        return {ref.node: tuple(self.graph.layer_of(ref).config["batch_shape"][1:]) for ref in self.graph.inputs}


def open_source(model: Any, *, trust: bool, seed: int, progress: Progress) -> Source:
    """The source that `model` stands for.

    Args:
        model: a path, a Keras 3 or tf_keras model, or None for the digits example, which is trained here.
        trust: let the file's own code run, see `load_model`.
        seed: of the example's training.
        progress: told of the example's training.

    Raises:
        ModelError: the model cannot be read, or is no classifier with one output (N, classes).
    """
    if model is None:
        opened, where = _digits(seed, progress), "digits"
    elif isinstance(model, (str, Path)):
        with progress.step("Read the model"):
            opened, where = load_model(model, trust=trust), str(model)
    else:
        opened, where = model, "a model object"
    graph = canonicalize(read(opened))
    digest = sha256(Path(where)) if isinstance(model, (str, Path)) and Path(where).is_file() else _weights_sha256(graph)
    record = ModelSource(name=graph.name, source=where, sha256=digest)
    return Source(graph, record, _classes(opened), _takes_raw_pixels(graph))


def _digits(seed: int, progress: Progress) -> Any:
    train = load("digits", input_shapes={"x": (8, 8, 1)}, classes=10)
    return digits.train(digits.build("swish", seed=seed), train, seed=seed, progress=progress)


def _classes(model: Any) -> int:
    shape = model.output_shape
    if len(model.outputs) != 1 or len(shape) != 2 or shape[1] is None:
        raise ModelError(
            f"Expected a classifier with one output of shape (batch, classes), got {shape}.",
            "Export the part of the model that classifies.",
        )
    return int(shape[1])


def _takes_raw_pixels(graph: Graph) -> bool:
    readers = graph.consumers()
    first = [graph.layers[node.layer].class_name for ref in graph.inputs for node in readers[ref.node]]
    return bool(first) and all(name in ("Rescaling", "Normalization") for name in first)


def _weights_sha256(graph: Graph) -> str:
    """Over each layer's name and the bytes of its weights, in order: what a model without a file is known by."""
    digest = hashlib.sha256()
    for layer in graph.layers.values():
        digest.update(layer.name.encode())
        for array in layer.weights:
            digest.update(array.tobytes())
    return digest.hexdigest()
