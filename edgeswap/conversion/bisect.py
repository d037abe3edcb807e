"""Which layer of a model brings a failure about: binary search over its calls in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edgeswap.frameworks import tf_keras


def bisect(model: Any, fails: Callable[[Any], bool | None]) -> tuple[Any, ...]:
    """The layer with which a model begins to fail.

    A prefix of the model ends after one of its calls; what its last calls leave open are its outputs. Of a prefix that
    works and one that fails, one call longer, that call brings the failure about. It need not be to blame by itself:
    it may fail only behind what stands before it.

    Args:
        model: a functional tf_keras model that fails.
        fails: whether a model does; None where that cannot be told, which ends the search. It is asked about
            log2(calls) + 1 times, at most of half the model first.

    Returns:
        The layer alone; where the search ended early the layers among which it is, in the order of their calls; none
        where a model without any of them fails too, or the whole of it does not when asked again.
    """
    calls = _calls(model)
    works, broken = 0, len(calls)
    while broken - works > 1:
        middle = (works + broken) // 2
        answer = fails(_prefix(model, calls[:middle]))
        if answer is None:
            return _layers(calls[works:broken])
        works, broken = (works, middle) if answer else (middle, broken)
    # The two ends of the search were taken for granted.
    if broken == len(calls) and fails(_prefix(model, calls)) is False:
        return ()
    if works == 0 and fails(_empty(model)):
        return ()
    return _layers(calls[works:broken])


def _calls(model: Any) -> list[Any]:
    """Every call of a layer, each behind those it reads."""
    by_depth = model._nodes_by_depth  # Keras keeps the order that it runs them in here alone
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [node for node in nodes if not node.is_input]


def _prefix(model: Any, calls: Sequence[Any]) -> Any:
    """The model up to these calls, with the inputs that they read, in their order."""
    read_here = {id(tensor) for call in calls for tensor in call.keras_inputs}
    read_at_all = {id(tensor) for call in _calls(model) for tensor in call.keras_inputs}
    leaving = {id(tensor) for tensor in model.outputs}
    outputs = {
        id(tensor): tensor
        for call in calls
        for tensor in _outputs(call)
        if id(tensor) in leaving or (id(tensor) in read_at_all and id(tensor) not in read_here)
    }
    inputs = [tensor for tensor in model.inputs if id(tensor) in read_here]
    return tf_keras.Model(inputs, list(outputs.values()), name=model.name)


def _outputs(call: Any) -> list[Any]:
    outputs = call.outputs
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _empty(model: Any) -> Any:
    """A model of the same inputs that does next to nothing."""
    inputs = [
        tf_keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in zip(model.input_names, model.inputs, strict=True)
    ]
    # The converter fails on a lone reshape in int16x8, so that a dense layer follows it.
    layers = tf_keras.layers
    return tf_keras.Model(inputs, [layers.Dense(1)(layers.Flatten()(tensor)) for tensor in inputs], name=model.name)


def _layers(calls: Sequence[Any]) -> tuple[Any, ...]:
    """The layers of these calls; of a wrapper that only adds fake-quant the layer inside."""
    layers = [getattr(call.layer, "layer", call.layer) for call in calls]
    return tuple({id(layer): layer for layer in layers}.values())
