"""A model as a task sees it: its inputs, and of each output the name, the shape and the head that ends it."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from edgeswap.errors import ModelError
from edgeswap.graph.ir import Graph, Ref

Head = Literal["softmax", "sigmoid", "linear"]

# They hand on the same values in another shape, so that a sigmoid in front of them is still the head.
SHAPE_ONLY = frozenset({"Reshape", "Flatten", "Permute"})


@dataclass(frozen=True)
class ModelOutput:
    """One output.

    Attributes:
        name: of the layer that gives it, as the user named it.
        shape: without the batch.
        head: `softmax` over the last axis, `sigmoid`, or `linear` for whatever else ends the model.
        also: other names by which labels and metrics may mean it: its key, where the model gives a dict, or the name
            in the `.tflite`.
    """

    name: str
    shape: tuple[int, ...]
    head: Head
    also: tuple[str, ...] = ()

    def named_in(self, names: Container[str]) -> str | None:
        """The name of `names` that means this output; None where none does."""
        return next((name for name in (self.name, *self.also) if name in names), None)


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Attributes:
        inputs: name to shape without the batch, in order.
        outputs: in order.
    """

    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[ModelOutput, ...]


def input_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Input name to its shape without the batch, in order."""
    return {ref.node: tuple(graph.layer_of(ref).config["batch_shape"][1:]) for ref in graph.inputs}


def model_outputs(graph: Graph, names: Sequence[str], keys: Sequence[str] = ()) -> tuple[ModelOutput, ...]:
    """The outputs of a canonical graph, in order.

    Args:
        graph: canonical, with shapes.
        names: of the layers that give the outputs in the model as it was given, where an activation is not yet a
            layer of its own. One that stands there twice gets a number.
        keys: of the outputs, where the model gives a dict of them.

    Raises:
        ModelError: an output has a free size besides the batch.
    """
    found: list[ModelOutput] = []
    for ref, given in zip(graph.outputs, names, strict=True):
        shape = (graph.shape(ref) or ())[1:]
        taken = [output.name for output in found]
        name = given if given not in taken else f"{given}_{len(found)}"
        sizes = tuple(size for size in shape if size is not None)
        if len(sizes) != len(shape):
            raise ModelError(
                f"Expected outputs of fixed size, got {shape} for {name!r}: an int8 model runs on one size.",
                "Build the model with the size that it will have on the device.",
            )
        found.append(ModelOutput(name, sizes, _head(graph, ref)))
    taken = [output.name for output in found]
    also = [(key,) if key not in taken else () for key in keys] or [()] * len(found)
    return tuple(replace(output, also=other) for output, other in zip(found, also, strict=True))


def _head(graph: Graph, ref: Ref) -> Head:
    last, moved = graph.shape(ref) or (), list[str]()
    while graph.layer_of(ref).class_name in SHAPE_ONLY:
        moved.append(graph.layer_of(ref).class_name)
        ref = graph.node(ref).refs()[0]
    layer = graph.layer_of(ref)
    if layer.class_name == "Softmax":
        shape = graph.shape(ref) or ()
        return "softmax" if softmax_over_last(layer.config.get("axis", -1), shape, last, moved) else "linear"
    activation = layer.activation
    return "sigmoid" if activation is not None and activation.kind == "sigmoid" else "linear"


def softmax_over_last(axis: Any, shape: Sequence[Any], last: Sequence[Any], moved: Sequence[str]) -> bool:
    """Whether a softmax is one over the last axis of the output.

    Args:
        axis: of the softmax; one along another axis says of no place which class it is.
        shape: of what it gives, with the batch.
        last: of the output, which layers that only change the shape make of that.
        moved: the classes of those layers. One that keeps the size of the last axis keeps its values together.
    """
    whole = [axis] if isinstance(axis, int) else list(axis)
    over_last = len(whole) == 1 and whole[0] in (-1, len(shape) - 1)
    return over_last and "Permute" not in moved and bool(shape) and bool(last) and shape[-1] == last[-1]


def named_classes(model: Signature) -> int | None:
    """How many names of classes fit to a model: as many as its one output has scores, and two for one score.

    None for several outputs, which have no such number.
    """
    if len(model.outputs) != 1 or not model.outputs[0].shape:
        return None
    return max(model.outputs[0].shape[-1], 2)


def trained_heads(model: Signature, *, decides: bool) -> tuple[Head, ...]:
    """The heads that training takes the loss of: where outputs decide on classes, a linear one gives logits.

    Args:
        model: what the outputs are.
        decides: whether outputs are scores of classes, for a sample or for each place of a map.
    """
    return tuple(deciding_head(output.head, output.shape[-1]) if decides else output.head for output in model.outputs)


def deciding_head(head: Head, scores: int) -> Head:
    """The head of an output of so many scores for each sample or place: a linear one gives logits."""
    return head if head != "linear" else "softmax" if scores > 1 else "sigmoid"
