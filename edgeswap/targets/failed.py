"""What it means for a report that a target failed, whatever the error was."""

from __future__ import annotations

from edgeswap.errors import EdgeswapError
from edgeswap.records import TargetFailure


def failed(name: str, error: Exception) -> TargetFailure:
    """The failure of the target `name`; an error that is none of edgeswap's kinds is a fault of its own, and named so.

    Args:
        name: as in `--target`.
        error: what ended the target's work.
    """
    if isinstance(error, EdgeswapError):
        return TargetFailure(name=name, problem=error.problem, remedy=error.remedy)
    said = " ".join(str(error).split())
    problem = f"{name}: edgeswap itself failed: {type(error).__name__}: {said}"
    return TargetFailure(name=name, problem=problem, remedy="Please report it with what --debug shows of this target.")
