"""The int8 range of each activation, before and after training, beside the bounds of its function."""

from __future__ import annotations

from typing import Any

from edgeswap.frameworks import tfmot
from edgeswap.graph.layer_names import given_names
from edgeswap.quantization.fitted import Fitted
from edgeswap.records import ActivationRange


def activation_ranges(fitted: Fitted, fake_quant_model: Any) -> list[ActivationRange]:
    """Of each activation with a range of its own, in the order of the model.

    Args:
        fitted: placement, and the ranges before training.
        fake_quant_model: made of it, trained or not.
    """
    layers = fitted.placement.graph.layers
    names = given_names(fitted.placement.graph)
    found = []
    for wrapper in fake_quant_model.layers:
        name = names.get(wrapper.name, wrapper.name)
        if not isinstance(wrapper, tfmot.quantization.keras.QuantizeWrapperV2) or name not in fitted.ranges:
            continue
        activation = layers[name].activation
        if activation is None or activation.kind == "linear" or wrapper.quantize_config.output is None:
            continue
        ends = fitted.ranges[name]
        found.append(
            ActivationRange(
                layer=name,
                activation=str(activation),
                bounds=activation.bounds,
                before=(ends.low.value, ends.high.value),
                after=wrapper.quantize_config.output.range_now(wrapper),
                how=(ends.low.how, ends.high.how),
            )
        )
    return found
