"""How the int8 model was quantized, in words: ranges, normalized inputs, dense scales, parity with fake-quant."""

from __future__ import annotations

from collections.abc import Sequence

from edgeswap.records import ExportReport
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers


def ranges(report: ExportReport) -> str:
    """How the endpoints of the activations' int8 ranges were chosen; empty where the converter chose them."""
    found = report.ranges
    if found is None:
        return ""
    ways = {
        "at the activation's bound": found.fixed,
        "tightened by calibration": found.narrowed,
        "set by calibration": found.observed,
        "where the next activation is flat": found.saturated,
        "where the error behind is least": found.searched,
        "learned by QAT": found.learned,
    }
    total = numbers.plural(sum(ways.values()), "range endpoint")
    return f"{total}: {', '.join(f'{count} {way}' for way, count in ways.items() if count)}"


def ends_of(found: tuple[float | None, float | None]) -> str:
    """Both ends of a range or of a function: `0 to 6`; `none` where there is no end."""
    low, high = ("none" if end is None else metrics.value(end, "none") for end in found)
    return f"{low} to {high}"


def listed(values: Sequence[float]) -> str:
    """The numbers of a sample, with three digits."""
    return ", ".join(metrics.value(value, "none") for value in values)


def ends(report: ExportReport) -> str:
    """What the model takes and gives, where that is not int8; else empty."""
    io = report.int8.io
    if report.precision != "int8" or io in (None, "int8"):
        return ""
    last = "QUANTIZE" if io == "uint8" else "DEQUANTIZE"
    return f"{io} in and out (--io): a QUANTIZE at each input and a {last} at each output. All between them is int8."


def normalized(report: ExportReport) -> str:
    """Which inputs the app normalizes; empty where there are none."""
    names = ", ".join(report.normalized_by_app)
    return names and (
        f"The app normalizes {names}, feature by feature, as the model's own layer did. Both .tflite files (and a "
        "saved QAT model) take normalized values, which the code in the bundle computes. One int8 scale then fits all "
        "features."
    )


def weights(report: ExportReport) -> str:
    """That weights have one scale a tensor, where the user asked for it; else empty."""
    if report.weight_scales == "per-channel":
        return ""
    return (
        "Convolutions have per-tensor weight scales, as --weight-scales says. A channel of small weights shares the "
        "scale of the largest weight in its tensor."
    )


def dense(report: ExportReport) -> str:
    """Which scales the weights of dense layers have, and why; empty where there are no such weights."""
    scales = report.int8.dense_scales
    if scales is None:
        return ""
    where = "the Edge TPU" if scales == "per tensor" else "the first target"
    why = {
        "user": ", as --dense-scales says",
        "weights": ", as --weight-scales says",
        "target": f", chosen for {where}",
        None: "",
    }[report.dense_scales_by]
    if scales == "per channel":
        told = f"Dense layers have per-channel weight scales, one for each unit{why}."
        if report.targets and all(target.int8.micro is not None for target in report.targets):
            return told  # no such runtime is on a microcontroller
        return (
            f"{told} TFLite 2.9 and older compute wrong results from them: for such a runtime pass --dense-scales "
            "per-tensor."
        )
    return (
        f"Dense layers have per-tensor weight scales{why}. Per-channel scales are more exact, but TFLite 2.9 and "
        "older, and perhaps the Edge TPU compiler, compute wrong results from them."
    )


def parity(report: ExportReport) -> str:
    """The fake-quant model against int8; empty where there is none."""
    found = report.parity
    if found is None:
        return ""
    samples = numbers.plural(found.samples, "sample")
    text = f"On all of {samples} the fake-quant model has a tie, so classes cannot be compared."
    if not found.ties and found.outputs:
        near = "; ".join(metrics.fidelity(output) for output in found.outputs)
        text = f"Signal-to-noise ratio of {report.precision} against its fake-quant model: {near}."
    if found.agreement is not None:
        ties = f" ({numbers.plural(found.ties, 'tie')} left out)" if found.ties else ""
        same = f"the same class on {numbers.percent(found.agreement)} of {samples}{ties}"
        text = f"{report.precision} and its fake-quant model give {same}."
    if found.worst_layer is None:
        return text
    layers = numbers.plural(found.layers, "compared layer")
    if found.worst_layer_snr_db is None:
        return f"{text} Of {layers}, none differs."
    ratio_db = f"signal-to-noise ratio {found.worst_layer_snr_db:.1f}{numbers.NBSP}dB"
    return f"{text} Of {layers}, {found.worst_layer} differs most ({ratio_db})."
