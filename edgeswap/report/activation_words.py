"""What terminal and page say of what a target made of the activations."""

from __future__ import annotations

from edgeswap.errors import shortened
from edgeswap.records import ActivationKernel
from edgeswap.report import numbers
from edgeswap.report import wording as say
from edgeswap.report.placed import placed

# By `ActivationKernel.form`: of one activation, and of several.
FORMS = {
    "fused": ("is fused into the operator before it", "are fused into the operators before them"),
    "table": ("became one look-up table", "became one look-up table each"),
    "operator": ("is one operator", "are one operator each"),
    "chain": ("is a chain of {} passes over the data", "are chains of {} passes over the data each"),
}


def activations(report: say.Report) -> list[str]:
    """For each target what each kind of activation of the candidate became; targets that agree share a line."""
    return placed(report, lambda target: map(_said, target.int8.activation_kernels or ()))


def _said(one: ActivationKernel) -> str:
    """`2 activations (LOGISTIC, MUL) became one look-up table each: act1, act2.`"""
    count = len(one.layers)
    what = f"{numbers.plural(count, 'activation')} ({', '.join(one.operators)})"
    return f"{what} {FORMS[one.form][count > 1].format(one.passes)}: {shortened(list(dict.fromkeys(one.layers)))}."
