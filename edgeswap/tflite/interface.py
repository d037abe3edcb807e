"""What a `.tflite` takes and gives, and how wide its numbers are: enough to tell whether two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgeswap.records import Precision
from edgeswap.tflite.ends import ends
from edgeswap.tflite.flatbuffer import Tensor, read, tensors, text

_INTEGERS = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT2"})


@dataclass(frozen=True)
class Interface:
    """The ends of a model.

    Attributes:
        inputs: name to shape without the batch, in order; the name is the signature's, or the tensor's without what
            the converter puts around it.
        outputs: shapes with the batch, in order.
        precision: by what is computed with: int16x8 with int16 activations and none of int8, int8 with any other of 8
            bits or less (also where its ends are uint8), dynamic_range where only weights are, float16 with float16
            weights.
    """

    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[tuple[int, ...], ...]
    precision: Precision

    @property
    def classes(self) -> int | None:
        """How many a classifier with one output (1, classes) tells apart; None for another model."""
        shapes = self.outputs
        return shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 2 else None


def interface(data: bytes) -> Interface:
    """The ends of the `.tflite` that `data` holds.

    Raises:
        ModelError: it is no TFLite file that can be read.
    """
    model = read(data)
    known, graph = tensors(model), model.subgraphs[0]
    named = signature_names(model, "inputs")
    inputs: dict[str, tuple[int, ...]] = {}
    for number, index in enumerate(map(int, graph.inputs)):
        name = named.get(index) or _plain(known[index])
        inputs[f"{name}_{number}" if name in inputs else name] = known[index].shape[1:]
    return Interface(
        inputs,
        tuple(known[index].shape for index in graph.outputs),
        _precision(model),
    )


def inner_scales(data: bytes) -> dict[str, float]:
    """Name of each float32 output that comes from an int8 tensor to the scale of that; names as the signature has them.

    Raises:
        ModelError: it is no TFLite file that can be read.
    """
    model = read(data)
    known, named = tensors(model), signature_names(model, "outputs")
    return {
        named.get(index) or _plain(known[index]): known[inside].scales[0]
        for index, inside in ends(model).outputs.items()
        if known[index].dtype == "FLOAT32"
    }


def signature_names(model: Any, side: Literal["inputs", "outputs"]) -> dict[int, str]:
    """Tensor index to the name that the first subgraph's signature gives it; empty without a signature."""
    return {
        int(entry.tensorIndex): text(entry.name)
        for signature in model.signatureDefs or ()
        if not signature.subgraphIndex
        for entry in getattr(signature, side) or ()
    }


def _plain(tensor: Tensor) -> str:
    """As the device script names it."""
    return tensor.name.split(":", maxsplit=1)[0].replace("serving_default_", "", 1)


def _precision(model: Any) -> Precision:
    constants: set[str] = set()
    activations: set[str] = set()
    for number, subgraph in enumerate(model.subgraphs):
        for known, tensor in zip(tensors(model, number), subgraph.tensors, strict=True):
            data = model.buffers[tensor.buffer].data
            (activations if data is None or not len(data) else constants).add(known.dtype)
    if "INT16" in activations and "INT8" not in activations:  # an int8 LSTM has a cell of int16
        return "int16x8"
    if activations & _INTEGERS:
        return "int8"
    if constants & _INTEGERS:
        return "dynamic_range"
    return "float16" if "FLOAT16" in constants | activations else "float32"
