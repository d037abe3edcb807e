"""The converter's process: conversions of one request run at once, and their events come one after the other."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from edgeswap.conversion import worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


def test_events_come_in_order_while_all_run_at_once(tmp_path):
    def first(report):
        deadline = time.monotonic() + 20
        while not (tmp_path / "second").exists():  # it would wait for ever if the second came after it
            assert time.monotonic() < deadline
            time.sleep(0.01)
        report(stage="first")
        report(stage="done")

    def second(report):
        report(stage="second")
        (tmp_path / "second").touch()
        report(stage="done")

    said = []
    assert worker._side_by_side([first, second], lambda **event: said.append(event["stage"])) == 0
    assert said == ["first", "done", "second", "done"]


@pytest.mark.parametrize(
    ("end", "code"),
    [(lambda: os.kill(os.getpid(), signal.SIGKILL), -signal.SIGKILL), (lambda: os._exit(3), 3), (lambda: 1 / 0, 1)],
)
def test_the_first_that_fails_ends_the_others(end, code, tmp_path):
    def fails(report):
        report(stage="load")
        end()

    def waits(report):
        (tmp_path / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    said = []
    started = time.monotonic()
    assert worker._side_by_side([fails, waits], lambda **event: said.append(event["stage"])) == code
    assert said == ["load"]
    assert time.monotonic() - started < 30
