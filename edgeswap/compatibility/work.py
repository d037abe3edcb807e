"""How much an operator has to do, in the kinds that instructions were measured for: before conversion and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeswap.graph.ir import Graph, Layer, Node
from edgeswap.tflite.flatbuffer import operator_name, tensors
from edgeswap.tflite.operator import Operation

# Whose kernels are told apart by their weights. What they do is counted in multiply-accumulates, of all else in values.
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
# They read more than they write.
BY_INPUT = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "AVERAGE_POOL_2D", "MAX_POOL_2D"})
# They do nothing, or nothing that grows with the data.
FREE = frozenset({"RESHAPE", "EXPAND_DIMS", "SQUEEZE", "SHAPE"})
FEW_CHANNELS = 8  # below, the rows of a matrix multiplication are too short to fill a vector


@dataclass(frozen=True)
class Work:
    """One operator.

    Attributes:
        kind: the operator's name, with what tells its kernels apart, such as `CONV_2D 1x1`.
        amount: multiply-accumulates, or values that are read or written.
    """

    kind: str
    amount: int


def of_graph(graph: Graph, calls: Iterable[tuple[Node, Operation]]) -> list[Work] | None:
    """Of operators that a canonical graph is expected to become; None where a size is free or weights are not there.

    Args:
        graph: whose layers have their weights.
        calls: each operator with the node that it comes from, shapes with a batch of 1.
    """
    found = []
    for node, operation in calls:
        if operation.name in FREE:
            continue
        if not operation.outputs or not operation.inputs:
            return None
        weights = _weights(graph.layers[node.layer], operation.name)
        if weights is None and operation.name in WEIGHTED:
            return None
        if operation.is_of_rows:
            found.append(_of_rows(operation.inputs))
            continue
        found.append(_work(operation.name, operation.inputs, operation.outputs, weights))
    return found


def of_file(model: Any) -> list[Work]:
    """Of every operator of a `ModelT`, as `flatbuffer.read` gives it, but for what only turns float32 ends."""
    found = []
    for number, subgraph in enumerate(model.subgraphs):
        known = tensors(model, number)
        for operator in subgraph.operators:
            name = operator_name(model.operatorCodes[operator.opcodeIndex])
            if name in FREE:
                continue
            reads, writes = (
                [known[int(index)].shape for index in side if int(index) >= 0]
                for side in (operator.inputs, operator.outputs)
            )
            if Operation(name, outputs=tuple(map(tuple, writes))).is_of_rows:
                found.append(_of_rows(reads))
                continue
            weights = None
            if name in WEIGHTED:
                weights = reads[1] if name != "DEPTHWISE_CONV_2D" else (*reads[1][1:3], 1, reads[1][3])
                reads = reads[2:3] if name == "TRANSPOSE_CONV" else reads[:1]
                if name in ("CONV_2D", "TRANSPOSE_CONV"):
                    weights = (*weights[1:3], weights[3], weights[0])
                elif name == "FULLY_CONNECTED":
                    weights = (1, 1, weights[1], weights[0])
            found.append(_work(name, reads, writes, weights))
    return found


def _of_rows(inputs: Sequence[Sequence[int]]) -> Work:
    return Work("BATCH_MATMUL of rows", math.prod(inputs[0]))


def _weights(layer: Layer, operator: str) -> tuple[int, ...] | None:
    """Shape (height, width, channels in, channels out) of what the operator multiplies by; a depthwise one has 1 in."""
    if operator not in WEIGHTED or not layer.weights:
        return None
    shape = layer.weights[0].shape
    if layer.class_name.startswith("Separable") and operator == "CONV_2D":
        shape = layer.weights[1].shape
    if operator == "DEPTHWISE_CONV_2D":
        if layer.class_name == "BatchNormalization":
            return (1, 1, 1, shape[0])
        height, width = (1, shape[0]) if len(shape) == 3 else shape[:2]
        return (height, width, 1, math.prod(shape[-2:]))
    if operator == "TRANSPOSE_CONV":
        shape = (*shape[:-2], shape[-1], shape[-2])  # Keras has the channels that come out first
    return (*(1,) * (4 - len(shape)), *shape)


def _work(
    name: str, inputs: Sequence[Sequence[int]], outputs: Sequence[Sequence[int]], weights: Sequence[int] | None
) -> Work:
    written = sum(math.prod(shape) for shape in outputs)
    if weights is not None:
        height, width, channels, _ = weights
        size = f"{height}x{width}"
        if name == "FULLY_CONNECTED":
            return Work(name, written * channels)
        if name == "DEPTHWISE_CONV_2D":
            places = math.prod(outputs[0][:-1])  # a separable layer gives other channels than its depthwise part
            return Work(f"{name} 3x3" if size == "3x3" else name, places * weights[3] * height * width)
        if name == "TRANSPOSE_CONV":
            return Work(name, math.prod(inputs[0]) * height * width * weights[3])
        kind = "1x1" if size == "1x1" else "of few channels" if channels < FEW_CHANNELS else ""
        return Work(f"{name} {kind}".strip(), written * height * width * channels)
    return Work(name, sum(math.prod(shape) for shape in inputs[:1]) if name in BY_INPUT else written)
