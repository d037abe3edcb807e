"""Where each int8 range ends: at its bound, at what was observed, or where training leaves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from edgeswap.errors import ModelError
from edgeswap.quantization.placement import Placement
from edgeswap.quantization.saturation import saturate
from edgeswap.quantization.specification import STEPS, Policy
from edgeswap.quantization.widths import NARROWEST, narrowest_ranges

How = Literal["fixed", "narrowed", "observed", "saturated", "searched", "learned"]
HOWS: tuple[How, ...] = get_args(How)

# Measured on ResNet8, its ReLU swapped and trained back on 8,000 images: top-1 on 5,000 CIFAR-10 images, one seed,
# `fixed` against `observed`. A bound far too wide, relu_n(max_value=24): 82.0 to 82.5 % by PTQ (float 82.4 %; the
# squared error of its logits is 2.6 times smaller), 85.0 to 84.9 % by one epoch of QAT (`learned` 84.8 %, control
# 85.0 %). relu6, where one end is narrowed: 81.7 to 81.6 % and 84.6 to 84.2 % (`learned` 84.3 %, control 84.4 %).
# clipped_elu: nothing is narrowed. So it mends PTQ of wide bounds; the rest is near chance, where one standard error of
# a difference is some 0.2 points, and so is what learning brings.
AUTO: Literal["observed"] = "observed"


@dataclass(frozen=True)
class End:
    """One end of a range.

    Attributes:
        value: where it is, before any training.
        how: `fixed` at its bound; `narrowed` to what was observed, which is inside of the bound; `observed`, having no
            bound; `saturated` where the activation that alone reads the tensor is flat; `searched` where it does least
            harm, see `search_ranges`; `learned` by gradient. In training all but `fixed` move.
        limit: the value that it never passes: a bound, or where what reads the tensor is flat; None without one.
    """

    value: float
    how: How = "fixed"
    limit: float | None = None


@dataclass(frozen=True)
class Ends:
    """The ends of one range: what int8 -128 and 127 stand for, but for the nudge that makes zero a whole step.

    `least` is the width that it keeps in training, see `narrowest_ranges`.
    """

    low: End
    high: End
    least: float = field(default=NARROWEST, compare=False)


def resolve(
    placement: Placement, observed: Mapping[str, tuple[float, float]], policy: Policy = "auto", *, trains: bool = True
) -> dict[str, Ends]:
    """Both ends of every output range of `placement`, each by itself.

    A range that a kernel prescribes (sigmoid, tanh, softmax) and the model's input, where preprocessing bounds it, are
    always fixed. An end without a bound is always observed or learned. An end with a bound is

    - `fixed`: at the bound;
    - `observed`: narrowed where what was observed is tighter by a step or more, else fixed;
    - `learned`: learned, from what was observed on, but never beyond the bound; without training as `observed`;
    - `auto`: as `observed`, for what was measured beside `AUTO`.

    A PACT's ceiling (arXiv:1805.06085) goes on being learned under every policy, without a limit. Whatever the policy,
    an end that is not fixed moves in to where the activation that alone reads the tensor is flat, see `saturate`, and
    is limited to that. Last, a range that is narrower than runtimes take, such as that of a tensor which was all zero,
    goes on above its upper end, bound or not.

    Args:
        placement: from `place`.
        observed: layer name to the lowest and highest value of its output on representative data, from `calibrate`. A
            bound of an output that was not observed stays where it is.
        policy: see above.
        trains: whether training follows; without it nothing is learned.

    Raises:
        ModelError: an end without a bound was not observed.
    """
    missing = [name for name, output in placement.outputs.items() if not output.fixed and name not in observed]
    if missing:
        raise ModelError(
            f"Expected an observed range for every output that has no fixed one, got none for {', '.join(missing)}.",
            "Calibrate on representative data first.",
        )
    chosen = AUTO if policy == "auto" else policy
    resolved = {name: _ends(placement, name, observed.get(name), chosen, trains) for name in placement.outputs}
    useful = saturate(placement, {name: (ends.low.value, ends.high.value) for name, ends in resolved.items()})
    moved = {
        name: Ends(_moved(ends.low, useful[name][0]), _moved(ends.high, useful[name][1]))
        for name, ends in resolved.items()
    }
    least = narrowest_ranges(placement, {name: ends.high.value - ends.low.value for name, ends in moved.items()})
    wide = {name: _wide_enough(ends, least[name]) for name, ends in moved.items()}
    for inner, outer in placement.tied.items():  # the outermost first
        wide[inner] = wide.get(outer, wide[inner])
    return wide


def counted(resolved: Mapping[str, Ends]) -> dict[How, int]:
    """How many ends of ranges came about in which way; two for each range."""
    counts = Counter(end.how for ends in resolved.values() for end in (ends.low, ends.high))
    return {how: counts[how] for how in HOWS}


def _ends(placement: Placement, name: str, seen: tuple[float, float] | None, policy: Policy, trains: bool) -> Ends:
    bounds = placement.outputs[name]
    low, high = (seen[0] if seen else 0.0), (seen[1] if seen else 0.0)
    # Clipped by its range alone, a function was observed with its clip; others round past their bound.
    low = low if bounds.low is None else bounds.low if seen is None else max(low, bounds.low)
    high = high if bounds.high is None else bounds.high if seen is None else min(high, bounds.high)
    if name in placement.prescribed:
        policy, trains = "fixed", False
    step = (high - low) / STEPS
    ends = Ends(_end(low, bounds.low, policy, trains, step), _end(high, bounds.high, policy, trains, step))
    if name in placement.pacts and trains:
        return replace(ends, high=End(ends.high.value, "learned"))
    return ends


def _end(value: float, bound: float | None, policy: Policy, trains: bool, step: float) -> End:
    if policy == "learned" and trains:
        return End(value, "learned", bound)
    if bound is None:
        return End(value, "observed")
    if policy == "fixed" or abs(value - bound) < step:
        return End(bound, "fixed", bound)
    return End(value, "narrowed", bound)


def _moved(end: End, value: float) -> End:
    if end.how == "fixed" or value == end.value:
        return end
    return End(value, "learned" if end.how == "learned" else "saturated", value)


def _wide_enough(ends: Ends, least: float) -> Ends:
    high = max(ends.high.value, ends.low.value + least)
    return Ends(ends.low, replace(ends.high, value=high), least)
