"""The fake-quant model against the int8 `.tflite` made of it: does int8 do what training saw?

Whether they agree is counted on what the device script says of the test samples. Where they part is found with the
interpreter itself, tensor by tensor on a few samples: a diagnosis, from which no figure of accuracy or time is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.data.dataset import evenly_spaced
from edgeswap.errors import VerificationError
from edgeswap.evaluation.device_scores import fidelity_record
from edgeswap.evaluation.inner_tensors import InnerTensor, describe, values
from edgeswap.evaluation.int8_grid import MOST_LAYERS, values_on_grid, weights_on_grid
from edgeswap.evaluation.predictions import asked
from edgeswap.frameworks import tf_keras, tfmot
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.quantizers import unrounded_outputs
from edgeswap.records import Caution, GridShares, LayerOnGrid, Parity
from edgeswap.system.memory import give_back
from edgeswap.system.room import LARGE_BYTES
from edgeswap.targets.raw_outputs import RawOutput
from edgeswap.tasks.fidelity import Fidelity
from edgeswap.tflite.full_integer import layer_in

Read = Callable[[npt.NDArray[np.int64]], Sequence[npt.NDArray[np.float32]]]
Floats = npt.NDArray[np.float32]

BATCH_SIZE = 64
SAMPLES = 200  # 99 % of them alike are 96.4 to 99.7 % (95 % interval): models that part by a fault are far below
DIAGNOSED = 8  # samples on which the layers are compared: each layer has thousands of values in one
FEW_DIAGNOSED = 2  # of a large network: all layers' outputs of 8 samples are 0.5 GB of VGG16
SCALE_TOLERANCE = 1e-4  # the converter computes scales in another order of operations
LARGE_INT8_BYTES = LARGE_BYTES // 4
_SILENT = Silent()


def parity(
    fake_quant_model: Any,
    tflite_model: bytes,
    *,
    read: Read,
    outputs: Sequence[RawOutput],
    names: Sequence[str],
    by_class: bool,
    progress: Progress = _SILENT,
) -> tuple[Parity, Caution | None]:
    """How far int8 does what the fake-quant model does, on `SAMPLES` of the samples, evenly spaced.

    Of a classifier also the classes are compared. A sample whose highest output the fake-quant model gives to several
    classes is a tie: which of them comes first is decided by the last bit, so it is counted apart. Such ties are
    common, as outputs have 256 values.

    Layers are compared by the signal-to-noise ratio 10 log10(sum of v^2 / sum of (v - w)^2) in dB, v the fake-quant
    model's output and w that of int8; it holds what earlier layers passed on. Compared is each layer whose tensor in
    the `.tflite` can be told by shape, scale and zero point, and by its name where several have the same.

    Args:
        fake_quant_model: from `quantize`, trained or not.
        tflite_model: what became of it, full-integer.
        read: positions in `outputs` to one float32 array (n, ...) for each model input, as an app would see them.
        outputs: what the int8 model gave, from `measure`.
        names: of the outputs.
        by_class: whether the one output decides the class of a sample; one (N, C) gives the class of its highest value.
        progress: told of every batch.

    Returns:
        How far; and a caution where the interpreter failed or crashed, so that no layers could be compared.
    """
    agreed = ties = 0
    compared_rows = evenly_spaced(len(outputs[0].array), SAMPLES)
    count = len(compared_rows)
    caution = None
    near: list[Fidelity] = []
    compared = (
        by_class and len(outputs) == 1 and len(outputs[0].array.shape[1:]) == 1 and outputs[0].array.shape[1:][0] > 1
    )
    ask = asked(fake_quant_model)
    with progress.step("Compare with fake-quant", count) as step:
        for start in range(0, count, BATCH_SIZE):
            rows = compared_rows[start : start + BATCH_SIZE]
            wanted = ask(read(rows))
            given = [output.real(rows) for output in outputs]
            both = zip(wanted, given, outputs, strict=True)
            parts = [Fidelity.of(first, second, output.step) for first, second, output in both]
            near = [one + other for one, other in zip(near, parts, strict=True)] if near else parts
            if compared:
                alone = np.count_nonzero(wanted[0] == wanted[0].max(axis=1, keepdims=True), axis=1) == 1
                ties += int(np.count_nonzero(~alone))
                agreed += int(np.count_nonzero(alone & (wanted[0].argmax(axis=1) == given[0].argmax(axis=1))))
            step.advance(len(rows))
        large = len(tflite_model) > LARGE_INT8_BYTES
        some = read(evenly_spaced(len(outputs[0].array), FEW_DIAGNOSED if large else DIAGNOSED))
        if large:
            give_back()  # what the batches left: weights are rounded once more for what follows
        try:
            ratios = layer_snr_db(fake_quant_model, tflite_model, some)
        except VerificationError as error:
            ratios = {}
            what = "The layers of fake-quant and int8 were not compared."
            caution = Caution(kind="layers_not_compared", problem=f"{what} {error.problem}", remedy=error.remedy)
    if large:
        give_back()
    by_ratio = {
        name: ratios[name] if np.isfinite(ratios[name]) else None for name in sorted(ratios, key=lambda n: ratios[n])
    }
    worst = next(iter(by_ratio), None)
    decided = count - ties
    found = Parity(
        samples=count,
        agreement=agreed / decided if compared and decided else None,
        ties=ties,
        layers=len(ratios),
        worst_layer=worst,
        worst_layer_snr_db=None if worst is None else by_ratio[worst],
        layer_snr_db=by_ratio,
        on_grid=layers_on_grid(fake_quant_model, dict(list(by_ratio.items())[:MOST_LAYERS]), some),
        outputs=[fidelity_record(name, one, compared_rows) for name, one in zip(names, near, strict=True)],
    )
    return found, caution


def layer_snr_db(fake_quant_model: Any, tflite_model: bytes, samples: Sequence[Floats]) -> dict[str, float]:
    """Signal-to-noise ratio in dB by layer name, in the order of the model; infinite where both are equal.

    Args:
        fake_quant_model: see `parity`.
        tflite_model: see `parity`.
        samples: one float32 array (n, ...) for each model input.

    Raises:
        VerificationError: the interpreter failed, crashed or hung.
    """
    wrapped = {
        layer.name: layer
        for layer in fake_quant_model.layers
        if isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2)
        and layer.quantize_config.output is not None
        and len(layer.inbound_nodes) == 1
    }
    pairs = _matched(wrapped, describe(tflite_model)) if wrapped else {}
    if not pairs:
        return {}
    inputs = dict(zip(fake_quant_model.input_names, samples, strict=True))
    expected = tf_keras.Model(fake_quant_model.inputs, {name: wrapped[name].output for name in pairs})
    given = _call(expected, samples)
    ratios = {}
    # Of one layer after the other: in float64 those of VGG16 have no room beside each other.
    for name, found in zip(pairs, values(tflite_model, inputs, list(pairs.values())), strict=True):
        wanted = np.asarray(given.pop(name), np.float64)
        ratios[name] = _decibels(float(np.square(wanted).sum()), float(np.square(wanted - found).sum()))
    return ratios


def layers_on_grid(
    fake_quant_model: Any, ratios: Mapping[str, float | None], samples: Sequence[Floats]
) -> list[LayerOnGrid]:
    """How the values of some layers lie on the int8 grid before they are rounded, and the weights that make them.

    Args:
        fake_quant_model: see `parity`.
        ratios: name of each layer, which has a range, to its signal-to-noise ratio.
        samples: one float32 array (n, ...) for each model input.
    """
    if not ratios:
        return []
    wrapped = {name: fake_quant_model.get_layer(name) for name in ratios}
    tapped = tf_keras.Model(fake_quant_model.inputs, {name: layer.output for name, layer in wrapped.items()})
    with unrounded_outputs(fake_quant_model):
        values = _call(tapped, samples)
    found = []
    for name, layer in wrapped.items():
        weights_layer, weights = _weights_on_grid(fake_quant_model, layer)
        low, high = layer.quantize_config.output.range_now(layer)
        found.append(
            LayerOnGrid(
                layer=name,
                snr_db=ratios[name],
                weights_layer=weights_layer,
                weights=weights,
                values=values_on_grid(np.asarray(values[name]), low, high),
            )
        )
    return found


def _weights_on_grid(fake_quant_model: Any, layer: Any) -> tuple[str | None, GridShares | None]:
    """Of the layer itself, else of that before it whose output has no range but the one of `layer`."""
    wrapper = tfmot.quantization.keras.QuantizeWrapperV2
    while not (isinstance(layer, wrapper) and layer._weight_vars):
        before = layer.inbound_nodes[0].inbound_layers  # one layer, or a list of several or none
        if isinstance(before, list):
            return None, None
        layer = fake_quant_model.get_layer(before.name)  # `before` may be the layer that is wrapped in it
        if isinstance(layer, wrapper) and layer.quantize_config.output is not None:
            return None, None
    weight, quantizer, _ = layer._weight_vars[0]
    return layer.name, weights_on_grid(weight.numpy(), quantizer.channel_axes)


def _call(model: Any, arrays: Sequence[Floats]) -> Any:
    return model(list(arrays) if len(arrays) > 1 else arrays[0], training=False)


def _matched(wrapped: Mapping[str, Any], tensors: Sequence[InnerTensor]) -> dict[str, InnerTensor]:
    """The int8 tensor of each layer that has one of its own."""
    fitting = {name: [tensor for tensor in tensors if _fits(layer, tensor)] for name, layer in wrapped.items()}
    found: dict[str, InnerTensor] = {}
    for name, candidates in fitting.items():
        indices = {tensor.index for tensor in candidates}
        rivals = [other for other, those in fitting.items() if indices & {tensor.index for tensor in those}]
        named = candidates
        if len(rivals) > 1 or len(candidates) > 1:
            named = [tensor for tensor in candidates if layer_in([tensor.name], rivals) == name]
        if len(named) == 1:
            found[name] = named[0]
    return found


def _fits(layer: Any, tensor: InnerTensor) -> bool:
    if tensor.dtype != "int8" or tensor.shape[1:] != tuple(layer.output.shape[1:]) or len(tensor.scales) != 1:
        return False
    low, high = layer.quantize_config.output.range_now(layer)
    step = (high - low) / 255
    close = abs(tensor.scales[0] - step) <= SCALE_TOLERANCE * step
    return bool(close and abs(tensor.zero_points[0] - (-128 - low / step)) <= 0.51)


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")
