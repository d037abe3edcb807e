"""Why a layer costs much in int8, by rules on its ranges, and what helps. Pure functions; the thresholds stand here.

A value that fills n of the 255 steps evenly has a standard deviation of n steps / sqrt(12), its rounding one of
1 / sqrt(12): 20 log10(n) dB. Each bit that a range wastes costs 6 dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeswap.quantization.feature_steps import FEWEST_STEPS
from edgeswap.quantization.specification import STEPS
from edgeswap.quantization.unequal_concat import CONCAT_RATIO
from edgeswap.records import Cause, CauseKind, RangeUse, Spread

# A layer that alone leaves 35 dB at the output costs little: twenty of such layers together, their errors independent,
# leave 35 - 10 log10(20) = 22 dB, about what whole int8 networks in benchmarks/README.md leave.
COSTLY_DB = 35.0
# The largest channel takes three of the eight bits from the median one, to which 32 steps (30 dB) are left.
OUTLIER_RATIO = 8.0
# An outlier channel is large as a whole. Where a few values alone are, its size, in root mean square, is like others'.
OUTLIER_RMS_RATIO = 3.0
# Normal values reach 1.5 times as far as their central 99.9 % (of a million), Laplace's 2 times: 4 is beyond both, and
# costs two bits.
VALUES_RATIO = 4.0
UNUSED_RATIO = 4.0  # two bits, too, are spent on what no sample reaches, or what the next activation tells not apart
# Where values saturate by five steps, that error is ten times the largest of rounding.
CLIPPED_SHARE = 0.02

Floats = npt.NDArray[np.float64]
MOST_NAMED = 3


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of a layer.

    Attributes:
        layer: its name.
        snr_db: of the worst output with this layer in int8 alone; None where nothing differs.
        weights_db: with its weights alone; None where that was not asked.
        output_db: with its output alone.
        is_input: whether it is an input of the model.
        is_dense: whether it is a dense layer.
        activation: name of the activation that ends it, if that has no upper bound and is no output of the model.
        fixed: whether its range is that of a bound and not of samples.
        use: of its range; None without one.
        widths: range of each channel of the output, zero included.
        rms: size of each channel, up to a common factor.
        weights: of its weights, if they have one scale for all units.
        concat: name and range of each input, where it is a concat.
        clipped: how far values reach beyond an end that calibration set, as a share of the range.
        needed: width beyond which the activations that alone read it are flat; None where that is not so.
    """

    layer: str
    snr_db: float | None
    weights_db: float | None = None
    output_db: float | None = None
    is_input: bool = False
    is_dense: bool = False
    activation: str | None = None
    fixed: bool = False
    use: RangeUse | None = None
    widths: Floats | None = None
    rms: Floats | None = None
    weights: Spread | None = None
    concat: Sequence[tuple[str, float]] = ()
    clipped: float = 0.0
    needed: float | None = None


def is_costly(snr_db: float | None) -> bool:
    """Whether a layer that alone leaves this much is worth a look."""
    return snr_db is not None and snr_db < COSTLY_DB


def cause(evidence: Evidence) -> Cause | None:
    """The likeliest cause of what a layer costs; None where it costs little or no rule applies.

    Of weights and output the one that costs more by itself is looked at first.
    """
    if not is_costly(evidence.snr_db):
        return None
    by_weights, by_output = _of_weights(evidence), _of_output(evidence)
    first, second = evidence.weights_db, evidence.output_db
    if first is not None and second is not None and second < first:
        return by_output or (by_weights if is_costly(first) else None)
    return by_weights or (by_output if second is None or is_costly(second) else None)


def _of_weights(evidence: Evidence) -> Cause | None:
    weights = evidence.weights
    if weights is None or weights.largest_ratio is None or weights.largest_ratio < OUTLIER_RATIO:
        return None
    return _cause(
        "per_tensor_weights",
        f"All channels of {evidence.layer!r} share one weight scale, but the weights of channel {weights.worst[0]} "
        f"reach {weights.largest_ratio:.0f} times as far as those of the median channel.",
        f"Export with --{'dense' if evidence.is_dense else 'weight'}-scales per-channel, if the target's runtime has "
        "one scale a channel. If it has not, export with --method auto, which makes channels alike.",
    )


def _of_output(evidence: Evidence) -> Cause | None:
    use = evidence.use
    if use is None or evidence.widths is None or evidence.rms is None:
        return None
    return (
        _unequal_concat(evidence)
        or (_unequal_features(evidence) if evidence.is_input else _outlier_channel(evidence))
        or _unused(evidence, use)
        or _narrow(evidence, use)
        or _flat(evidence, use)
        or _outlier_values(evidence, use)
    )


def _unequal_concat(evidence: Evidence) -> Cause | None:
    inputs = [(width, name) for name, width in evidence.concat if width > 0]
    if len(inputs) < 2:
        return None
    (small, least), (large, most) = min(inputs), max(inputs)
    if large < CONCAT_RATIO * small:
        return None
    return _cause(
        "unequal_concat_inputs",
        f"{evidence.layer!r} gives one scale to inputs of unequal size: {most!r} spans {large:.3g} and {least!r} "
        f"{small:.3g}, so {least!r} keeps {STEPS * small / large:.0f} of {STEPS} steps.",
        f"Let only convolutions and dense layers read {evidence.layer!r}, so that edgeswap parts it. Or put a "
        f"BatchNormalization behind {most!r} and {least!r} in the model and fine-tune it.",
    )


