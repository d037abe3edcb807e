"""Run many cases, some side by side; each result is a line of a file, so that a run that was stopped goes on."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hostile.draw import COMMANDS, DATA, READERS, Case, draw, sound_case
from benchmarks.hostile.judge import faults
from benchmarks.hostile.place import set_out, state
from benchmarks.hostile.supervise import Limits, Ran, Workers

LONGEST_S = 60.0
MOST_BYTES = 2 << 30
GENEROUS = Limits(600.0, 8 << 30)
SAID_CHARACTERS = 1500

Ordinary = dict[tuple[str, str], Limits]


@dataclass(frozen=True)
class Result:
    """What a case was, what came of it, and its faults; as JSON a line of the results."""

    index: int
    form: str
    source: str
    mutation: str
    command: str
    fresh: bool
    end: str
    code: int
    seconds: float
    grown_mib: float
    faults: list[str]
    stderr: str


def ordinary(
    sound: Path, folder: Path, file: Path, commands: Container[str] = COMMANDS, workers: Workers | None = None
) -> Ordinary:
    """What each command may take: what it takes of a sound file, and 60 s and 2 GiB more.

    Args:
        sound: the folder of the sound files.
        folder: for the runs.
        file: where the figures are, or will be, so that they are measured once.
        commands: which of them.
        workers: processes that go on serving; without them new ones, which end here.

    Raises:
        RuntimeError: a command refuses a sound file.
    """
    if file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {(form, command): Limits(*limits) for form, command, limits in stored}
    serving = workers or Workers()
    found: Ordinary = {}
    for form, readers in READERS.items():
        for command in readers:
            if command not in commands:
                continue
            if command == "export" and form in DATA:
                found[form, command] = found["keras", command]  # the small network is at chance, which ends it early
                continue
            case = sound_case(form, command, sound)
            ran, wrong = _run(serving, case, folder / "sound", GENEROUS)
            if wrong or ran.code not in (0, 3):
                raise RuntimeError(f"Expected {command} to take a sound {form}, got {ran.code} {wrong}: {ran.stderr}")
            found[form, command] = Limits(LONGEST_S + ran.seconds, MOST_BYTES + ran.grown_bytes)
            print(f"sound {form}, {command}: {ran.seconds:.1f} s, {ran.grown_bytes / 2**20:.0f} MiB", flush=True)
    if workers is None:
        serving.close()
    stored = [[form, command, [limits.seconds, limits.bytes]] for (form, command), limits in found.items()]
    file.write_text(json.dumps(stored), encoding="utf-8")
    return found


def one(seed: int, index: int, sound: Path, folder: Path, limits: Ordinary) -> tuple[Case, Result]:
    """Run a single case, whose folder stays."""
    workers, case = Workers(), draw(seed, index, sound)
    result = run_case(workers, case, folder, limits[case.form, case.command])
    workers.close()
    return case, result


def run(
    seed: int,
    indices: Iterable[int],
    sound: Path,
    folder: Path,
    limits: Ordinary,
    *,
    file: Path,
    jobs: int = 1,
    first: Workers | None = None,
) -> list[Result]:
    """Run the cases that have no line in `file` yet; all results, in the order of their indices.

    Args:
        seed: with an index it makes a case.
        indices: which cases.
        sound: the folder of the sound files.
        folder: for the cases' own folders, each of which goes when its case is done.
        limits: what a command may take.
        file: one result a line.
        jobs: how many at once.
        first: processes that the first of the jobs begins with; all processes end here.
    """
    stored = [Result(**json.loads(line)) for line in _lines(file)]
    wanted = set(indices)
    done = {result.index: result for result in stored if result.index in wanted}
    waiting = iter(sorted(wanted - set(done)))
    lock = threading.Lock()

    def work(job: int) -> None:
        workers = first if first is not None and job == 0 else Workers()
        try:
            while True:
                with lock:
                    index = next(waiting, None)
                if index is None:
                    return
                case = draw(seed, index, sound)
                place = folder / f"job{job}"
                result = run_case(workers, case, place, limits[case.form, case.command])
                shutil.rmtree(place, ignore_errors=True)
                with lock:
                    done[index] = result
                    _say(result, len(done), len(wanted))
                    with file.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(vars(result)) + "\n")
        finally:
            workers.close()

    with ThreadPoolExecutor(jobs) as pool:
        for finished in [pool.submit(work, job) for job in range(jobs)]:
            finished.result()
    return [done[index] for index in sorted(done)]


def run_case(workers: Workers, case: Case, folder: Path, limits: Limits) -> Result:
    """Run a case in `folder`, which is made anew; the folder stays."""
    ran, wrong = _run(workers, case, folder, limits)
    return _result(case, ran, wrong)


def _run(workers: Workers, case: Case, folder: Path, limits: Limits) -> tuple[Ran, list[str]]:
    place = set_out(folder, case.tree)
    before = state(place.work / "in")
    ran = workers.run(case, place, limits)
    return ran, faults(ran, place.left(before))


def _result(case: Case, ran: Ran, wrong: Sequence[str]) -> Result:
    said = ran.stderr[-SAID_CHARACTERS:]
    what = (case.index, case.form, case.source, case.mutation, case.command, case.fresh)
    return Result(*what, ran.end, ran.code, round(ran.seconds, 2), round(ran.grown_bytes / 2**20), list(wrong), said)


def _say(result: Result, count: int, total: int) -> None:
    if result.faults:
        what = f"{result.form} ({result.mutation}) through {result.command}"
        print(f"{result.index}: {what}: {', '.join(result.faults)}", flush=True)
    if count % 50 == 0 or count == total:
        print(f"{count} of {total} done", flush=True)


def _lines(file: Path) -> list[Any]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
