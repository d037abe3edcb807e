"""Models of any number and shape of outputs through the device script, and the file that their raw outputs go into."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import benchmark
from tests.tiny_tflite import classifier, halver

SCRIPT = Path(benchmark.__file__)
SHAPE = (5, 4, 6)
COUNT = 50
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, *SHAPE), dtype=np.uint8)
REAL = IMAGES.astype(np.float32) / np.float32(255)
STEPS = (IMAGES.astype(np.int16) - 128).astype(np.int8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("outputs")
    halver(made / "float.tflite", SHAPE)
    halver(made / "int8.tflite", SHAPE, scale=1 / 255, zero_point=-128)
    np.savez(made / "test.npz", x=IMAGES)
    return made


def run(folder: Path, *arguments: str) -> Any:
    options = ("--data", "test.npz", "--preprocess", "unit", "--no-latency", "--no-load")
    command = [sys.executable, str(SCRIPT), "float.tflite", "int8.tflite", *options, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(folder, *arguments, "--json", "-")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "3"])
def test_every_output_is_kept_as_the_model_gave_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    kept = tmp_path / "kept.npz"
    result = measured(folder, "--outputs", str(kept), "--workers", workers)
    assert result["data"]["outputs_bytes"] == kept.stat().st_size
    assert list(tmp_path.iterdir()) == [kept]
    with np.load(kept) as arrays:
        assert list(arrays) == [f"model{model}.output{output}" for model in (0, 1) for output in (0, 1)]
        for which, values in enumerate((REAL, STEPS)):
            for output, half in enumerate((values[..., :3], values[..., 3:])):
                np.testing.assert_array_equal(arrays[f"model{which}.output{output}"], half, strict=True)
    with zipfile.ZipFile(kept) as archive:
        assert archive.testzip() is None
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.slow
def test_another_reader_takes_the_file_too(folder: Path, tmp_path: Path) -> None:
    if shutil.which("unzip") is None:
        pytest.skip("no unzip here")
    measured(folder, "--outputs", str(tmp_path / "kept.npz"))
    done = subprocess.run(["unzip", "-t", tmp_path / "kept.npz"], capture_output=True, text=True, check=False)
    assert (done.returncode, "No errors detected" in done.stdout) == (0, True)


@pytest.mark.slow
def test_outputs_are_described_and_accuracy_is_not_told(folder: Path) -> None:
    float32, int8 = measured(folder)["models"]
    assert [output["name"] for output in float32["outputs"]] == ["left", "right"]
    described = {"name": "left", "shape": [1, 5, 4, 3], "dtype": "int8", "scale": pytest.approx(1 / 255)}
    assert int8["outputs"][0] == int8["output"] == {**described, "zero_point": -128}
    assert int8["accuracy"] == {
        "samples": COUNT, "correct": None, "top1": None, "agreement": None, "ties": None, "predicted": None
    }  # fmt: skip


@pytest.mark.slow
def test_class_maps_are_reduced_where_the_samples_are(folder: Path, tmp_path: Path) -> None:
    result = measured(folder, "--outputs", str(tmp_path / "kept.npz"), "--reduce", "argmax", "--samples", "20")
    assert result["data"]["reduce"] == "argmax"
    chosen = STEPS[np.arange(20) * COUNT // 20]
    with np.load(tmp_path / "kept.npz") as arrays:
        expected = chosen[..., 3:].argmax(axis=-1).astype(np.uint8)
        np.testing.assert_array_equal(arrays["model1.output1"], expected, strict=True)


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((2, 256), np.int8, ((2,), np.uint8)),
        ((257,), np.float32, ((), np.uint16)),
        ((70_000,), np.float32, ((), np.uint32)),
        ((4, 1), np.float32, ((4, 1), np.float32)),
        ((), np.float32, ((), np.float32)),
    ],
)
def test_what_is_left_of_an_output(shape: tuple[int, ...], dtype: Any, expected: tuple[Any, Any]) -> None:
    assert benchmark.reduced(shape, np.dtype(dtype)) == expected
    if shape and shape[-1] < 1000:
        assert benchmark.to_classes(np.zeros((3, *shape), dtype)).shape == (3, *expected[0])


@pytest.mark.slow
def test_the_table_and_the_comparison_have_no_classes_to_tell(folder: Path) -> None:
    done = run(folder, "--json", "first.json")
    assert "top1 %" not in done.stdout
    assert "agree %" not in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:2] == ["int8.tflite", "int8"]]
    assert line.split()[3].isdecimal()  # its operators follow its size
    against = measured(folder, "--against", "first.json")["against"]["models"][1]
    assert against["same_bytes"]
    assert against["top1_drop"] is against["predicted_otherwise"] is None
    assert "none like it" not in run(folder, "--against", "first.json").stdout


@pytest.mark.slow
def test_an_earlier_result_that_knows_one_output_is_still_compared(folder: Path) -> None:
    result = measured(folder)
    for model in result["models"]:
        del model["outputs"]
    assert benchmark.Past.of(result).models[0].network[-1] == (1, 5, 4, 3)


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros(299, int),
        np.zeros(COUNT),
        np.full(COUNT, 2**63, np.uint64),
        np.full(COUNT, -1),
        np.eye(3, dtype=int)[np.zeros(COUNT, int)],
        np.zeros((COUNT, 5, 4), np.uint8),
    ],
)
def test_labels_of_other_tasks_are_noted_and_ignored(tmp_path: Path, labels: Any) -> None:
    np.savez(tmp_path / "test.npz", x=IMAGES, y=labels, y_left=np.zeros((COUNT, 2)))
    evaluation = benchmark.open_evaluation(tmp_path / "test.npz", None)
    assert evaluation.labels is None
    assert evaluation.ignored == f"{labels.dtype.name} of shape {labels.shape}"
    image = benchmark.Tensor(0, ("image",), (1, *SHAPE), np.dtype("float32"), 0.0, 0)
    assert evaluation.matched([image]) == ["x"]
    np.savez(tmp_path / "test.npz", images=IMAGES, y=labels, y_left=np.zeros((COUNT, 2)))
    assert benchmark.open_evaluation(tmp_path / "test.npz", None).matched([image]) == ["images"]


@pytest.mark.slow
def test_the_table_says_that_labels_were_ignored(tmp_path: Path) -> None:
    classifier(tmp_path / "float.tflite", np.eye(3, 120, dtype=int), SHAPE)
    shutil.copy(tmp_path / "float.tflite", tmp_path / "int8.tflite")
    np.savez(tmp_path / "test.npz", x=IMAGES, y=np.zeros((COUNT, 3)))
    done = run(tmp_path)
    assert f"labels ignored: y is float64 of shape ({COUNT}, 3), not one class number a sample" in done.stdout


@pytest.mark.slow
def test_it_says_beforehand_how_much_it_will_write(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "--outputs", str(tmp_path / "kept.npz"), "--progress")
    lines = [line for line in done.stderr.splitlines() if line.startswith(("outputs: ", "progress 0"))]
    size = (tmp_path / "kept.npz").stat().st_size
    assert lines[next(at for at, line in enumerate(lines) if "accuracy" in line) - 1] == f"outputs: {size:,} bytes"
    assert f"raw outputs written: {size:,} bytes" in done.stdout


def test_a_disk_without_room_is_told_before_anything_is_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(benchmark.shutil, "disk_usage", lambda _: usage(10**6, 10**6 - 100, 100))
    monkeypatch.setattr(benchmark, "predict", None)
    options = ["--data", str(folder / "test.npz"), "--preprocess", "unit", "--no-latency", "--no-load"]
    arguments = [str(folder / "int8.tflite"), *options, "--outputs", str(tmp_path / "kept.npz")]
    with pytest.raises(benchmark.BenchmarkError, match=r"Expected 6,\d+ bytes of room .* the disk has 100"):
        benchmark.run(benchmark.parse(arguments))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "test.npz", x=np.full((3, *SHAPE), np.nan, np.float32))
    for name in ("float.tflite", "int8.tflite"):
        shutil.copy(folder / name, tmp_path)
    before = sorted(tmp_path.iterdir())
    done = run(tmp_path, "--outputs", "kept.npz")
    assert done.returncode == 1
    assert sorted(tmp_path.iterdir()) == before


def test_no_more_outputs_are_held_than_a_chunk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wide output a few samples fill it, however many samples are handed out at once."""
    monkeypatch.setattr(benchmark, "CHUNK_BYTES", 4 * 5 * 4 * 6 * 7)
    asked: list[int] = []
    outputs = benchmark._outputs

    def noted(*arguments: Any) -> Any:
        asked.append(len(arguments[2]))
        return outputs(*arguments)

    monkeypatch.setattr(benchmark, "_outputs", noted)
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    evaluation = benchmark.open_evaluation(folder / "test.npz", None)
    work = benchmark.Work(folder / "float.tflite", engine, evaluation, "unit")
    assert work.predictions(range(5, 25)).count == 20
    assert asked == [7, 7, 6]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_samples(tmp_path: Path) -> None:
    """5,000 outputs of the size of a (64, 64, 4) map in float32 are 328 MB; beside a chunk of 8 MB nothing is held."""
    if sys.platform != "linux":
        pytest.skip("kilobytes of ru_maxrss are Linux's")
    classifier(tmp_path / "wide.tflite", np.ones((64 * 64 * 4, 2)), (2,))
    # From a small process: peak memory begins at that of the one that starts another.
    launch = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    launch += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    peaks = []
    for count in (500, 5000):
        np.savez(tmp_path / "x.npz", x=np.ones((count, 2), np.float32))
        options = ("--data", "x.npz", "--no-latency", "--no-load", "--workers", "2", "--outputs", "kept.npz")
        command = [sys.executable, "-c", launch, sys.executable, str(SCRIPT), "wide.tflite", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
        peaks.append(int(done.stdout) / 1024)
        with zipfile.ZipFile(tmp_path / "kept.npz") as archive:
            assert archive.infolist()[0].file_size > count * 64 * 64 * 4 * 4
        (tmp_path / "kept.npz").unlink()  # pytest would keep it
    assert peaks[1] - peaks[0] < 8, peaks
