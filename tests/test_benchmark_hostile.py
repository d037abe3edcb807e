"""The device script and files that are broken or absurd: an error in two lines, no traceback, no crash, no hang."""

from __future__ import annotations

import faulthandler
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from deploy import benchmark
from tests import tiny_tflite
from tests.test_benchmark import PIXELS, SCRIPT, SHAPE, WEIGHTS, folder, refused, run, tensor
from tests.tiny_tflite import Spec

__all__ = ["folder"]

QUICK = ("--quick", "--no-load")


# --- evaluation sets --------------------------------------------------------------------------------------------------


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + content


def described(shape: str, dtype: str = "'|u1'") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def lying(members: dict[str, bytes]) -> bytes:
    """A deflated member whose sizes in the directory are far from what it unpacks to."""
    content = bytearray(packed(members, zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 300)
    return bytes(content)


ZEROS = bytes(2 << 20)
EVALUATIONS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "an empty zip": lambda: packed({}),
    "no array": lambda: packed({"x.npy": b"abc"}),
    "0-d": lambda: packed({"x.npy": npy(described("()"), b"a")}),
    "negative": lambda: packed({"x.npy": npy(described("(-1, 4, 4, 1)"))}),
    "more than there is": lambda: packed({"x.npy": npy(described("(10**12, 4, 4, 1)".replace("10**12", str(10**12))))}),
    "beyond 64 bits": lambda: packed({"x.npy": npy(described(f"({2**70}, 4, 4, 1)"))}),
    "no numbers in the shape": lambda: packed({"x.npy": npy(described("(2.5, 4)"))}),
    "no header": lambda: packed({"x.npy": npy("(" * 5000)}),
    "a header that is code": lambda: packed({"x.npy": npy("__import__('os').abort()")}),
    "objects": lambda: packed({"x.npy": npy(described("(1,)", "'|O'"), b"\x80\x04N.")}),
    "texts": lambda: packed({"x.npy": npy(described("(1, 4, 4, 1)", "'<U0'"))}),
    "a giant element": lambda: packed({"x.npy": npy(described("(1, 4, 4, 1)", "('<f4', (10**9,))"))}),
    "another version": lambda: packed({"x.npy": npy(described("(1, 4, 4, 1)"), bytes(16), b"\x02\x00")}),
    "cut": lambda: packed({"x.npy": npy(described("(9, 4, 4, 1)"), bytes(144))})[:-40],
    "another method": lambda: packed({"x.npy": npy(described("(1, 4, 4, 1)"), bytes(16))}, zipfile.ZIP_BZIP2),
    "a bomb that says so": lambda: packed(
        {f"x{n}.npy": npy(described(f"({len(ZEROS)},)"), ZEROS) for n in range(5)}, zipfile.ZIP_DEFLATED
    ),
    "a bomb that lies": lambda: lying({"x.npy": npy(described("(9, 4, 4, 1)"), ZEROS)}),
    "another checksum": lambda: packed({"x.npy": npy(described("(1, 4, 4, 1)"), b"0123456789abcdef")}).replace(
        b"0123456789abcdef", b"0123456789abcdeF"
    ),
    "names that lead elsewhere": lambda: packed({"../x.npy": npy(described("(1, 4, 4, 1)"), bytes(16)), "/y.npy": b""}),
    "labels alone": lambda: packed({"y.npy": npy(described("(3,)"), bytes(3))}),
}


@pytest.mark.parametrize("kind", EVALUATIONS)
def test_an_evaluation_set_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(benchmark, "MOST_UNPACKED_BYTES", 4 << 20)
    path = tmp_path / "bad.npz"
    path.write_bytes(EVALUATIONS[kind]())
    with pytest.raises(benchmark.BenchmarkError) as raised:
        benchmark.open_evaluation(path, None).matched([tensor("uint8", shape=(1, *SHAPE))])
    assert raised.value.problem.isprintable()
    assert raised.value.remedy


@pytest.mark.parametrize(
    "labels",
    [
        np.full(300, "a"),
        np.array(3),
    ],
)
def test_labels_that_are_no_array_of_numbers(tmp_path: Path, labels: Any) -> None:
    np.savez(tmp_path / "bad.npz", x=PIXELS, y=labels)
    with pytest.raises(benchmark.BenchmarkError):
        benchmark.open_evaluation(tmp_path / "bad.npz", None)


