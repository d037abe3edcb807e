"""The model to export: from a file, from Python, or the built-in digits example, trained within the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeswap.commands.samples import ModelFacts
from edgeswap.compatibility.operator_table import EMBED_IN_THE_APP, TOKENS
from edgeswap.data.load import load
from edgeswap.data.splits import Splits
from edgeswap.errors import ModelError
from edgeswap.graph.build import with_weights_of
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.fingerprint import fingerprint
from edgeswap.graph.finite import require_finite
from edgeswap.graph.ir import Graph, Layer
from edgeswap.graph.precision import half_precision, in_float32
from edgeswap.graph.read import output_keys, read
from edgeswap.model.custom_objects import CustomObjects, with_twins
from edgeswap.model.file_digest import sha256
from edgeswap.model.load import load_model
from edgeswap.model.zoo import digits
from edgeswap.progress import Progress
from edgeswap.records import Caution, ModelSource
from edgeswap.store.forms import ARRAYS
from edgeswap.store.keys import trained_example
from edgeswap.store.run_store import NO_STORE, RunStore
from edgeswap.tasks.outputs import Signature, input_shapes, model_outputs, named_classes
from edgeswap.training import digits_recipe as recipe


@dataclass(frozen=True, eq=False)
class Source:
    """The model as it was given.

    Attributes:
        graph: canonical.
        record: for the report.
        signature: what it takes and gives.
        takes_raw_pixels: whether it begins with a Rescaling or Normalization of its own.
        given: the Keras model itself, until `opened.verified` has compared it with the graph.
        untrained: the Keras model behind the graph, where it is the example, which `train_example` is to train.
        cautions: what a reader must know of it.
    """

    graph: Graph
    record: ModelSource
    signature: Signature
    takes_raw_pixels: bool
    given: Any | None = None
    untrained: Any | None = None
    cautions: tuple[Caution, ...] = ()

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Input name to its shape without the batch, in order."""
        return dict(self.signature.inputs)

    @property
    def facts(self) -> ModelFacts:
        """What its samples are opened by."""
        return ModelFacts(self.signature, self.takes_raw_pixels)

    @property
    def weights_bytes(self) -> int:
        """Size of all weights."""
        return sum(array.nbytes for layer in self.graph.layers.values() for array in layer.weights)


def open_source(
    model: Any, *, seed: int, progress: Progress, trust: bool = False, custom_objects: CustomObjects = ()
) -> Source:
    """The source that `model` stands for.

    Args:
        model: a path, a Keras 3 or tf_keras model, or None for the digits example, not trained yet.
        seed: of the example's first weights.
        progress: told of the reading.
        trust: let the file's own code run, see `load_model`.
        custom_objects: the user's own layers, see `load_model`; those of a Keras 3 model also as tf_keras classes.

    Raises:
        ModelError: the model cannot be read, has inputs or outputs of free size, or weights that are no numbers.
    """
    if model is None:
        opened, where = digits.build("swish", seed=seed), "digits"
    elif isinstance(model, (str, Path)):
        with progress.step("Read the model"):
            opened, where = load_model(model, trust=trust, custom_objects=custom_objects), str(model)
    else:
        opened, where = model, "a model object"
    given = read(opened)
    canonical = canonicalize(given)
    graph = _any_batch(with_twins(in_float32(canonical), custom_objects))
    _check_inputs(graph)
    signature = Signature(
        input_shapes(graph), model_outputs(graph, [ref.node for ref in given.outputs], output_keys(opened))
    )
    require_finite(graph)
    digest = sha256(Path(where)) if isinstance(model, (str, Path)) else fingerprint(graph)
    record = ModelSource(name=graph.name, source=where, sha256=digest)
    halved = half_precision(canonical)
    return Source(
        graph,
        record,
        signature,
        takes_raw_pixels(graph),
        opened,
        opened if model is None else None,
        () if halved is None else (halved,),
    )


def train_example(source: Source, *, seed: int, store: RunStore = NO_STORE, progress: Progress) -> Source:
    """The digits example trained on the digits; a source that is no example as it is."""
    if source.untrained is None:
        return source
    data = load("digits", input_shapes=source.input_shapes, classes=named_classes(source.signature))
    key = store.key(trained_example(start=source.graph, train=data, seed=seed))
    if (weights := store.find(key, ARRAYS)) is not None:
        source.untrained.set_weights(weights)
        trained = source.untrained
    else:
        trained = recipe.train(source.untrained, data, seed=seed, progress=progress)
        store.keep(key, ARRAYS, trained.get_weights())
    graph = with_weights_of(source.graph, trained)
    record = source.record.model_copy(update={"sha256": fingerprint(graph)})
    return replace(source, graph=graph, record=record, untrained=None)


def _check_inputs(graph: Graph) -> None:
    for ref in graph.inputs:
        config = graph.layer_of(ref).config
        shape = tuple(config["batch_shape"][1:])
        if None in shape:
            raise ModelError(
                f"Expected inputs of fixed size, got {shape} for {ref.node!r}: an int8 model runs on one size.",
                "Build the model with the size that it will have on the device.",
            )
        if config["dtype"] != "float32":
            readers = {graph.layers[node.layer].class_name for node in graph.consumers()[ref.node]}
            raise ModelError(
                f"Expected float32 inputs, got {config['dtype']} for {ref.node!r}.",
                f"{TOKENS} {EMBED_IN_THE_APP}"
                if "Embedding" in readers
                else "Build the model with float32 inputs; pixels are mapped to them by --preprocess.",
            )


def input_ranges(source: Source, splits: Splits) -> dict[str, tuple[float, float] | None]:
    """Input name to the range of its int8; None where calibration sets it."""
    quantization = splits.preprocess.quantization
    bounds = None if quantization is None else quantization.range
    pixels = splits.pixel_inputs or source.input_shapes
    return {name: bounds if name in pixels else None for name in source.input_shapes}


def _any_batch(graph: Graph) -> Graph:
    """A model built for one batch size takes any: it is tested and trained in batches."""
    inputs = [graph.layer_of(ref) for ref in graph.inputs]
    return graph.with_layers({layer.name: _with_batch(layer) for layer in inputs})


def _with_batch(layer: Layer) -> Layer:
    return replace(layer, config={**layer.config, "batch_shape": (None, *layer.config["batch_shape"][1:])})


def takes_raw_pixels(graph: Graph) -> bool:
    """Whether every input goes into a Rescaling or Normalization and nowhere else."""
    readers = graph.consumers()
    first = [graph.layers[node.layer].class_name for ref in graph.inputs for node in readers[ref.node]]
    return bool(first) and all(name in ("Rescaling", "Normalization") for name in first)
