"""A ReLU that in training leaves the clipping to the fake-quant behind it, which clips at the same places.

That saves a pass over the tensor and one over its gradient: of what fake-quant adds to a step of a network with ReLU6,
about a third. Values and gradients are the same to the bit, but for a value that is 0 to the bit: the ReLU passes no
gradient there, the fake-quant does. At rest the ReLU is there, for the converter fuses it.
"""

from __future__ import annotations

from typing import Any

from edgeswap.frameworks import tf_keras
from edgeswap.quantization.quantizers import OutputQuantizer


@tf_keras.saving.register_keras_serializable(package="edgeswap")
class RangeReLU(tf_keras.layers.ReLU):  # type: ignore[misc]
    """A `ReLU` that does nothing in training."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        """The inputs, float32 of any shape, as they are in training."""
        return inputs if training else super().call(inputs)


def left_to_range(layer: Any, output: OutputQuantizer | None) -> Any:
    """The tf_keras layer, or the `RangeReLU` in its place if it is a ReLU and its range begins and ends within it."""
    if type(layer) is not tf_keras.layers.ReLU or output is None or layer.negative_slope or layer.threshold:
        return layer
    low, high = output.low, output.high
    begins = low.how == "fixed" and low.value == 0.0
    most = high.value if high.how in ("fixed", "searched") else high.limit
    ends = high.how != "learned" and (layer.max_value is None or (most is not None and most <= layer.max_value))
    return RangeReLU.from_config(layer.get_config()) if begins and ends else layer