def test_fifos_and_folders_are_no_files(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(benchmark.BenchmarkError, match="is none"):
            benchmark.open_evaluation(path, None)
        with pytest.raises(benchmark.BenchmarkError, match="no file"):
            benchmark.read_reference(path)
        with pytest.raises(benchmark.BenchmarkError, match="is no file"):
            benchmark.make_engine(benchmark.parse([str(path)]))


# --- models -----------------------------------------------------------------------------------------------------------


def dense(path: Path, shape: tuple[int, ...], dtype: str = "float32", scale: float = 0.0, name: str = "x") -> Path:
    weights = np.ones((3, 16), np.float32 if dtype == "float32" else np.int8)
    tensors = [
        Spec(name, shape, dtype, scale),
        Spec("weights", (3, 16), dtype, scale and 1.0, 0, weights),
        Spec("logits", (1, 3), dtype, scale),
    ]
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    code = schema.BuiltinOperator.FULLY_CONNECTED
    return tiny_tflite.write(path, tensors, (code, 4 if scale else 1, *options, (0, 1, -1)), (0,), (2,))


def named(path: Path, name: bytes) -> Path:
    content = dense(path, (1, 16), name="n" * len(name)).read_bytes()
    path.write_bytes(content.replace(b"n" * len(name), name))
    return path


MODELS: dict[str, Callable[[Path], object]] = {
    "names that are no text": lambda path: named(path, b"\xff\xfe" * 40),
    "a scale that is no number": lambda path: dense(path, (1, 16), "int8", float("nan")),
    "10**9 elements": lambda path: dense(path, (1, 16, 10**9)),
    "10**10 elements": lambda path: dense(path, (1, 10**5, 10**5)),
    "a batch of 2": lambda path: dense(path, (2, 16)),
    "nothing": lambda path: path.write_bytes(b""),
    "only the mark": lambda path: path.write_bytes(b"\x08\x00\x00\x00TFL3"),
    "a root beyond the end": lambda path: path.write_bytes(b"\xff\xff\xff\x7fTFL3" + bytes(64)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_is_none(tmp_path: Path, kind: str) -> None:
    MODELS[kind](tmp_path / "bad.tflite")
    # Of half of them the runtime is asked in a process apart first, as it is by default.
    options = ("--quick",) if list(MODELS).index(kind) % 2 else QUICK
    started = time.monotonic()
    assert "bad.tflite" in refused(run(tmp_path, "bad.tflite", *options))
    assert time.monotonic() - started < 60


def test_a_crash_of_the_runtime_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object) -> None:
        faulthandler.disable()  # pytest's
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(benchmark, "load_model", crash)
    assert benchmark.main([str(folder / "float.tflite"), *QUICK]) == 1
    problem, remedy = capfd.readouterr().err.splitlines()[-2:]
    assert problem == "error: This script was ended by SIGSEGV while it ran float.tflite."
    assert "damaged" in remedy


@pytest.mark.slow
def test_a_model_that_does_not_end_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = folder / "endless.py"
    endless.write_text("while True: pass")
    monkeypatch.setattr(benchmark, "__file__", str(endless))
    monkeypatch.setattr(benchmark, "PROBE_S", 0.5)
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    with pytest.raises(benchmark.BenchmarkError, match=r"float\.tflite did not load and run a few times within 0\.5 s"):
        benchmark.apart("--probe", folder / "float.tflite", engine)


@pytest.mark.slow
def test_noise_behind_the_mark_is_refused(folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "int8.tflite").read_bytes())
    content[20:60] = bytes(range(200, 240))
    (tmp_path / "noise.tflite").write_bytes(content)
    for options in (("--quick",), QUICK):
        done = run(tmp_path, "noise.tflite", *options)
        assert "noise.tflite" in refused(done)
        assert "Fatal Python error" not in done.stderr


@pytest.mark.slow
def test_a_model_that_gives_no_numbers_has_no_accuracy(tmp_path: Path) -> None:
    weights = WEIGHTS.astype(np.float32)
    weights[0, 0] = np.nan
    tensors = [Spec("x", (1, *SHAPE)), Spec("weights", WEIGHTS.shape, values=weights), Spec("logits", (1, 3))]
    options = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    dense = (schema.BuiltinOperator.FULLY_CONNECTED, 1, *options, (0, 1, -1))
    tiny_tflite.write(tmp_path / "nan.tflite", tensors, dense, (0,), (2,))
    np.savez(tmp_path / "x.npz", x=PIXELS)
    options = ("--preprocess", "unit", "--workers", "1")  # of two, either may be the first to tell
    said = refused(run(tmp_path, "nan.tflite", "--data", "x.npz", *options, *QUICK))
    assert "nan.tflite gives NaN or infinity for sample 0" in said


@pytest.mark.slow
def test_memory_is_limited_and_the_limit_can_be_set(tmp_path: Path) -> None:
    dense(tmp_path / "large.tflite", (1, 16, 8 << 20))  # 512 MiB, and twice as much to make random numbers
    for memory in (500, 1200):
        said = refused(run(tmp_path, "large.tflite", *QUICK, "--memory", str(memory)))
        assert "--memory" in said
    assert benchmark.memory_mib(benchmark.parse(["a.tflite"])) == 2048
    assert benchmark.memory_mib(benchmark.parse(["a.tflite", "--memory", "9"])) == 9


# --- where it writes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["--json=nowhere/x.json", "--json=.", "--outputs=nowhere/x.npz"])
def test_an_output_that_cannot_be_written_is_told_before_anything_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delattr(benchmark, "load_model")
    arguments = benchmark.parse(["float.tflite", output, "--data", "test.npz"])
    with pytest.raises(benchmark.BenchmarkError, match="a file that can be written"):
        benchmark.run(arguments)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(folder: Path) -> None:
    assert "No space left" in refused(run(folder, "float.tflite", *QUICK, "--json", "/dev/full"))
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, SCRIPT, "float.tflite", *QUICK]
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert "No space left" in done.stderr


