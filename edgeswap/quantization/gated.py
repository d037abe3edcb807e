"""A fake-quant model whose fake-quants can be switched one by one, without a new model or a new trace."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.layer_names import built_name
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.qat import insert
from edgeswap.quantization.quantizers import LayerQuantizers, OutputQuantizer, WeightQuantizer
from edgeswap.quantization.ranges import Ends

Gate = tuple[Literal["weights", "output"], str]  # which fake-quants of which layer
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GatedModel:
    """A tf_keras model and its switches; from `gated`.

    Attributes:
        model: of the same inputs and outputs as the float model.
        gates: all of them, in the order of `switches`.
        switches: a bool variable (gates,): whether each fake-quant acts.
    """

    model: Any
    gates: tuple[Gate, ...]
    switches: Any

    def switch(self, on: Collection[Gate]) -> None:
        """Let these fake-quants act, and no others."""
        self.switches.assign([gate in on for gate in self.gates])

    def outputs_of(self, layer: str) -> list[Any]:
        """The symbolic outputs of a layer, one for each of its calls."""
        found = self.model.get_layer(built_name(layer))
        return [found.get_output_at(index) for index in range(len(found.inbound_nodes))]

    def runner(self, layers: Sequence[str] = ()) -> Any:
        """A function of input batches to the outputs and what `layers` give: traced once, whatever the switches.

        Returns:
            A function of one float32 array (n, ...) for each input that gives (outputs, values): an array for each
            output; and for each layer one for each of its calls.
        """
        taps = [self.outputs_of(name) for name in layers]
        ends = np.cumsum([len(self.model.outputs), *map(len, taps)])
        tapped = tf_keras.Model(self.model.inputs, [*self.model.outputs, *(one for calls in taps for one in calls)])
        signature = [tf.TensorSpec((None, *one.shape[1:]), tf.float32) for one in self.model.inputs]

        @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
        def traced(*batch: Any) -> Any:
            return tf.nest.flatten(tapped(list(batch), training=False))

        def run(batch: Sequence[Floats]) -> tuple[list[Floats], list[list[Floats]]]:
            found = [one.numpy() for one in traced(*map(tf.constant, batch))]
            return found[: ends[0]], [found[first:last] for first, last in itertools.pairwise(ends)]

        return run


def gated(placement: Placement, ranges: Mapping[str, Ends]) -> GatedModel:
    """The model of `placement` with a switch for the weights of each layer and one for each output range.

    With all on it is the model of `quantize`, with all off the float model: an activation keeps its ceiling, at which
    its range ends.

    Args:
        placement: from `place`.
        ranges: from `resolve`, for every output of the placement.

    Raises:
        ModelError: a layer with fake-quant is given a mask.
    """
    gates: tuple[Gate, ...] = (
        *(("weights", name) for name in placement.weights),
        *(("output", name) for name in placement.outputs),
    )
    switches = tf.Variable(np.zeros(len(gates), bool), trainable=False)
    number = {gate: index for index, gate in enumerate(gates)}
    layers = {}
    for name in {*placement.weights, *placement.outputs}:
        ends = ranges.get(name)
        output = None if ends is None else OutputQuantizer(ends.low, ends.high, least=ends.least)
        indices = (number.get(("weights", name), 0), number.get(("output", name), 0))
        layers[name] = _GatedQuantizers(LayerQuantizers(placement.weights.get(name, ()), output), switches, indices)
    return GatedModel(insert(placement.graph, layers), gates, switches)


class _Gated:
    """A quantizer that acts only while its switch is on."""

    def __init__(self, quantizer: OutputQuantizer | WeightQuantizer, switches: Any, index: int) -> None:
        self.quantizer, self.switches, self.index = quantizer, switches, index

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        built: dict[str, Any] = self.quantizer.build(tensor_shape, name, layer)
        return built

    def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
        return tf.cond(  # that is off it takes no time
            self.switches.read_value()[self.index],
            lambda: self.quantizer(inputs, training, weights, **kwargs),
            lambda: tf.identity(inputs),
        )


class _GatedQuantizers(LayerQuantizers):
    """The quantizers of a layer behind their switches: number of that of its weights, and of its output."""

    def __init__(self, own: LayerQuantizers, switches: Any, indices: tuple[int, int]) -> None:
        super().__init__(own.weights, own.output)
        self.switches, self.indices = switches, indices

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """As of `LayerQuantizers`."""
        found = super().get_weights_and_quantizers(layer)
        return [(weight, _Gated(quantizer, self.switches, self.indices[0])) for weight, quantizer in found]

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """As of `LayerQuantizers`."""
        return [_Gated(one, self.switches, self.indices[1]) for one in super().get_output_quantizers(layer)]
