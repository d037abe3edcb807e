"""Files of a .zip by position: what `zipfile` reads, in any order and by threads at once."""

from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.data.zip_members import ZipMembers

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
FILES = st.dictionaries(
    st.text(st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.tuples(st.binary(max_size=64), st.sampled_from(COMPRESSIONS)),
    min_size=1,
    max_size=5,
)


@given(files=FILES, data=st.data())
def test_a_position_gives_the_file_of_that_name(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, int]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, (content, compression) in files.items():
            archive.writestr(name, content, compression)
    names = data.draw(st.permutations(list(files)))[: len(files) - len(files) // 2]
    members = ZipMembers(path, names)
    try:
        for position, name in enumerate(names):
            assert members.read(position) == files[name][0]
            assert members.size(position) == len(files[name][0])
    finally:
        members.close()


def test_threads_may_read_at_once(tmp_path: Path) -> None:
    contents = [bytes([number]) * 5000 for number in range(200)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}.jpg", content)
    members = ZipMembers(tmp_path / "a.zip", [f"{number}.jpg" for number in range(200)])
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(members.read, range(200))) == contents
    members.close()


def test_a_damaged_file_is_not_given(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", b"here it is")
        archive.writestr("b", b"another")
    (tmp_path / "a.zip").write_bytes(stream.getvalue().replace(b"here it is", b"here it IS"))
    members = ZipMembers(tmp_path / "a.zip", ["a", "b"])
    with pytest.raises(zipfile.BadZipFile):
        members.read(0)
    assert members.read(1) == b"another"
    members.close()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"")
    with pytest.raises(KeyError, match="missing"):
        ZipMembers(tmp_path / "a.zip", ["a", "missing"])
