"""Broken and absurd files: whatever a file holds, a command refuses it in words or takes it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from random import Random

import pytest

from benchmarks.hostile.bytes_mutators import BYTES
from benchmarks.hostile.draw import FORMS, draw
from benchmarks.hostile.judge import faults
from benchmarks.hostile.originals import originals
from benchmarks.hostile.place import set_out, state
from benchmarks.hostile.run import Ordinary, ordinary, run
from benchmarks.hostile.section import section
from benchmarks.hostile.supervise import Ran, Workers
from benchmarks.hostile.tree_mutators import FIFO, Special

SEED = 10
# An export takes as long as fifty other cases; the command for all cases has them, and so have the tests of exports.
QUICK = ("check", "swap", "bench", "benchmark.py", "bundle verify")
CASES = 40
FRESH = 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    return originals(folder / "originals")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """The processes that run the sound files and then the broken ones, since each imports TensorFlow."""
    made = Workers()
    yield made
    made.close()


@pytest.fixture(scope="module")
def limits(folder: Path, sound: Path, workers: Workers) -> Ordinary:
    return ordinary(sound, folder, folder / "ordinary.json", commands=QUICK, workers=workers)


def ran(code: int, stderr: str = "", end: str = "itself") -> Ran:
    return Ran(end, code, 1.0, 0, stderr)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "left", "expected"),
    [
        (ran(0), [], []),
        (ran(3), [], []),
        (ran(1, "error: Expected a zip, got none.\nSave it again.\n"), [], []),
        (ran(1), [], ["an exit code without an error"]),
        (ran(1, "error: " + "x" * 5000), [], ["an error without an end"]),
        (ran(1, "Traceback (most recent call last):\nerror: "), [], ["a traceback"]),
        (ran(1, "error: edgeswap itself failed: KeyError: 'x'"), [], ["edgeswap itself failed"]),
        (ran(-11), [], ["ended by signal 11"]),
        (ran(134, "Fatal Python error: Aborted"), [], ["a fatal error of Python", "exit code 134"]),
        (ran(-9, end="time"), [], ["a hang"]),
        (ran(-9, end="memory"), [], ["too much memory"]),
        (ran(0), ["temporary: x"], ["left temporary: x"]),
    ],
)
def test_what_is_a_fault(outcome: Ran, left: list[str], expected: list[str]) -> None:
    assert faults(outcome, left) == expected


def test_damage_comes_from_the_random_numbers_alone() -> None:
    content = bytes(range(256)) * 4
    for mutate in BYTES.values():
        assert mutate(content, Random(3)) == mutate(content, Random(3))
        assert mutate(b"", Random(3)) is not None
    assert any(mutate(content, Random(3)) != content for mutate in BYTES.values())


def test_what_is_left_or_changed_is_found(tmp_path: Path) -> None:
    place = set_out(tmp_path / "case", {"folder/a": b"a", "fifo": FIFO, "link": Special("/nowhere")})
    before = state(place.work / "in")
    (place.work / "out").mkdir()  # the output of an export
    assert place.left(before) == []
    (place.temporary / "forgotten").touch()
    (place.work / ".hidden").touch()
    (place.work / "in" / "folder" / "a").write_bytes(b"b")
    assert place.left(before) == [
        "in the working folder: .hidden",
        "temporary: forgotten",
        "its input was changed",
    ]


@pytest.mark.slow
def test_a_case_is_made_again_by_its_number(sound: Path) -> None:
    cases = [draw(SEED, index, sound) for index in range(100)]
    assert cases == [draw(SEED, index, sound) for index in range(100)]
    assert {case.form for case in cases} == set(FORMS)
    assert draw(SEED + 1, 0, sound) != cases[0]


def quick(sound: Path) -> Iterator[int]:
    """Numbers of cases; a command that runs from the start of Python on imports TensorFlow twice, so one of those."""
    fresh = 0
    for index in count():
        case = draw(SEED, index, sound)
        if case.command in QUICK and not (case.fresh and fresh == FRESH):
            fresh += case.fresh
            yield index


@pytest.mark.slow
def test_broken_files_are_refused_in_words_or_taken(
    folder: Path, sound: Path, limits: Ordinary, workers: Workers
) -> None:
    indices = list(islice(quick(sound), CASES))
    results = run(SEED, indices, sound, folder, limits, first=workers, file=folder / "results.jsonl")
    assert len(results) == CASES
    wrong = [
        f"{each.index}: {each.mutation} of {each.source} through {each.command}: {each.faults}"
        for each in results
        if each.faults
    ]
    assert wrong == [], f"see: python -m benchmarks.hostile --seed {SEED} --index N"
    assert "Faults: none." in section(results, SEED)
    # Most of them must be refused: else the mutators, or the reading of the files, do little.
    assert sum(each.code in (1, 2, 3) for each in results) > CASES / 2
