"""The lowest and highest value of each tensor whose range is not prescribed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ModelError
from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.autograph import translated
from edgeswap.graph.batch import MOST_AT_ONCE, batches, samples_at_once
from edgeswap.graph.build import build
from edgeswap.graph.layer_names import built_name
from edgeswap.progress import Progress, Silent
from edgeswap.quantization.placement import Placement

_SILENT = Silent()
Floats = npt.NDArray[np.float32]


def calibrate(
    placement: Placement,
    samples: Sequence[npt.NDArray[np.float32]],
    *,
    batch_size: int | None = None,
    progress: Progress = _SILENT,
) -> dict[str, tuple[float, float]]:
    """Run the float model over representative samples and note the extremes, as the converter's calibration does.

    Done here rather than left to the converter so that PTQ is QAT without its training. It is also faster, in batches
    instead of sample by sample (MobileNetV2 at 128x128, 500 samples: 0.7 times the bare converter's time, against 0.8
    with fixed ranges only and the converter's calibration for the rest), and no less accurate (ResNet8 on 5,000
    CIFAR-10 images: float 78.5 %, this 78.5 %, the mixture 78.2 %, the bare converter 78.3 %).

    Args:
        placement: from `place`.
        samples: one array for each model input, shape (N, ...), float32, preprocessed.
        batch_size: how many samples run at once, which moves ranges by rounding at most; None for at most 50 and no
            more than memory is quick with.
        progress: told of every batch.

    Returns:
        Layer name to (lowest, highest) of its output over all samples and calls, zero included, for each output of the
        placement but those with a prescribed range.

    Raises:
        ModelError: a layer gives NaN or infinity for a sample.
    """
    names = [name for name, output in placement.outputs.items() if not output.fixed or name not in placement.prescribed]
    if not names:
        return {}
    model = build(placement.graph, tf_keras)
    taps = {name: _outputs(model.get_layer(built_name(name))) for name in names}
    tapped = tf_keras.Model(model.inputs, taps)

    def both(*batch: Any) -> Any:
        values = tapped(list(batch), training=False)
        lows = [tf.reduce_min([tf.reduce_min(value) for value in values[name]]) for name in names]
        highs = [tf.reduce_max([tf.reduce_max(value) for value in values[name]]) for name in names]
        return tf.stack([lows, highs])

    extremes = tf.function(translated(both, model), reduce_retracing=True)
    total = len(samples[0])
    batch_size = batch_size or samples_at_once(model, MOST_AT_ONCE)
    seen = np.zeros((2, len(names)), np.float32)
    with progress.step("Calibrate", total) as step:
        for count, batch in batches(samples, batch_size):
            low, high = extremes(*map(tf.constant, batch)).numpy()
            _require_finite(names, low, high)
            seen = np.stack([np.minimum(seen[0], low), np.maximum(seen[1], high)])
            step.advance(count)
    return {name: (float(low), float(high)) for name, low, high in zip(names, *seen, strict=True)}


def sample_extremes(placement: Placement) -> Callable[[Sequence[npt.NDArray[np.float32]]], tuple[Floats, Floats]]:
    """A function of samples, one array (n, ...) for each input, to the extremes of each observed tensor in each sample.

    It gives the lowest and the highest values, float32 (n, ranges) each, zero included, and raises a ModelError where a
    layer gives NaN or infinity. Tensors of a prescribed range are left out.

    Args:
        placement: from `place`.
    """
    names = [name for name, output in placement.outputs.items() if not output.fixed or name not in placement.prescribed]
    model = build(placement.graph, tf_keras)
    tapped = tf_keras.Model(model.inputs, {name: _outputs(model.get_layer(built_name(name))) for name in names})

    def each(reduce: Any, values: Any) -> Any:
        return reduce(tf.stack([reduce(tf.reshape(one, (tf.shape(one)[0], -1)), axis=1) for one in values]), axis=0)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def traced(*batch: Any) -> Any:
        values = tapped(list(batch), training=False)
        lows = [tf.minimum(each(tf.reduce_min, values[name]), 0.0) for name in names]
        highs = [tf.maximum(each(tf.reduce_max, values[name]), 0.0) for name in names]
        return tf.stack(lows, axis=1), tf.stack(highs, axis=1)

    def extremes(samples: Sequence[npt.NDArray[np.float32]]) -> tuple[Floats, Floats]:
        low, high = (ends.numpy() for ends in traced(*map(tf.constant, samples)))
        _require_finite(names, low.min(axis=0), high.max(axis=0))
        return low, high

    return extremes


def _require_finite(names: Sequence[str], low: npt.NDArray[np.float32], high: npt.NDArray[np.float32]) -> None:
    """Minimum and maximum of values with a NaN among them are NaN."""
    broken = [name for name, *ends in zip(names, low, high, strict=True) if not np.isfinite(ends).all()]
    if broken:
        raise ModelError(
            f"Expected finite values from every layer on the calibration samples, got NaN or infinity from "
            f"{broken[0]!r}.",
            "Check its weights and its arithmetic, and that the samples are preprocessed as in training.",
        )


def _outputs(layer: Any) -> list[Any]:
    return [layer.get_output_at(index) for index in range(len(layer.inbound_nodes))]
