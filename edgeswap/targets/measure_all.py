"""Measure models on several targets: side by side where they do not disturb one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.errors import TargetError
from edgeswap.progress import Progress, Silent
from edgeswap.records import TargetFailure, TargetResult
from edgeswap.targets.apart import Apart
from edgeswap.targets.failed import failed
from edgeswap.targets.measure import Figures, Target, measure
from edgeswap.targets.names import require_known
from edgeswap.targets.registry import Line


@dataclass(frozen=True, eq=False)
class Measured:
    """One target that gave figures.

    Attributes:
        name: as in `--target`.
        candidates: the figures of each candidate, in order; at least one.
    """

    name: str
    candidates: tuple[Figures, ...]

    @property
    def samples(self) -> int:
        """How many samples there were for accuracy; the same for all models."""
        return len(self.candidates[0].indices)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What all targets gave.

    Attributes:
        measured: the targets that gave figures, in the order in which they were named; at least one.
        failures: the others.
        first: the target that was named first; None where it is among the failures.
    """

    measured: tuple[Measured, ...]
    failures: tuple[TargetFailure, ...]
    first: Measured | None

    def results(self, candidate: int) -> list[TargetResult]:
        """Of the candidate of that number, from 0: its result on every target, for the report."""
        return [one.candidates[candidate].result for one in self.measured]

    @property
    def accuracy(self) -> Measured:
        """Where accuracy was measured on the most samples, among equals the first: models are compared by that one.

        An emulator is given fewer than a board, and fewer samples tell less.
        """
        return max(self.measured, key=lambda one: one.samples)


def measure_all(
    targets: Sequence[Target],
    models: Sequence[Path],
    evaluation: Path | None,
    *,
    outputs: Path | None = None,
    progress: Progress | None = None,
    **how: Any,
) -> Outcome:
    """Measure on every target; what one of them cannot do takes nothing from the others.

    The host is measured alone and first: an emulator, or carrying files to a board, would take its cores and disturb
    its times. Then come all the rest at once: each board by itself, and in one line the emulators, which keep this
    machine's cores busy but are not timed.

    Args:
        targets: where, at least one.
        models: see `measure`.
        evaluation: see `measure`.
        outputs: a folder for the raw outputs of every target, which is there; None: they are not kept.
        progress: told of every target; of several at once from several threads.
        how: as in `measure`.

    Raises:
        TargetError: not one target gave figures.
    """
    progress = progress or Silent()
    found: dict[int, Measured | TargetFailure] = {}
    errors: list[Exception] = []

    def run(number: int, target: Target) -> None:
        kept = outputs and outputs / f"outputs{number}.npz"
        try:
            figures = measure(target, models, evaluation, outputs=kept, progress=progress, **how)
            found[number] = Measured(target.name, tuple(figures))
        except Exception as error:  # noqa: BLE001  (whatever it is, it must take nothing from the other targets)
            errors.append(error)
            found[number] = failed(target.name, error)

    numbered = list(enumerate(targets))
    of_line: dict[Line, list[tuple[int, Target]]] = {"alone": [], "own": [], "emulated": []}
    for number, target in numbered:
        of_line[require_known(target.name).line].append((number, target))
    lines = [line for line in (*([item] for item in of_line["own"]), of_line["emulated"]) if line]
    for number, target in of_line["alone"]:
        run(number, target)
    if len(lines) == 1:
        for number, target in lines[0]:
            run(number, target)
    elif lines:
        _side_by_side([[(number, Apart(target)) for number, target in line] for line in lines], run)
    outcomes = [found[number] for number, _ in numbered]
    measured = tuple(one for one in outcomes if isinstance(one, Measured))
    failures = tuple(one for one in outcomes if isinstance(one, TargetFailure))
    if not measured:
        raise _all_failed(failures) from errors[0]
    first = outcomes[0]
    return Outcome(measured, failures, first if isinstance(first, Measured) else None)


def _side_by_side(lines: Sequence[Sequence[tuple[int, Apart]]], run: Callable[[int, Target], None]) -> None:
    """Every line in a thread, one target of it after the other; what interrupts this one ends them all."""

    def follow(line: Sequence[tuple[int, Apart]]) -> None:
        for number, target in line:
            run(number, target)

    with ThreadPoolExecutor(len(lines)) as pool:
        try:
            for future in [pool.submit(follow, line) for line in lines]:
                future.result()
        except BaseException:
            for line in lines:
                for _, target in line:
                    target.end()
            raise


def _all_failed(failures: Sequence[TargetFailure]) -> TargetError:
    if len(failures) == 1:
        return TargetError(failures[0].problem, failures[0].remedy)
    problems = " ".join(failure.problem for failure in failures)
    remedies = dict.fromkeys(failure.remedy for failure in failures)
    return TargetError(f"All {len(failures)} targets failed. {problems}", " ".join(remedies))