def test_a_name_that_does_not_print_is_written_out(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "float.tflite", tmp_path / os.fsdecode(b"\xff\x1b.tflite"))
    said = refused(run(tmp_path, os.fsdecode(b"\xff\x1b.tflite"), *QUICK))  # a runtime takes texts alone
    assert "\\udcff\\x1b.tflite" in said
    assert "\x1b" not in said


@pytest.mark.slow
def test_an_interrupt_ends_all_of_it(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "float.tflite", "--runs", "100000000", "--no-load"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("INFO")
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()  # ends when the last process does that holds it
        assert (process.wait(), "Traceback" in said) == (130, False)


@pytest.mark.slow
def test_earlier_results_of_wrong_types(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "float.tflite", "--data", "test.npz", "--preprocess", "unit", *QUICK, "--json", "-")
    sound = json.loads(done.stdout)
    path = tmp_path / "wrong.json"
    for where, value in (
        ("models.0.latency_ms.p50", "fast"),
        ("models.0.latency_ms.p50", 1e999),
        ("models.0.latency_ms.blocks", {"a": 1}),
        ("models.0.latency_ms.blocks", [["a"]]),
        ("models.0.accuracy.predicted", 7),
        ("models.0.accuracy.correct", "all"),
        ("models.0.operators", []),
        ("models.0.inputs", None),
        ("models.0.file", None),
        ("models", 5),
        ("data", [1]),
        ("machine", "mine"),
        ("warnings", [1]),
    ):
        changed = json.loads(json.dumps(sound))
        *way, last = where.split(".")
        place: Any = changed
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value
        path.write_text(json.dumps(changed))
        with pytest.raises(benchmark.BenchmarkError, match=r"Expected an earlier result"):
            benchmark.read_reference(path)


@pytest.mark.slow
def test_a_cut_model_is_refused_wherever_it_is_cut(folder: Path, tmp_path: Path) -> None:
    content = (folder / "int8.tflite").read_bytes()
    for length in (8, len(content) // 2, len(content) - 40):
        (tmp_path / "cut.tflite").write_bytes(content[:length])
        done = run(tmp_path, "cut.tflite", *QUICK)
        assert done.returncode == 0 or "cut.tflite" in refused(done)