def _unequal_features(evidence: Evidence) -> Cause | None:
    assert evidence.widths is not None
    if evidence.fixed or len(evidence.widths) < 2 or not evidence.widths.max() > 0:
        return None
    steps = STEPS * evidence.widths / evidence.widths.max()
    coarse = np.flatnonzero((steps > 0) & (steps < FEWEST_STEPS))
    assert evidence.rms is not None
    # Rare values alone make a feature's range large, but not its size.
    if not len(coarse) or evidence.rms.max() < OUTLIER_RMS_RATIO * np.median(evidence.rms[coarse]):
        return None
    named = ", ".join(f"feature {index} keeps {steps[index]:.2g}" for index in coarse[:MOST_NAMED])
    return _cause(
        "unequal_features",
        f"Input {evidence.layer!r} has one scale for features of unequal size. Of its {STEPS} steps {named}.",
        "Begin the model with a Normalization layer as the only reader of this input, which edgeswap then moves into "
        "the app, or scale the features alike before the model.",
    )


def _outlier_channel(evidence: Evidence) -> Cause | None:
    widths, rms = evidence.widths, evidence.rms
    assert widths is not None
    assert rms is not None
    alive, worst = widths[widths > 0], int(widths.argmax())
    if len(alive) < 3:
        return None
    ratio = float(widths[worst] / np.median(alive))
    if ratio < OUTLIER_RATIO or rms[worst] < OUTLIER_RMS_RATIO * np.median(rms[widths > 0]):
        return None
    return _cause(
        "outlier_channel",
        f"Channel {worst} of {evidence.layer!r} spans {widths[worst]:.3g}, {ratio:.0f} times as much as the median "
        f"channel, which keeps {STEPS / ratio:.0f} of {STEPS} steps.",
        "Export with --method auto, which makes channels alike where ReLU, LeakyReLU or nothing is behind them, and "
        f"else trains.{_bounded(evidence)}",
    )


def _unused(evidence: Evidence, use: RangeUse) -> Cause | None:
    seen = use.observed_high - use.observed_low
    if not evidence.fixed or not seen > 0 or use.high - use.low < UNUSED_RATIO * seen:
        return None
    problem = (
        f"The range of {evidence.layer!r} is {use.low:.3g} to {use.high:.3g}, but its values only reach from "
        f"{use.observed_low:.3g} to {use.observed_high:.3g}."
    )
    remedy = "Export with --ranges observed."
    if evidence.is_input:
        remedy = "Check that --preprocess is what the model was trained with and that the samples use the whole range."
    return _cause("unused_range", problem, remedy)


def _narrow(evidence: Evidence, use: RangeUse) -> Cause | None:
    if evidence.clipped < CLIPPED_SHARE:
        return None
    return _cause(
        "narrow_range",
        f"Values of {evidence.layer!r} reach from {use.observed_low:.3g} to {use.observed_high:.3g}, but calibration "
        f"saw only {use.low:.3g} to {use.high:.3g}: what lies beyond saturates.",
        "Calibrate on more samples, or on samples that edgeswap calibrate chooses by their ranges.",
    )


def _flat(evidence: Evidence, use: RangeUse) -> Cause | None:
    width = use.high - use.low
    if evidence.needed is None or not evidence.needed > 0 or width < UNUSED_RATIO * evidence.needed:
        return None
    return _cause(
        "flat_region",
        f"The range of {evidence.layer!r} is {width:.3g} wide, but the activation behind it is flat outside of "
        f"{evidence.needed:.3g}.",
        "In the model, let that activation alone read the layer: then edgeswap narrows its range. Or export with "
        "--method auto, which trains where a search of ranges does not do.",
    )


def _outlier_values(evidence: Evidence, use: RangeUse) -> Cause | None:
    width = use.high - use.low
    if not use.central_width > 0 or width < VALUES_RATIO * use.central_width:
        return None
    problem = (
        f"99.9 % of the values of {evidence.layer!r} lie within a width of {use.central_width:.3g}, but its range is "
        f"{width:.3g} wide for the few that lie outside: {100 * use.wasted:.0f} % of the steps are for them."
    )
    remedy = (
        "Export with --method auto, which searches where the range does least harm. See that the calibration samples "
        f"hold no broken ones.{_bounded(evidence)}"
    )
    if evidence.is_input:
        remedy = "Remove broken samples from the calibration data, or clip this input before the model."
    return _cause("outlier_values", problem, remedy)


def _bounded(evidence: Evidence) -> str:
    """The swap that bounds a layer; empty where it ends in no activation, or in one that has a bound."""
    name = evidence.activation
    return f" Or bound the values: --swap '{name}=relu6', which retrains the float model." if name else ""


def _cause(kind: CauseKind, problem: str, remedy: str) -> Cause:
    return Cause(kind=kind, problem=problem, remedy=remedy)
