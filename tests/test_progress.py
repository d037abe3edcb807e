"""What a person sees of a long step, in a terminal and in a log."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest

from edgeswap.errors import ConfigError
from edgeswap.progress import Bars, Plain, Silent, progress_for, progress_to
from edgeswap.system.interruption import Interrupted, interruptible
from edgeswap.system.start import import_aloud

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# The longest title and note that there are.
SHOW = """
import sys, time
from edgeswap.progress import progress_for
progress = progress_for(sys.stderr)
with progress.step("Quantization-aware training", 30) as step:
    for _ in range(30):
        time.sleep(float(sys.argv[1]))
        step.advance(1, "epoch 10/10, loss 0.123")
with progress.step("Build the network"):
    time.sleep(0.6)
print("the report")
"""


def in_terminal(columns: int, term: str, step_s: float = 0.1) -> tuple[str, str]:
    """What a script writes to a terminal that is its stderr, and its stdout."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    started = subprocess.Popen(
        [sys.executable, "-c", SHOW, str(step_s)],
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=environment | {"TERM": term},
    )
    os.close(theirs)
    written = bytearray()

    def read() -> None:
        while True:
            try:
                written.extend(os.read(ours, 65536))
            except OSError:  # the other end is closed
                return

    reader = threading.Thread(target=read)
    reader.start()
    stdout = started.communicate(timeout=60)[0]
    reader.join()
    os.close(ours)
    assert started.returncode == 0
    return written.decode(), stdout.decode()


@pytest.mark.slow
def test_a_terminal_shows_the_time_left_within_its_width():
    shown, stdout = in_terminal(80, "xterm-256color")
    assert stdout == "the report\n"
    frames = [CONTROL.sub("", frame) for frame in re.split(r"[\r\n]+", shown)]
    assert max(map(len, frames)) <= 80
    left = [
        frame
        for frame in frames
        if re.search(r"Quantization-aware training .* 0:0[123] left epoch 10/10, loss 0", frame)
    ]
    assert left
    # Nothing of it can be counted: the time that has passed.
    assert [frame for frame in frames if re.search(r"Build the network .* 0:0[01] \.\.\.", frame)]
    assert any(re.search(r"Quantization-aware training .* 0:03 +epoch", frame) for frame in frames)  # what it took
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") > 0  # the cursor is shown again


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "term"), [(80, "dumb"), (40, "xterm")])
def test_other_terminals(columns, term):
    shown, _ = in_terminal(columns, term, step_s=0.07 if term == "dumb" else 0.01)
    if term == "dumb":
        assert "\x1b" not in shown
        assert re.fullmatch(r"Quantization-aware training \(2\.\d s\)\r\n", shown)
    else:
        assert max(len(CONTROL.sub("", frame)) for frame in re.split(r"[\r\n]+", shown)) <= columns


def test_a_log_has_a_line_for_what_took_long(monkeypatch):
    stream = io.StringIO()
    progress = progress_for(stream)
    assert isinstance(progress, Plain)
    now = iter([0.0, 1.9, 10.0, 12.04])
    monkeypatch.setattr("edgeswap.progress.time.monotonic", lambda: next(now))
    with progress.step("Short", 3) as step:
        step.advance(1, "note")
    with progress.step("Long") as step:
        step.expect(7)
    assert stream.getvalue() == "Long (2.0 s)\n"


def test_a_failed_step_says_nothing_in_a_log():
    stream = io.StringIO()
    with pytest.raises(ValueError, match="x"), Plain(stream).step("Step"):
        raise ValueError("x")
    assert stream.getvalue() == ""


