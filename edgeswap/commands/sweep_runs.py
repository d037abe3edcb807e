"""The exports of a sweep, several at once, wherever they run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgeswap.config.settings_file import FILE, PROJECT
from edgeswap.config.sweep import Planned
from edgeswap.progress import Progress

LOGS = "logs"  # of each candidate what its export said, and what it was made from
REPORT = "report.json"
LOOK_S = 0.2
# Exit codes of an export that has written its report: it passed, or a limit does not hold.
WITH_REPORT = (0, 3)
FILE_SETTINGS = ("model", "data", "test_data", "calibration", "labels")


@dataclass(frozen=True)
class Ran:
    """How one export ended.

    Attributes:
        problem: why it has no report; None where it has.
        seconds: how long it took; None where an earlier run had made it.
        stopped: whether it was not begun, because it cannot hold the limits.
    """

    problem: str | None
    seconds: float | None
    stopped: bool = False


class Export(Protocol):
    """One export that runs, whose results are in the sweep's folder once it has ended."""

    def ended(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""

    def stop(self) -> None:
        """End it, and wait until it has ended."""


class Place(Protocol):
    """Where exports run: `edgeswap.commands.sweep_here`, `edgeswap.commands.sweep_ray`."""

    @property
    def jobs(self) -> int:
        """How many at once."""

    @property
    def one_store(self) -> bool:
        """Whether they share a run store: two that begin with the same float model are then run one after the other."""

    def start(self, name: str, flags: Sequence[str]) -> Export:
        """Begin the export of a candidate, whose words go to `logs/NAME.txt`."""


@dataclass
class _Running:
    planned: Planned
    export: Export
    started: float
    began: float  # by the clock that files have


def run_all(
    planned: Sequence[Planned],
    flags: Mapping[str, Sequence[str]],
    folder: Path,
    *,
    place: Place,
    stops: Callable[[Planned, Iterable[str]], str | None] | None = None,
    progress: Progress,
) -> dict[str, Ran]:
    """Export every candidate into `folder/NAME`; one that an earlier run made of the same files is kept.

    Args:
        planned: what to export; those with a problem are passed over.
        flags: of each candidate, by name: the arguments of `edgeswap export` but for the output.
        folder: of the sweep.
        place: where they run.
        stops: asked before an export begins, with the names of those that are done: why it cannot hold the limits. One
            that trains with fake-quant then waits for those of its graph that do not, which tell sooner. None begins
            all.
        progress: told of every export that ends.

    Returns:
        By name.
    """
    waiting = [one for one in planned if one.problem is None]
    running: list[_Running] = []
    ended: dict[str, Ran] = {}
    made: set[tuple[str, ...]] = set()
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    with progress.step("Export the candidates", len(waiting)) as step:
        try:
            while waiting or running:
                for one in [one for one in waiting if is_made(one, flags[one.name], folder)]:
                    waiting.remove(one)
                    ended[one.name] = Ran(None, None)
                    made.add(one.float_part)
                    step.advance(1, one.name)
                for one in list(waiting) if stops is None else _in_turn(waiting, running):
                    busy = {other.planned.float_part for other in running} - made if place.one_store else set()
                    if len(running) < place.jobs and one.float_part not in busy:
                        waiting.remove(one)
                        if stops is not None and (why := stops(one, _done(ended))) is not None:
                            ended[one.name] = Ran(why, None, stopped=True)
                            step.advance(1, one.name)
                            continue
                        now = time.monotonic(), time.time()
                        running.append(_Running(one, place.start(one.name, flags[one.name]), *now))
                for each, code in [(each, each.export.ended()) for each in running]:
                    if code is not None:
                        running.remove(each)
                        ended[each.planned.name] = _end(each, code, flags[each.planned.name], folder)
                        made.add(each.planned.float_part)
                        step.advance(1, each.planned.name)
                time.sleep(LOOK_S if running else 0)
        except BaseException:
            for each in running:
                each.export.stop()
            raise
    return ended


def _in_turn(waiting: Sequence[Planned], running: Sequence[_Running]) -> list[Planned]:
    """Those that wait for none of their graph that trains less."""
    cheap = {one.graph_part for one in (*waiting, *(each.planned for each in running)) if not one.trains}
    return [one for one in waiting if not one.trains or one.graph_part not in cheap]


def _done(ended: Mapping[str, Ran]) -> list[str]:
    return [name for name, each in ended.items() if each.problem is None]


def _end(each: _Running, code: int, flags: Sequence[str], folder: Path) -> Ran:
    name, seconds = each.planned.name, time.monotonic() - each.started
    report = folder / name / REPORT
    # With exit code 1 there is a report where one target of several failed; an older one tells nothing of this run.
    partly = code == 1 and report.is_file() and report.stat().st_mtime >= each.began
    if code not in WITH_REPORT and not partly:
        return Ran(_last_error(log_file(folder, name), code), seconds)
    made_file(folder, name).write_text(json.dumps(made_from(flags, each.planned.settings), indent=1))
    return Ran(None, seconds)


def log_file(folder: Path, name: str) -> Path:
    """What the export of a candidate said."""
    return folder / LOGS / f"{name}.txt"


def made_file(folder: Path, name: str) -> Path:
    """What a candidate was made from, as a file."""
    return folder / LOGS / f"{name}.json"


def _last_error(log: Path, code: int) -> str:
    lines = log.read_text(errors="replace").replace("\r", "\n").splitlines()
    starts = [number for number, line in enumerate(lines) if "error: " in line]
    if starts:
        return " ".join(" ".join(lines[starts[-1] :]).partition("error: ")[2].split())
    return f"The export ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}; see {log}."


def is_made(one: Planned, flags: Sequence[str], folder: Path) -> bool:
    """Whether an earlier run made this candidate of these settings and files."""
    try:
        said = json.loads(made_file(folder, one.name).read_text())
    except (OSError, json.JSONDecodeError):
        return False
    return (folder / one.name / REPORT).is_file() and said == made_from(flags, one.settings)


def made_from(flags: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments, and of files and folders sizes and times."""
    files = {name: _state(settings[name]) for name in FILE_SETTINGS if settings.get(name) is not None}
    return {"arguments": list(flags), "files": files, "settings_files": [_state(FILE), _state(PROJECT)]}


def _state(spec: Any) -> str | None:
    """What tells that a file or folder was changed: sizes and times; None for a SPEC that is no path."""
    path = Path(str(spec).partition(":")[2] if str(spec).startswith(("masks:", "coco:", "csv:")) else str(spec))
    if path.is_file():
        return f"{path.stat().st_size} {path.stat().st_mtime_ns}"
    if not path.is_dir():
        return None
    told = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        if file.is_file():
            told.update(f"{file.relative_to(path)} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
    return told.hexdigest()
