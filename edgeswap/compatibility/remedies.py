"""What to write instead of what a target cannot run: told only where that target runs what it becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """One remedy.

    Attributes:
        words: an imperative without a full stop; `{}` stands for those of `activations` that the target runs.
        activations: kinds of the catalog, nearest first.
        operators: what the remedy becomes besides, as TFLite operators.
    """

    words: str
    activations: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


SWAP = "swap it for {}"
_MOST = 3  # activations that are named


def sentence(
    ways: Sequence[Way], *, runs: Callable[[Sequence[str]], bool], runs_activation: Callable[[str], bool]
) -> str:
    """The ways that help on a target, in one sentence; empty where none does.

    Args:
        ways: the best first.
        runs: whether the target runs all of these operators.
        runs_activation: whether it runs an activation of that kind.
    """
    told = []
    for way in ways:
        kinds = [kind for kind in way.activations if runs_activation(kind)][:_MOST]
        if runs(way.operators) and (kinds or not way.activations):
            told.append(way.words.format(_either(kinds)))
    return f"{told[0][0].upper()}{', or '.join(told)[1:]}." if told else ""


def _either(kinds: Sequence[str]) -> str:
    """`swish, hard_swish or relu6`."""
    return " or ".join(filter(None, (", ".join(kinds[:-1]), *kinds[-1:])))
