"""What lies in a folder: nothing that hangs is opened, no link is followed for ever, nothing is left out in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeswap.data import listing
from edgeswap.data.listing import list_files
from edgeswap.data.load import load
from edgeswap.errors import DataError
from tests.image_data import picture, write_folder, write_zip

SUFFIXES = (".png",)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pets", {"cat/a.png": picture(0), "dog/b.png": picture(1)})


def test_names_with_forward_slashes_and_no_hidden_ones(pets: Path) -> None:
    write_folder(pets, {".git/c.png": b"", "cat/._a.png": b"", "notes.txt": b""})
    folders, files = list_files(pets, SUFFIXES)
    assert [str(folder) for folder in folders] == ["cat", "dog"]
    assert set(files.values()) == {"cat/a.png", "dog/b.png", "notes.txt"}


def test_a_pipe_is_refused_and_never_opened(pets: Path) -> None:
    os.mkfifo(pets / "cat" / "pipe.png")
    with pytest.raises(DataError, match=r"cat/pipe\.png, which is a pipe"):
        list_files(pets, SUFFIXES)


@pytest.mark.parametrize(("target", "what"), [("/dev/zero", "device"), ("/no/such/file", "a link to nothing")])
def test_a_link_to_what_is_no_file_is_refused(target: str, what: str, pets: Path) -> None:
    (pets / "cat" / "z.png").symlink_to(target)
    with pytest.raises(DataError, match=f"z.png, which is .*{what}"):
        list_files(pets, SUFFIXES)


def test_links_that_lead_back_end(pets: Path) -> None:
    (pets / "cat" / "again").symlink_to(pets, target_is_directory=True)
    (pets / "cat" / "self").symlink_to(pets / "cat", target_is_directory=True)
    assert len(list_files(pets, SUFFIXES)[1]) == 2


def test_folders_that_hold_links_to_each_other_are_refused(pets: Path) -> None:
    (pets / "cat" / "x").symlink_to(pets / "dog", target_is_directory=True)
    (pets / "dog" / "y").symlink_to(pets / "cat", target_is_directory=True)
    with pytest.raises(DataError, match="same folder by a link"):
        list_files(pets, SUFFIXES)


def test_a_folder_that_may_not_be_read_is_named(pets: Path) -> None:
    secret = pets / "dog"
    secret.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # who may read all
        for folder in (pets, *pets.parents):
            if folder.stat().st_mode & 0o005 != 0o005:
                folder.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(DataError, match="dog/: Permission denied"):
            list_files(pets, SUFFIXES)
    finally:
        if is_root:
            os.seteuid(0)
        secret.chmod(0o755)


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    for name in (b"a.png", b"b\xff.png"):
        file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/pets/caf\xe9/" + name))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(len(name)))
    assert load(tmp_path / "pets", input_shapes={"x": (8, 8, 3)}).read([0, 1]).shape == (2, 8, 8, 3)


def test_a_zip_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BOMB_BYTES", 2**20)
    path = write_zip(tmp_path / "bomb.zip", {f"a/{number}.png": bytes(2**19) for number in range(4)})
    with pytest.raises(DataError, match="zip bomb"):
        list_files(path, SUFFIXES)
