"""Raw outputs from every kind of target, and how they are read."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import benchmark
from edgeswap.errors import TargetError
from edgeswap.targets.apart import Apart
from edgeswap.targets.host import Host
from edgeswap.targets.measure import measure
from edgeswap.targets.raw_outputs import read_raw_outputs
from tests.tiny_tflite import classifier, halver

SHAPE = (5, 4, 6)
IMAGES = np.random.default_rng(0).integers(0, 256, (30, *SHAPE), dtype=np.uint8)
REAL = IMAGES.astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("raw")
    halver(made / "float.tflite", SHAPE)
    halver(made / "int8.tflite", SHAPE, scale=1 / 255, zero_point=-128)
    np.savez(made / "test.npz", x=IMAGES, y=np.zeros((30, 5, 4)))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("target", [Host(), Apart(Host())], ids=["host", "apart"])
def test_measure_brings_the_outputs_of_both(folder: Path, tmp_path: Path, target: Any) -> None:
    models = [folder / "float.tflite", folder / "int8.tflite"]
    kept = tmp_path / "kept.npz"
    (found,) = measure(target, models, folder / "test.npz", preprocess="unit", quick=True, samples=10, outputs=kept)
    assert found.indices.tolist() == list(range(0, 30, 3))
    assert list(tmp_path.iterdir()) == [kept]
    for of_model, dtype in zip((found.baseline, found.candidate), (np.float32, np.int8), strict=True):
        assert [output.name for output in of_model] == ["left", "right"]
        for output, half in zip(of_model, (REAL[::3, ..., :3], REAL[::3, ..., 3:]), strict=True):
            assert isinstance(output.array, np.memmap)
            assert output.array.dtype == dtype
            assert output.real().dtype == np.float32
            # int8 holds pixels exactly; the scale in the file is float32.
            np.testing.assert_allclose(output.real(slice(2, 5)), half[2:5], atol=1e-7)


@pytest.mark.slow
def test_without_asking_there_are_none(folder: Path) -> None:
    models = [folder / "float.tflite", folder / "int8.tflite"]
    unasked = measure(Host(), models, folder / "test.npz", preprocess="unit", quick=True)[0]
    without = measure(Host(), models, None, preprocess=None, quick=True, outputs=folder / "none.npz")[0]
    assert [list(found.baseline) for found in (unasked, without)] == [[], []]


@pytest.mark.slow
def test_every_candidate_has_its_own(tmp_path: Path) -> None:
    for number in range(3):
        classifier(tmp_path / f"{number}.tflite", np.full((3, 120), number), SHAPE)
    np.savez(tmp_path / "test.npz", x=REAL)
    models = [tmp_path / f"{number}.tflite" for number in range(3)]
    how: dict[str, Any] = {
        "preprocess": None,
        "quick": True,
        "outputs": tmp_path / "kept.npz",
        "names": ("a", "b", "c"),
    }
    found = measure(Host(), models, tmp_path / "test.npz", **how)
    sums = REAL.reshape(30, -1).sum(axis=1)
    for number, figures in enumerate(found, 1):
        (baseline,), (candidate,) = figures.baseline, figures.candidate
        assert not baseline.array.any()
        np.testing.assert_allclose(candidate.real()[:, 0], number * sums, rtol=1e-5)


def written(path: Path, **arrays: np.ndarray) -> tuple[Path, dict[str, Any]]:
    """A file as the script writes it, and the answer that belongs to it."""
    members = [(f"model0.output{at}", array.shape, array.dtype) for at, array in enumerate(arrays.values())]
    file = benchmark.OutputsFile(path, members)
    with file.opened():
        for place, array in zip(file.places(), arrays.values(), strict=True):
            place.write(0, array)
    described = [
        {"name": name, "shape": [1, *array.shape[1:]], "dtype": array.dtype.name} for name, array in arrays.items()
    ]
    count = len(next(iter(arrays.values())))
    return path, {"data": {"samples": count}, "models": [{"outputs": described}]}


@pytest.mark.parametrize(
    ("names", "shapes", "order"),
    [
        ("ab ba", [(2,), (2,), (2,), (2,)], [1, 0]),
        ("ab xy", [(2,), (3,), (3,), (2,)], [1, 0]),
        ("ab xy", [(2,), (2,), (2,), (2,)], [0, 1]),
        ("ab xy", [(2,), (3,), (2,), (4,)], [0, 1]),
        ("aa aa", [(2,), (3,), (3,), (2,)], [1, 0]),
    ],
)
def test_outputs_of_another_order_are_put_together(
    tmp_path: Path, names: str, shapes: list[tuple[int, ...]], order: list[int]
) -> None:
    members = [(f"model{at // 2}.output{at % 2}", (3, *shape), np.dtype(np.int8)) for at, shape in enumerate(shapes)]
    file = benchmark.OutputsFile(tmp_path / "kept.npz", members)
    with file.opened():
        for at, (place, shape) in enumerate(zip(file.places(), shapes, strict=True)):
            place.write(0, np.full((3, *shape), at, np.int8))
    described = [
        {"name": name, "shape": [1, *shape]} for name, shape in zip(names.replace(" ", ""), shapes, strict=True)
    ]
    answer = {"data": {"samples": 3}, "models": [{"outputs": described[:2]}, {"outputs": described[2:]}]}
    first, second = read_raw_outputs(tmp_path / "kept.npz", answer)
    assert [int(output.array[0, 0]) for output in first] == [0, 1]
    assert [int(output.array[0, 0]) - 2 for output in second] == order


def test_a_large_file_is_not_read_as_a_whole(tmp_path: Path) -> None:
    path, answer = written(tmp_path / "kept.npz", a=np.ones((8, 1 << 20), np.float32))
    tracemalloc.start()
    ((output,),) = read_raw_outputs(path, answer)
    assert output.real(slice(0, 1)).sum() == 1 << 20
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.stop()


def test_scalars_and_empty_outputs(tmp_path: Path) -> None:
    arrays = {"one": np.arange(4.0, dtype=np.float32), "none": np.zeros((4, 0), np.int8), "big": np.arange(4)}
    path, answer = written(tmp_path / "kept.npz", **arrays)
    ((one, none, big),) = read_raw_outputs(path, answer)
    assert one.real().tolist() == big.real().tolist() == [0, 1, 2, 3]
    assert none.array.shape == (4, 0)


@pytest.mark.parametrize("fault", ["no zip", "another count", "another shape", "no member", "cut"])
def test_a_file_of_another_run_is_an_error(tmp_path: Path, fault: str) -> None:
    path, answer = written(tmp_path / "kept.npz", a=np.ones((4, 3), np.float32))
    if fault == "no zip":
        path.write_text("nothing")
    elif fault == "another count":
        answer["data"]["samples"] = 5
    elif fault == "another shape":
        answer["models"][0]["outputs"][0]["shape"] = [1, 4]
    elif fault == "no member":
        answer["models"].append(answer["models"][0])
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model0.output0.npy", b"\x93NUMPY")
    with pytest.raises(TargetError, match="Expected the outputs of"):
        read_raw_outputs(path, answer)
