"""What a `.tflite` takes and gives, and how wide its numbers are: enough to tell whether two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edgeswap.records import CandidatePrecision
from edgeswap.tflite.flatbuffer import Tensor, read, tensors, text

Precision = CandidatePrecision | Literal["float32"]
_INTEGERS = frozenset({"INT8", "UINT8", "INT4", "UINT4", "INT2"})


@dataclass(frozen=True)
class Interface:
    """The ends of a model.

    Attributes:
        inputs: name to shape without the batch, in order; the name is the signature's, or the tensor's without what
            the converter puts around it.
        outputs: shapes with the batch, in order.
        precision: int16x8 with an int16 tensor, int8 with any other of 8 bits or less, float16 with float16 weights.
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
    named = {
        int(entry.tensorIndex): text(entry.name)
        for signature in model.signatureDefs or ()
        if not signature.subgraphIndex
        for entry in signature.inputs or ()
    }
    return Interface(
        {named.get(int(index)) or _plain(known[index]): known[index].shape[1:] for index in graph.inputs},
        tuple(known[index].shape for index in graph.outputs),
        _precision({tensor.dtype for number in range(len(model.subgraphs)) for tensor in tensors(model, number)}),
    )


def _plain(tensor: Tensor) -> str:
    """As the device script names it."""
    return tensor.name.split(":", maxsplit=1)[0].replace("serving_default_", "", 1)


def _precision(dtypes: set[str]) -> Precision:
    if "INT16" in dtypes:
        return "int16x8"
    if dtypes & _INTEGERS:
        return "int8"
    return "float16" if "FLOAT16" in dtypes else "float32"
