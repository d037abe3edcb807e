"""What other versions of a runtime make of a bundle's golden vectors."""

from __future__ import annotations

from edgeswap.bundle.consistency import Opened
from edgeswap.bundle.golden_check import GoldenVector, judge
from edgeswap.errors import TargetError
from edgeswap.progress import Progress
from edgeswap.records import Record
from edgeswap.targets.other_runtime import RuntimeVersion, open_runtime


class Drift(Record):
    """How far a version of a runtime is from the golden outputs.

    Attributes:
        requirement: as it was asked for, such as `ai-edge-litert==2.2.0`.
        max_steps: the largest difference of any output value, in int8 steps; None where it did not run.
        allowed_steps: how large it may be.
        problem: why it did not run, or which output is off; None where it is right.
        ran: it gave outputs, right or wrong ones.
    """

    requirement: str
    max_steps: int | None = None
    allowed_steps: int | None = None
    problem: str | None = None
    ran: bool


def drift(
    bundle: Opened, vectors: list[GoldenVector], runtime: RuntimeVersion, *, progress: Progress | None = None
) -> Drift:
    """Run the golden vectors under `runtime`; that it cannot be installed or does not run is an answer, too.

    Raises:
        OutputError: the environment's folder cannot be written.
    """
    try:
        judged = judge(bundle, vectors, open_runtime(runtime, progress=progress), progress=progress)
    except TargetError as error:
        said = f"{error.problem.removeprefix(f'{runtime}: ')} {error.remedy}"
        return Drift(requirement=str(runtime), ran=False, problem=said)
    return Drift(
        requirement=str(runtime),
        ran=True,
        max_steps=judged.max_steps,
        allowed_steps=judged.allowed_steps,
        problem=judged.faults[0] if judged.faults else None,
    )
