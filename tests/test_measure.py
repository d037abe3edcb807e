from __future__ import annotations

import stat
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.errors import TargetError
from edgeswap.progress import Progress, Silent
from edgeswap.system import shipped
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Target, measure
from edgeswap.targets.script import Account
from tests.tiny_tflite import classifier

SHAPE = (4, 4, 1)
WEIGHTS = np.random.default_rng(0).integers(-3, 4, (3, 16))
# Dim pictures: the coarse int8 output cannot tell all of them apart, so the two models differ.
PIXELS = np.random.default_rng(1).integers(0, 64, (100, *SHAPE), dtype=np.uint8)
EXPECTED = (PIXELS.reshape(100, 16).astype(np.int64) @ WEIGHTS.T).argmax(axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Two folders, one file name: a target must not mix them up.
    made = tmp_path_factory.mktemp("measure")
    for kind, scale in (("float32", 0.0), ("int8", 1 / 255)):
        (made / kind).mkdir()
        classifier(made / kind / "model.tflite", WEIGHTS, SHAPE, scale=scale)
    np.savez(made / "test.npz", x=PIXELS, y=EXPECTED)
    np.savez(made / "unlabelled.npz", x=PIXELS)
    return made


def measured(folder: Path, evaluation: str | None, **options: Any) -> Any:
    baseline, candidate = (folder / kind / "model.tflite" for kind in ("float32", "int8"))
    data = folder / evaluation if evaluation else None
    (figures,) = measure(Host(), [baseline, candidate], data, preprocess="unit", **{"runs": 100, **options})
    return figures


class Recorded:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.amounts: list[float] = []
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Recorded]:
        assert total == 1.0
        self.titles.append(title)
        yield self

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.amounts.append(amount)
        self.notes.append(note)

    def expect(self, total: float) -> None:
        raise AssertionError("the total is known")


@pytest.mark.slow
def test_measures_both_models_on_the_host(folder: Path) -> None:
    progress = Recorded()
    result, indices, (baseline,), (candidate,) = measured(
        folder, "test.npz", outputs=folder / "outputs.npz", progress=progress
    )
    assert result.name == "host"
    assert result.runtime.startswith("ai-edge-litert 2.")
    assert result.delegate == "xnnpack"
    assert result.float32.quality is None  # others say how good the outputs are
    assert indices.tolist() == list(range(100))
    assert result.int8.latency_ms.runs == 100
    assert result.speedup_p50 == pytest.approx(result.float32.latency_ms.p50 / result.int8.latency_ms.p50)
    assert np.array_equal(baseline.real().argmax(axis=1), EXPECTED)
    agreement = np.mean(candidate.real().argmax(axis=1) == EXPECTED)
    assert 0.5 < agreement < 1  # the coarse int8 output must differ somewhere, or a mix-up would go unseen
    assert progress.titles == ["Measuring on host"]
    assert sum(progress.amounts) == pytest.approx(1.0)
    assert {"loading", "accuracy", "latency", "outputs: 2,174 bytes"} == set(progress.notes)


@pytest.mark.slow
def test_with_fewer_samples(folder: Path) -> None:
    found = measured(folder, "unlabelled.npz", outputs=folder / "outputs.npz", samples=10)
    assert found.indices.tolist() == list(range(0, 100, 10))
    assert np.array_equal(found.baseline[0].real().argmax(axis=1), EXPECTED[::10])


@pytest.mark.slow
def test_latency_alone(folder: Path) -> None:
    result, indices, baseline, _ = measured(folder, None, runs=None, quick=True)
    assert (len(indices), list(baseline)) == (0, [])
    assert result.int8.latency_ms.p50 > 0


@pytest.mark.slow
def test_a_warning_calls_the_models_as_the_report_does(folder: Path) -> None:
    result, *_ = measured(folder, None, runs=50)
    (warning,) = [text for text in result.warnings if text.startswith("too-few-runs")]
    assert warning.startswith("too-few-runs: float32: 50 runs; int8: 50 runs. Leave out --quick")
    assert not any(".tflite" in text for text in result.warnings)


@pytest.mark.slow
def test_the_scripts_error_is_passed_on(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "small.npz", x=PIXELS[:, :2])
    with pytest.raises(TargetError, match=r"host: Expected samples of shape \(4, 4, 1\)") as raised:
        measured(folder, str(tmp_path / "small.npz"))
    assert "Resize" in raised.value.remedy


