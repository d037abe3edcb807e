"""Whatever an .npz claims, what is read is what is there, or an error; never code, never more memory than it holds."""

from __future__ import annotations

import io
import resource
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.data import listing, npz
from edgeswap.data.npz import read_npz
from edgeswap.errors import DataError


def npy(header: str, values: bytes = b"", version: int = 1) -> bytes:
    """An .npy with this header, true or not."""
    text = header.encode("latin1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + values


def described(shape: str, kind: str = "|u1") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n"


def write(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_it_reads_what_numpy_writes(save: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays = {
        "pixels": random.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8),
        "big_endian": random.normal(size=(3, 2)).astype(">f4"),
        "fortran": np.asfortranarray(random.normal(size=(4, 3))),
        "scalar": np.array(7),
        "none": np.zeros((0, 3), np.float32),
        "words": np.array(["ä", "bc"]),
        "flags": np.array([True, False]),
        "half": np.array([1.5, 2], np.float16),
    }
    save(tmp_path / "a.npz", **arrays)
    read = read_npz(tmp_path / "a.npz")
    assert set(read) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


@pytest.mark.parametrize(
    "member",
    [
        npy(described("(1000000000000, 8, 8, 3)")),
        npy(described("(-1, 8, 8, 3)")),
        npy(described("(2, 2)"), b"abc"),
        npy(described("(2, 2)"), b"abcdef"),
        npy(described("(True,)"), b"a"),
        npy(described("(2,)", "|O"), b"abcd"),
        npy(described("(99999999999999999999999,)")),
        npy(described("(2,)") * 2000, b"ab", version=2),
        npy("{'descr': " + "[" * 900, b"ab"),
        npy("__import__('os').abort()"),
        npy("{'descr': '|u1', 'fortran_order': False}"),
        npy(described("(2,)", "no such type"), b"ab"),
        npy(described("(2,)"), b"ab", version=9),
        b"\x93NUMPY",
        b"hello",
        b"",
    ],
)
def test_a_false_header_is_refused(member: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"plain arrays in .*a\.npz") as caught:
        read_npz(write(tmp_path / "a.npz", x=member))
    assert "\n" not in caught.value.problem


@pytest.mark.slow
def test_a_bomb_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BOMB_BYTES", 2**26)
    path = write(tmp_path / "bomb.npz", x=npy(described(f"({2**27},)"), bytes(2**27)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="zip bomb"):
        read_npz(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**14  # KiB


def test_more_than_this_machine_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.npz", x=npy(described("(4,)"), b"abcd"))
    monkeypatch.setattr(npz, "MEMORY_SHARE", 1e-12)
    with pytest.raises(DataError, match="fit into the memory"):
        read_npz(path)


def test_a_size_that_is_smaller_than_what_is_there_ends_with_the_checksum(tmp_path: Path) -> None:
    """The declared size is what a bomb lies about: reading stops there, and the checksum tells."""
    path = write(tmp_path / "a.npz", x=npy(described("(2,)"), bytes(2**22)))
    content = bytearray(path.read_bytes())
    small = len(npy(described("(2,)"), b"ab")).to_bytes(4, "little")
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        content[at : at + 4] = small
    path.write_bytes(content)
    with pytest.raises(DataError, match="CRC"):
        read_npz(path)


def test_flipped_and_cut_files_are_errors_or_arrays(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.random.default_rng(0).integers(0, 9, (6, 4)), y=np.arange(6))
    whole, random = stream.getvalue(), np.random.default_rng(1)
    for _ in range(200):
        content = bytearray(whole)
        for at in random.integers(0, len(whole), random.integers(1, 4)):
            content[at] = random.integers(0, 256)
        (tmp_path / "a.npz").write_bytes(
            content[: random.integers(1, len(whole) + 1)] if random.random() < 0.3 else content
        )
        try:
            read_npz(tmp_path / "a.npz")
        except DataError:
            continue