def test_steps_from_several_threads_share_one_display():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    bars = Bars(stream)
    together = threading.Barrier(3)

    def follow(name):
        with bars.step(name, 2) as step:
            together.wait(timeout=30)  # all three run now
            step.advance(1)
            step.expect(4)

    threads = [threading.Thread(target=follow, args=(f"Step {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with bars.step("After them", 1):
        pass
    stream.flush()
    shown = stream.buffer.getvalue().decode()
    assert all(shown.count(f"Step {number}") == 1 for number in range(3))  # each stays, once
    assert shown.index("After them") > shown.rindex("Step")


def test_bars_without_unicode():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with Bars(stream).step("Step", 2) as step:
        step.advance(2, "done")
    stream.flush()
    assert stream.buffer.getvalue().isascii()


def test_silent():
    with Silent().step("Step") as step:
        step.advance(1)
        step.expect(2)


@pytest.mark.slow
def test_an_import_gives_signs_of_life(monkeypatch):
    told: list[int] = []
    grown = {f"edgeswap_test_{index}": sys for index in range(50)}

    def slow_import(name):
        for key, module in grown.items():
            monkeypatch.setitem(sys.modules, key, module)
            time.sleep(0.02)
        return name

    monkeypatch.setattr("edgeswap.system.start.importlib.import_module", slow_import)
    assert import_aloud("slow", lambda: told.append(len(sys.modules))) == "slow"
    assert len(told) >= 3
    assert told == sorted(set(told))  # each time something had come


def test_signals_are_one_exception():
    with pytest.raises(Interrupted) as raised, interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert raised.value.exit_code == 143
    assert str(raised.value) == "SIGTERM"


def test_an_impatient_second_press_does_not_disturb_the_cleaning_up():
    cleaned = False
    with pytest.raises(Interrupted), interruptible():  # noqa: PT012
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned = True
    assert cleaned


def test_handlers_are_put_back_and_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_warning_is_said_at_once_in_two_lines_and_cannot_move_the_cursor():
    stream = io.StringIO()
    progress = progress_for(stream)
    progress.warn("Input 'a\x1b[2Jb' has one scale.", "Scale it.")
    assert stream.getvalue() == "warning: Input 'a\\x1b[2Jb' has one scale.\nScale it.\n"
    stream = io.StringIO()
    bars = Bars(stream)
    bars.warn("Before a step.", "Once.")
    with bars.step("A step", 2) as step:
        step.advance()
        bars.warn("Within a step.", "Twice.")
    shown = CONTROL.sub("", stream.getvalue())
    assert shown.count("warning: Before a step.\nOnce.") == 1
    assert shown.count("warning: Within a step.") == 1


def test_a_callable_is_told_of_every_step_and_how_far_it_is(caplog):
    told = []
    progress = progress_to(lambda title, done, total: told.append((title, done, total)))
    with progress.step("Train", total=4) as step:
        step.advance(1, "loss 0.1")
        step.advance(3)
    with progress.step("Read"):
        pass
    with progress.step("Run") as step:
        step.expect(2)
        step.advance()
    progress.warn("Expected light.", "Lift the lid.")
    assert told == [
        ("Train", 0.0, 4.0),
        ("Train", 1.0, 4.0),
        ("Train", 4.0, 4.0),
        ("Train", 4.0, 4.0),
        ("Read", None, None),
        ("Read", 1.0, 1.0),
        ("Run", None, None),
        ("Run", 1.0, 2.0),
        ("Run", 2.0, 2.0),
    ]
    assert [record.getMessage() for record in caplog.records] == ["Expected light. Lift the lid."]


def test_without_progress_the_logger_is_told(caplog):
    caplog.set_level("INFO", logger="edgeswap")
    progress = progress_to(None)
    with progress.step("Train", total=4) as step:
        step.expect(2)
        step.advance(2, "loss 0.1")
    progress.warn("Expected light, got 100 % dark.", "Lift the lid.")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("edgeswap", "INFO", "Train"),
        ("edgeswap", "WARNING", "Expected light, got 100 % dark. Lift the lid."),
    ]
    assert logging.getLogger("edgeswap").handlers == []


def test_a_progress_of_ones_own_stays_and_what_is_none_is_refused():
    own = Silent()
    assert progress_to(own) is own
    with pytest.raises(ConfigError, match="a callable or None for progress, got 3"):
        progress_to(3)
