"""Signatures of models made by hand, for tests of tasks."""

from __future__ import annotations

from edgeswap.tasks.outputs import Head, ModelOutput, Signature


def signature(
    shape: tuple[int, ...], head: Head = "linear", *, takes: tuple[int, ...] = (32, 32, 3), name: str = "out"
) -> Signature:
    """That of a model with one input and one output."""
    return Signature({"image": takes}, (ModelOutput(name, shape, head),))
