"""The output appears whole or not at all, whatever ends the block."""

from __future__ import annotations

import errno
import os

import pytest

from edgeswap.errors import DataError, OutputError, TargetError
from edgeswap.interruption import Interrupted
from edgeswap.output import FILES, check_folder, staged_file, staged_folder
from edgeswap.scratch import scratch_folder


def export_into(folder, text="{}"):
    for name in FILES:
        (folder / name).write_text(text)


def test_a_folder_appears_when_the_block_ends_well(tmp_path):
    output = tmp_path / "a" / "out"
    with staged_folder(output, overwrite=False) as staging:
        export_into(staging)
        assert not output.exists()
        assert staging.parent == output.parent
    assert {path.name for path in output.iterdir()} == set(FILES)
    assert list(output.parent.iterdir()) == [output]


def test_its_mode_is_that_of_any_folder(tmp_path):
    (tmp_path / "usual").mkdir()
    with staged_folder(tmp_path / "out", overwrite=False):
        pass
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("x"), Interrupted(2), KeyboardInterrupt(), DataError("a", "b")])
def test_nothing_is_left_whatever_ends_the_block(error, tmp_path):
    with pytest.raises(type(error)), staged_folder(tmp_path / "a" / "b" / "out", overwrite=False) as staging:  # noqa: PT012
        export_into(staging)
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_others_use_meanwhile_stays(tmp_path):
    with pytest.raises(ValueError, match="x"), staged_folder(tmp_path / "a" / "out", overwrite=False):  # noqa: PT012
        (tmp_path / "a" / "theirs").touch()
        raise ValueError("x")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "theirs"]


def test_overwriting_replaces_all(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    export_into(output, "old")
    with staged_folder(output, overwrite=True) as staging:
        (staging / "report.json").write_text("new")
        assert (output / "report.json").read_text() == "old"
    assert [(path.name, path.read_text()) for path in output.iterdir()] == [("report.json", "new")]
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), Interrupted(15)])
def test_the_old_output_is_back_if_the_new_one_cannot_take_its_place(error, tmp_path, monkeypatch):
    output = tmp_path / "out"
    output.mkdir()
    export_into(output, "old")
    rename = os.rename

    def fails_for_the_new(source, target, *rest, **more):
        if os.fspath(target) == os.fspath(output) and not os.fspath(source).endswith("-old"):
            raise error
        rename(source, target, *rest, **more)

    monkeypatch.setattr("os.rename", fails_for_the_new)
    with pytest.raises(type(error)), staged_folder(output, overwrite=True) as staging:
        export_into(staging, "new")
    assert {path.read_text() for path in output.iterdir()} == {"old"}
    assert list(tmp_path.iterdir()) == [output]


def test_a_run_that_was_faster_is_not_overwritten(tmp_path):
    with (  # noqa: PT012
        pytest.raises(OutputError, match="exists"),
        staged_folder(tmp_path / "out", overwrite=False) as staging,
    ):
        export_into(staging)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "theirs"]


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_is_refused(dangling, tmp_path):
    target = tmp_path / "target"
    if not dangling:
        target.mkdir()
    (tmp_path / "out").symlink_to(target)
    with pytest.raises(OutputError, match="is a link"):
        check_folder(tmp_path / "out", overwrite=True)


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as for a user who is not root
    with pytest.raises(OutputError, match="cannot be written to"):
        check_folder(tmp_path / "out", overwrite=False)


def test_an_error_of_the_users_own_files_is_not_the_outputs(tmp_path):
    with pytest.raises(FileNotFoundError), staged_folder(tmp_path / "out", overwrite=False):
        (tmp_path / "missing.npz").read_bytes()


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OutputError, match="File name too long"), staged_folder(tmp_path / ("x" * 300), overwrite=False):
        pass


def test_a_file(tmp_path):
    output = tmp_path / "a" / "model.keras"
    with pytest.raises(ValueError, match="x"), staged_file(output, overwrite=False) as staging:  # noqa: PT012
        staging.write_text("half")
        raise ValueError("x")
    assert list(tmp_path.iterdir()) == []
    with staged_file(output, overwrite=False) as staging:
        assert staging.suffix == ".keras"
        staging.write_text("whole")
    assert output.read_text() == "whole"
    with pytest.raises(OutputError, match="exists"), staged_file(output, overwrite=False):
        pass
    with staged_file(output, overwrite=True) as staging:
        staging.write_text("new")
    assert [(path.name, path.read_text()) for path in output.parent.iterdir()] == [("model.keras", "new")]


# --- temporary folders ------------------------------------------------------------------------------------------------


def test_a_scratch_folder_goes_with_its_block():
    with scratch_folder() as folder:
        (folder / "x").write_text("x")
    assert not folder.exists()
    with pytest.raises(Interrupted), scratch_folder() as folder:
        raise Interrupted(2)
    assert not folder.exists()


def test_a_full_disk_is_told_by_the_error():
    with pytest.raises(OutputError, match="Expected room for temporary files"), scratch_folder():
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError("10 requested and 3 written"), OutputError),
        (TargetError("a", "b"), OutputError),
        (DataError("a", "b"), DataError),
    ],
)
def test_a_full_disk_is_told_by_the_room_that_is_left(error, raised, full_disk, monkeypatch):
    disk = full_disk("64k")
    monkeypatch.setattr("tempfile.tempdir", str(disk))
    with pytest.raises(raised), scratch_folder():
        raise error
    assert list(disk.iterdir()) == []


def test_an_error_where_there_is_room_stays_itself():
    with pytest.raises(OSError, match="3 written"), scratch_folder():
        raise OSError("10 requested and 3 written")


def test_no_place_for_temporary_files(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(OutputError, match="Expected to make a temporary folder") as raised, scratch_folder():
        pass
    assert "TMPDIR" in raised.value.remedy
