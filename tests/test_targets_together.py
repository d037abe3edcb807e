"""The host and boards in one call, the boards being OpenSSH's own servers on loopback ports."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgeswap as api
from edgeswap.system.interruption import Interrupted, interruptible
from edgeswap.targets.host import Host
from tests.ssh_server import Server, running
from tests.test_measure import EXPECTED, PIXELS, SHAPE, WEIGHTS
from tests.tiny_tflite import classifier


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two boards whose Python is this one, which has a runtime: nothing need be fetched for them."""
    path = {"PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin"}
    with running(tmp_path / "one", environment=path) as one, running(tmp_path / "two", environment=path) as two:
        yield one, two


@pytest.fixture
def work(place: Path) -> Path:
    classifier(place / "float.tflite", WEIGHTS, SHAPE)
    classifier(place / "int8.tflite", WEIGHTS, SHAPE, scale=1 / 255)
    np.savez(place / "test.npz", x=PIXELS, y=EXPECTED)
    return place


FLAGS = ["bench", "float.tflite", "int8.tflite", "--data", "test.npz", "--preprocess", "unit"]


def open_in_place(monkeypatch, *targets):
    """These targets, whatever was named: their ssh is led to the test's keys."""
    monkeypatch.setattr("edgeswap.commands.bench.open_targets", lambda names, *, keep: list(targets))


@pytest.mark.slow
def test_host_and_boards_give_one_table(work, boards, monkeypatch, capfd):
    from edgeswap.cli.main import run

    monkeypatch.setenv("COLUMNS", "120")  # at 80 the names of boards take two lines
    targets = [boards[0].target(), Host(), boards[1].target()]
    open_in_place(monkeypatch, *targets)
    assert run([*FLAGS, "--runs", "100", "-o", "bench.json"]) == 0
    shown = capfd.readouterr().out
    table = shown[shown.index("p50 / p90 on") :].split("\n\n")[0]
    assert [target.name in table for target in targets] == [True] * 3
    report = api.bench("float.tflite", "int8.tflite", data="test.npz", preprocess="unit", runs=100)
    assert [target.name for target in report.targets] == [target.name for target in targets]
    # One machine and one runtime: what the models say must be equal, only times are each target's own.
    assert len({target.int8.quality.value for target in report.targets}) == 1
    assert 0.5 < report.targets[0].int8.quality.value < 1
    assert len({target.int8.latency_ms.mean for target in report.targets}) == 3
    assert boards[0].left_behind() == boards[1].left_behind() == []


@pytest.mark.slow
def test_a_board_that_refuses_the_key_takes_nothing_from_the_others(work, boards, monkeypatch, capfd):
    from edgeswap.cli.main import run

    refusing = boards[0].target(key="other_key")
    open_in_place(monkeypatch, refusing, Host(), boards[1].target())
    assert run([*FLAGS, "--quick"]) == 1
    shown = capfd.readouterr()
    assert f"error: 1 of 3 targets gave no figures: {refusing.name}." in shown.err
    assert f"failed     {refusing.name}" in shown.out
    assert shown.out.startswith("Incomplete")
    assert boards[1].left_behind() == []


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_on_any_board(work, boards, monkeypatch):
    open_in_place(monkeypatch, boards[0].target(), boards[1].target())

    ended = threading.Event()

    def interrupt():
        until = time.monotonic() + 60
        while not all(any(board.home.iterdir()) for board in boards) and time.monotonic() < until:
            if ended.wait(0.02):
                return  # a signal that comes late would meet another test
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    try:
        with pytest.raises(Interrupted), interruptible():
            api.bench("float.tflite", "int8.tflite", runs=10**7)
    finally:
        ended.set()
        waiting.join()
    assert boards[0].left_behind() == boards[1].left_behind() == []


@pytest.mark.slow
@pytest.mark.rare  # test_emulator.py has both runtimes, test_any_network.py a report of host, board and Pi
def test_host_and_emulated_pi_through_the_command(work, capfd):
    from edgeswap.cli.main import run
    from edgeswap.targets.emulator import target as emulator
    from edgeswap.targets.emulator.root import BUILD

    if lacking := [sentence for sentence in emulator.missing() if BUILD not in sentence]:
        pytest.skip(" ".join(lacking))
    emulator.build()
    capfd.readouterr()
    targets = ["--target", "emulator:pi5", "--target", "host"]
    assert run([*FLAGS, *targets, "--quick", "--threads", "2", "--samples", "40", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    found = report["targets"]
    assert [target["name"] for target in found] == ["emulator:pi5", "emulator:pi5", "host"]
    runtimes = [target["runtime"].split()[0] for target in found]
    assert runtimes == ["ai-edge-litert", "tflite-runtime", "ai-edge-litert"]
    for target in found[:2]:
        assert target["float32"]["instructions"] > 1000
        assert (target["int8"]["latency_ms"], target["speedup_p50"]) == (None, None)
        assert any("Instructions are not milliseconds" in text for text in target["warnings"])
    assert found[2]["int8"]["instructions"] is None
    assert found[2]["int8"]["latency_ms"]["threads"] == 2
    # One operator, and no rounding that kernels could do in several ways: Arm says what this machine says.
    assert found[0]["int8"]["quality"] == found[1]["int8"]["quality"] == found[2]["int8"]["quality"]
    assert found[0]["int8"]["quality"]["samples"] == 40
