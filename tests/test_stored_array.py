"""Samples that stay in their file come out as NumPy would have them, and take no memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.data import npz
from edgeswap.data.arrays import from_npz
from edgeswap.data.dataset import Expected
from edgeswap.data.npz import read_npz
from edgeswap.data.stored_array import StoredArray
from edgeswap.errors import DataError

EXPECTED = Expected({"x": (4, 4, 3)}, None, None)
# The peak memory of a process that opens an .npz and reads every sample of it once.
PEAK = """
import sys
from pathlib import Path
from edgeswap.data import npz
from edgeswap.data.arrays import from_npz
from edgeswap.data.dataset import Expected
npz.LARGE_BYTES = 0
data = from_npz(Path(sys.argv[1]), "data", Expected({"x": (32, 32, 3)}, None, None))
assert len(data.digests) == len(data) == int(sys.argv[2])
assert int(data.read([len(data) - 1])[0, 0, 0, 0]) == (len(data) - 1) % 251
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.fixture(autouse=True)
def all_are_large(monkeypatch):
    monkeypatch.setattr(npz, "LARGE_BYTES", 0)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, ">f4"])
def test_rows_are_those_of_numpy(save: Any, dtype: Any, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 3)).astype(dtype)
    save(tmp_path / "a.npz", x=array, y=np.arange(20))
    read = read_npz(tmp_path / "a.npz", stays=lambda name: name == "x")
    stored = read["x"]
    assert isinstance(stored, StoredArray)
    assert (len(stored), stored.shape, stored.dtype) == (20, array.shape, array.dtype)
    assert isinstance(read["y"], np.ndarray)
    for rows in (3, slice(4, 9), slice(None), [7], [3, 4, 5, 0, 19, 19, 2], np.array([], np.int64)):
        np.testing.assert_array_equal(stored[rows], array[np.asarray(rows)] if isinstance(rows, list) else array[rows])
    data = from_npz(tmp_path / "a.npz", "data", EXPECTED)
    read_at_once = from_npz_in_memory(tmp_path / "a.npz")
    assert data.sha256 == read_at_once.sha256


def from_npz_in_memory(path: Path) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(npz, "LARGE_BYTES", 2**62)
        return from_npz(path, "data", EXPECTED)


def test_in_the_order_of_fortran_it_is_read_whole(tmp_path: Path) -> None:
    array = np.asfortranarray(np.random.default_rng(0).normal(size=(5, 3)))
    np.savez(tmp_path / "a.npz", x=array)
    read = read_npz(tmp_path / "a.npz", stays=lambda _: True)["x"]
    assert isinstance(read, np.ndarray)
    np.testing.assert_array_equal(read, array)


def test_a_value_that_is_no_number_is_named_with_its_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeswap.data.arrays.CHECKED_BYTES", 400)  # two samples at a time
    array = np.zeros((9, 4, 4, 3), np.float32)
    array[7, 1, 2, 0] = np.nan
    np.savez(tmp_path / "a.npz", x=array)
    with pytest.raises(DataError, match="first in sample 7"):
        from_npz(tmp_path / "a.npz", "data", EXPECTED)


def test_a_damaged_array_is_told_when_it_is_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 4, 4, 3), np.uint8))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[250] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="CRC"):
        read_npz(tmp_path / "a.npz", stays=lambda _: True)


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 4, 4, 3), np.uint8))
    stored = read_npz(tmp_path / "a.npz", stays=lambda _: True)["x"]
    with (tmp_path / "a.npz").open("r+b") as file:
        file.truncate(200)
    with pytest.raises(DataError, match="become shorter"):
        stored[8]


def test_more_than_the_disk_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((9, 4, 4, 3), np.uint8))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100}))
    with pytest.raises(DataError, match="432 bytes of room"):
        read_npz(tmp_path / "a.npz", stays=lambda _: True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_memory_does_not_grow_with_the_samples(save: Any, tmp_path: Path) -> None:
    peaks = []
    for count in (1000, 20_000):  # 3 and 61 MB
        images = np.zeros((count, 32, 32, 3), np.uint8)
        images[:, 0, 0, 0] = np.arange(count) % 251
        save(tmp_path / "a.npz", x=images)
        command = [sys.executable, "-c", PEAK, str(tmp_path / "a.npz"), str(count)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True).stdout))
    assert peaks[1] < 1.1 * peaks[0]