def test_an_answer_of_another_version_is_refused(folder: Path) -> None:
    class Old:
        name = "old"

        def run(
            self,
            files: Mapping[str, Path],
            arguments: Sequence[str],
            *,
            progress: Progress,
            brings: Mapping[str, Path] | None = None,
        ) -> dict[str, Any]:
            return {"schema": "edgeswap.benchmark/0"}

    old: Target = Old()
    with pytest.raises(TargetError, match=r"edgeswap\.benchmark/0"):
        measure(old, [folder, folder], None, preprocess=None)


# --- a script that goes wrong -----------------------------------------------------------------------------------------


def host_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, **options: Any) -> Host:
    """The host with another script in the place of the device script: its `main` runs `body`."""
    script = tmp_path / "script.py"
    indented = textwrap.indent(body.strip(), "    ")
    script.write_text(f"import os, signal, subprocess, sys, time\ndef main():\n{indented}\n")
    monkeypatch.setattr(shipped, "path", lambda name: script)
    return Host(**options)


@pytest.mark.parametrize(
    ("body", "problem", "remedy"),
    [
        ("print('it broke', file=sys.stderr); sys.exit(3)", "exit code 3", "it broke"),
        ("raise KeyError('lost')", "exit code 1", "KeyError: 'lost'"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV", "again"),
        ("print('so far', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)", "SIGKILL", "so far"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", "memory"),
        ("print('error: No x.\\nGive x.', file=sys.stderr); sys.exit(1)", "host: No x.", "Give x."),
    ],
)
def test_a_script_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, problem: str, remedy: str
) -> None:
    with pytest.raises(TargetError) as raised:
        host_with(tmp_path, monkeypatch, body).run({}, [], progress=Silent())
    assert problem in raised.value.problem
    assert remedy in raised.value.remedy


@pytest.mark.slow
def test_a_script_that_hangs_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(alive)!r}).touch()"
    body = f"print('progress 0.5 x', file=sys.stderr, flush=True)\nsubprocess.run([sys.executable, '-c', {child!r}])"
    started = time.monotonic()
    with pytest.raises(TargetError, match=r"said nothing for 0\.5 s"):
        host_with(tmp_path, monkeypatch, body + "\ntime.sleep(60)", silence_s=0.5).run({}, [], progress=Silent())
    assert time.monotonic() - started < 5
    time.sleep(2.5)
    assert not alive.exists()


@pytest.mark.slow
def test_a_script_that_keeps_reporting_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = """
for tick in range(8):
    time.sleep(0.1)
    print('progress', tick / 8, 'accuracy', file=sys.stderr, flush=True)
open(sys.argv[sys.argv.index('--json') + 1], 'w').write('{"schema": "x"}')
"""
    host = host_with(tmp_path, monkeypatch, body, silence_s=0.5)
    assert host.run({}, [], progress=Silent()) == {"schema": "x"}


def test_how_much_the_script_will_write_is_shown_and_is_none_of_its_last_words() -> None:
    told: list[tuple[float, str]] = []

    class Noted:
        def advance(self, amount: float = 1, note: str = "") -> None:
            told.append((amount, note))

        def expect(self, total: float) -> None: ...

    account = Account(Noted())
    for line in ("outputs: 12,345,678 bytes\n", "progress 0.5 accuracy\n", "outputs are fine\n"):
        account.hear(line)
    assert told == [(0.0, "outputs: 12,345,678 bytes"), (0.5, "accuracy")]
    assert list(account.words) == ["outputs are fine"]


# --- shipped files ----------------------------------------------------------------------------------------------------


def test_shipped_files_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = shipped.path("deploy/benchmark.py")
    assert script.read_text().startswith("#!/usr/bin/env python3")
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "edgeswap")
    with pytest.raises(FileNotFoundError, match="Install edgeswap again"):
        shipped.path("deploy/benchmark.py")
    carried = tmp_path / "edgeswap" / "_data" / "benchmark.py"
    carried.parent.mkdir(parents=True)
    carried.touch()
    assert shipped.path("deploy/benchmark.py") == carried


def test_the_script_can_be_started_by_hand() -> None:
    assert shipped.path("deploy/benchmark.py").stat().st_mode & stat.S_IXUSR
