"""Several targets: which run at once, what a failed one takes from the others, and what an interrupt ends."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from edgeswap.errors import TargetError
from edgeswap.system.interruption import Interrupted, interruptible
from edgeswap.targets.measure_all import measure_all
from tests.moody_targets import Moody, answer
from tests.test_apart import Recorded, wait_for

PIS = ("ssh://pi@a", "ssh://pi@b", "ssh://pi@c")


def measured(*targets, **how):
    return measure_all(targets, [None, None], None, preprocess=None, **how)


@pytest.fixture
def folder(tmp_path):
    answer(tmp_path)
    return tmp_path


def test_one_target_runs_in_this_process(folder, monkeypatch):
    monkeypatch.setattr("edgeswap.targets.measure_all.Apart", None)
    outcome = measured(Moody("host", folder))
    assert [one.name for one in outcome.measured] == ["host"]
    assert (outcome.failures, outcome.first) == ((), outcome.measured[0])
    assert outcome.accuracy.candidates[0].indices.tolist() == [0, 1, 2]


@pytest.mark.slow
def test_boards_meet_each_other_and_come_after_the_host(folder):
    boards = [Moody(name, folder, "meets", PIS) for name in PIS]
    follower = Moody("ssh://pi@d", folder, "follows", ("host",))
    outcome = measured(boards[0], Moody("host", folder), *boards[1:], follower)
    assert outcome.failures == ()
    assert [one.name for one in outcome.measured] == [PIS[0], "host", *PIS[1:], "ssh://pi@d"]
    assert outcome.first.name == PIS[0]


@pytest.mark.slow
def test_emulators_run_beside_boards_one_after_the_other_and_after_the_host(folder):
    first = Moody("emulator:pi4", folder, "meets", ("ssh://pi@a",))
    second = Moody("emulator:pi5", folder, "follows", ("host", "emulator:pi4"))
    outcome = measured(first, second, Moody("ssh://pi@a", folder, "meets", ("emulator:pi4",)), Moody("host", folder))
    assert outcome.failures == ()
    assert [one.name for one in outcome.measured] == ["emulator:pi4", "emulator:pi5", "ssh://pi@a", "host"]


def test_every_target_has_a_file_of_its_own_for_the_outputs(folder, monkeypatch):
    given = []
    monkeypatch.setattr(
        "edgeswap.targets.measure_all.measure", lambda *_, outputs, **__: given.append(outputs) or [None]
    )
    measured(Moody("host", folder), Moody("ssh://pi@a", folder), outputs=folder)
    assert sorted(given) == [folder / "outputs0.npz", folder / "outputs1.npz"]
    given.clear()
    measured(Moody("host", folder))
    assert given == [None]


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["host", "ssh://pi@a", "emulator:pi4"])
def test_a_failed_target_takes_nothing_from_the_others(failing, folder):
    names = ("host", "ssh://pi@a", "ssh://pi@b", "emulator:pi4")
    outcome = measured(*(Moody(name, folder, "fails" if name == failing else "answers") for name in names))
    assert [one.name for one in outcome.measured] == [name for name in names if name != failing]
    (failure,) = outcome.failures
    assert (failure.name, failure.remedy) == (failing, "Try tomorrow.")
    assert failure.problem == f"{failing}: expected a good day, got none."
    assert (outcome.first is None) == (failing == "host")


def test_where_all_fail_the_error_names_each(folder):
    with pytest.raises(TargetError, match=r"^host: expected a good day, got none\.\n"):
        measured(Moody("host", folder, "fails"))
    with pytest.raises(TargetError) as raised:
        measured(Moody("host", folder, "fails"), Moody("ssh://pi@a", folder, "fails"))
    assert raised.value.problem.startswith("All 2 targets failed. host: ")
    assert "ssh://pi@a: expected" in raised.value.problem
    assert raised.value.remedy == "Try tomorrow."


@pytest.mark.parametrize("broken", ["host", "ssh://pi@a"])
def test_what_nobody_foresaw_takes_nothing_from_the_others_and_is_named(broken, folder):
    outcome = measured(*(Moody(name, folder, "breaks" * (name == broken)) for name in ("host", "ssh://pi@a")))
    (failure,) = outcome.failures
    assert failure.name == broken
    assert failure.problem == f"{broken}: edgeswap itself failed: ZeroDivisionError: nobody foresaw it"
    assert "report it" in failure.remedy
    assert [one.name for one in outcome.measured] == [name for name in ("host", "ssh://pi@a") if name != broken]


def test_what_nobody_foresaw_on_the_only_target_is_told_with_where_it_arose(folder):
    with pytest.raises(TargetError, match="edgeswap itself failed: ZeroDivisionError") as raised:
        measured(Moody("host", folder, "breaks"))
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@pytest.mark.slow
def test_models_are_compared_where_there_were_most_samples(folder, tmp_path_factory):
    few = tmp_path_factory.mktemp("few")
    answer(few, predicted=(1,), labels=(1,))
    outcome = measured(Moody("emulator:pi4", few), Moody("host", folder), Moody("ssh://pi@a", folder))
    assert outcome.accuracy.name == "host"
    assert outcome.first.name == "emulator:pi4"


@pytest.mark.slow
def test_progress_comes_from_every_target(folder):
    progress = Recorded()
    measured(Moody("host", folder), Moody("ssh://pi@a", folder), Moody("ssh://pi@b", folder), progress=progress)
    titles = {event[0] for event in progress.events if isinstance(event, tuple) and isinstance(event[0], str)}
    assert titles == {"Measuring on host", "Measuring on ssh://pi@a", "Measuring on ssh://pi@b"}
    assert progress.events.count("finished") == 3


@pytest.mark.slow
def test_an_interrupt_ends_all_and_each_cleans_up(folder):
    names = ("ssh://pi@a", "ssh://pi@b", "emulator:pi4")
    files = {name: folder / name.replace("/", "_") for name in names}

    def interrupt():
        for path in files.values():
            wait_for(path.with_name(f"{path.name}.began"))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted), interruptible():
        measured(*(Moody(name, folder, "hangs") for name in names))
    assert all(path.with_name(f"{path.name}.ended").exists() for path in files.values())
