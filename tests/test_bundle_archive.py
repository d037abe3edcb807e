"""A bundle's zip: the same bytes every time, and no zip of another kind is taken for one."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeswap.bundle.archive import MOST_FILES, pack, unpack
from edgeswap.errors import VerificationError

FILES = {"model.tflite": b"model", "labels.txt": b"a\nb\n", "golden/0.input0.u8": bytes(64), "ios/Model.swift": b""}


def zipped(
    *entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED, change: Callable[..., None] | None = None
) -> bytes:
    """A zip of any kind; `change` is handed each entry before it is written."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            entry.filename = name  # as it is: ZipInfo cuts at a NUL
            entry.compress_type = compression
            if change is not None:
                change(entry)
            archive.writestr(entry, content)
    return stream.getvalue()


def refused(folder: Path, data: bytes) -> str:
    """Why a zip is refused; nothing is written."""
    file = folder / "bundle.zip"
    file.write_bytes(data)
    before = sorted(folder.rglob("*"))
    with pytest.raises(VerificationError) as told:
        unpack(file)
    assert sorted(folder.rglob("*")) == before
    return told.value.problem


def test_what_is_packed_is_read(tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(pack(FILES))
    found = unpack(file)
    assert (dict(found.files), found.damaged) == (FILES, ())


def test_the_same_files_give_the_same_bytes() -> None:
    again = dict(reversed(FILES.items()))
    assert pack(again) == pack(FILES)
    with zipfile.ZipFile(io.BytesIO(pack(FILES))) as archive:
        assert archive.namelist() == sorted(FILES)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "name",
    [
        "/model.tflite",
        "../model.tflite",
        "ios/../../model.tflite",
        "ios/..",
        "C:/model.tflite",
        "ios\\Model.swift",
        "Model.tflite",
        "MODEL.TFLITE",
        "model.tflite/x",
        "model.tflite ",
        "ios/",
        "golden/0.input0.npy",
        "golden/../model.tflite",
        "ios/\u202emodel",
        "bundle.zip",
        "ios/a b",
        "ios/.hidden",
        "",
        "ios//x",
        "ios/" + "x/" * 20 + "x",
    ],
)
def test_a_name_that_no_bundle_has(tmp_path: Path, name: str) -> None:
    assert "a name that a bundle does not have" in refused(tmp_path, zipped((name, b"x")))


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "", "ios", "/", "\\", "~", "a"])).map("/".join))
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    """Whatever is not refused is a plain name below the folder."""
    file = tmp_path / "bundle.zip"
    try:
        file.write_bytes(zipped((name, b"x")))
    except (UnicodeEncodeError, ValueError):
        return  # not a name that a zip can have
    try:
        (found,) = unpack(file).files
    except VerificationError:
        return
    assert (tmp_path / found).resolve() == tmp_path.resolve() / found
    assert ".." not in found


def test_a_name_cut_by_a_nul(tmp_path: Path) -> None:
    data = zipped(("model.tflite_x", b"x")).replace(b"model.tflite_x", b"model.tflite\0x")
    assert "a name that a bundle does not have" in refused(tmp_path, data)


def test_a_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("model.tflite", b"x"), ("model.tflite", b"y"))
    assert "'model.tflite' twice" in refused(tmp_path, data)


def test_a_link(tmp_path: Path) -> None:
    def link(entry: zipfile.ZipInfo) -> None:
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    assert "a link" in refused(tmp_path, zipped(("labels.txt", b"/etc/passwd"), change=link))


@pytest.mark.slow
@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_by_compression(tmp_path: Path, compression: int) -> None:
    data = zipped(("model.tflite", bytes(50_000_000)), compression=compression)
    assert len(data) < 100_000
    assert "compressed" in refused(tmp_path, data) or "larger than the zip" in refused(tmp_path, data)


def test_a_compressed_file_that_is_no_bomb(tmp_path: Path) -> None:
    """It would be no larger than the zip; but then the bytes of a bundle would depend on a compressor."""
    data = zipped(("model.tflite", bytes(range(256)) * 2), compression=zipfile.ZIP_DEFLATED)
    assert "'model.tflite', which is compressed" in refused(tmp_path, data + bytes(1000))


def test_a_bomb_by_entries_that_share_bytes(tmp_path: Path) -> None:
    """Every entry of the central directory points to one stored megabyte."""
    data = zipped(("ios/0000", bytes(1_000_000)))
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    entries = [entry.replace(b"ios/0000", f"ios/{number:04d}".encode()) for number in range(500)]
    count = len(entries).to_bytes(2, "little")
    size = sum(map(len, entries)).to_bytes(4, "little")
    tail = data[end : end + 8] + count + count + size + start.to_bytes(4, "little") + data[end + 20 :]
    assert "larger than the zip" in refused(tmp_path, data[:start] + b"".join(entries) + tail)


def test_a_bomb_by_count(tmp_path: Path) -> None:
    data = zipped(*((f"ios/{number}", b"") for number in range(MOST_FILES + 1)))
    assert f"{MOST_FILES + 1} files" in refused(tmp_path, data)


def test_an_encrypted_file(tmp_path: Path) -> None:
    data = bytearray(zipped(("model.tflite", b"x")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "'model.tflite', which is encrypted" in refused(tmp_path, bytes(data))


@pytest.mark.parametrize(("before", "behind"), [(b"#!/bin/sh\n", b""), (b"", b"more")])
def test_a_zip_that_is_something_else_too(before: bytes, behind: bytes, tmp_path: Path) -> None:
    assert "bytes before the zip or behind it" in refused(tmp_path, before + pack(FILES) + behind)


def test_a_zip_with_a_comment(tmp_path: Path) -> None:
    data = bytearray(pack(FILES))
    data[-2:] = b"\x04\x00"
    assert "bytes before the zip or behind it" in refused(tmp_path, bytes(data) + b"more")


def test_what_is_no_zip(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path, b"no zip")
    assert "cannot be read" in refused(tmp_path, pack(FILES)[:-30])
    with pytest.raises(VerificationError, match="No such file"):
        unpack(tmp_path / "missing.zip")
    with pytest.raises(VerificationError, match="Is a directory"):
        unpack(tmp_path)


def test_a_changed_byte_is_named_and_not_refused(tmp_path: Path) -> None:
    data = bytearray(pack(FILES))
    data[data.index(b"a\nb\n")] ^= 1
    (tmp_path / "bundle.zip").write_bytes(data)
    found = unpack(tmp_path / "bundle.zip")
    assert found.damaged == ("labels.txt",)
    assert set(found.files) == set(FILES) - {"labels.txt"}


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_zip_is_refused_or_read(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(pack(FILES))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=5)):
        whole[at] = data.draw(st.integers(0, 255))
    file = tmp_path / "bundle.zip"
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole)
    try:
        found = unpack(file)
    except VerificationError:
        return
    assert sum(map(len, found.files.values())) <= len(whole)
