"""The output appears whole or not at all, whatever ends the block."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from edgeswap.errors import DataError, OutputError, TargetError, notes
from edgeswap.system.interruption import Interrupted
from edgeswap.system.output import FILES, check_folder, recover, staged_file, staged_folder
from edgeswap.system.partial import how_to_go_on, whole
from edgeswap.system.scratch import scratch_folder


def always() -> bool:
    return True


def export_into(folder, text="{}"):
    for name in FILES:
        (folder / name).write_text(text)


def export_into_new(folder, text):
    folder.mkdir(parents=True)
    export_into(folder, text)


def test_a_folder_appears_when_the_block_ends_well(tmp_path):
    output = tmp_path / "a" / "out"
    with staged_folder(output, overwrite=False) as staging:
        export_into(staging)
        assert not output.exists()
        assert output.parent in staging.parents  # on the same disk, so that a rename is enough
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


@pytest.mark.parametrize("error", [KeyError("x"), Interrupted(15), DataError("a", "b"), OSError(errno.ENOSPC, "full")])
def test_what_was_made_is_kept_whatever_ends_the_block(error, tmp_path):
    output = tmp_path / "a" / "out"
    for number in ("", "-2"):  # an earlier partial output is never overwritten
        with pytest.raises(BaseException) as raised, staged_folder(output, overwrite=False, keeps=always) as staging:  # noqa: PT011, PT012
            (staging / "model_recovered.keras").write_text(f"model{number}")
            with pytest.raises(ValueError, match="half"), whole(staging / "model_qat.zip") as part:  # noqa: PT012
                part.write_text("half")
                raise ValueError("half")
            (staging / ".part-report.json").write_text("half")
            (staging / "variables").mkdir()
            raise error
        partial = output.with_name(f"out.partial{number}")
        assert str(partial / "model_recovered.keras") in notes(raised.value)[-1]
        assert [(path.name, path.read_text()) for path in partial.iterdir()] == [
            ("model_recovered.keras", f"model{number}")
        ]
    assert {path.name for path in output.parent.iterdir()} == {"out.partial", "out.partial-2"}


def test_an_empty_partial_output_is_not_left(tmp_path):
    with pytest.raises(KeyError) as raised, staged_folder(tmp_path / "out", overwrite=False, keeps=always) as staging:  # noqa: PT012
        (staging / ".part-report.json").write_text("half")
        raise KeyError("x")
    assert notes(raised.value) == []
    assert list(tmp_path.iterdir()) == []


def test_a_partial_output_of_a_long_name(tmp_path):
    output = tmp_path / ("ö" * 127)  # 254 bytes
    with pytest.raises(KeyError), staged_folder(output, overwrite=False, keeps=always) as staging:  # noqa: PT012
        export_into(staging)
        raise KeyError("x")
    (partial,) = tmp_path.iterdir()
    assert partial.name.endswith(".partial")


KILLED = """
import os, sys
from pathlib import Path
from edgeswap.system.output import staged_folder
from edgeswap.system.scratch import scratch_folder

with scratch_folder() as scratch, staged_folder(Path(sys.argv[1]), overwrite=True, keeps=lambda: True) as staging:
    (scratch / "samples.npy").write_text("x")
    for name in sys.argv[2:]:
        (staging / name).write_text("new")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def killed(tmp_path, monkeypatch):
    """Runs an export that is killed when it has written the files that are named."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def run(output, *names):
        done = subprocess.run([sys.executable, "-c", KILLED, str(output), *names], check=False)
        assert done.returncode == -9

    return run


def test_the_next_run_keeps_what_a_killed_one_had_made(killed, tmp_path):
    output = tmp_path / "results" / "out"
    killed(output, "model_qat.zip", "model.tmp")
    assert [path.name for path in output.parent.iterdir()] != ["out.partial"]
    assert recover(output) == [tmp_path / "results" / "out.partial"]
    assert [path.name for path in output.parent.iterdir()] == ["out.partial"]
    assert [path.name for path in (output.parent / "out.partial").iterdir()] == ["model_qat.zip"]
    killed(output, "model_qat.zip")  # of any output in the folder, by any command that writes there
    with staged_file(output.parent / "other.json", overwrite=False) as staging:
        staging.write_text("{}")
    assert {path.name for path in output.parent.iterdir()} == {"out.partial", "out.partial-2", "other.json"}
    killed(output)
    assert recover(output) == []
    assert {path.name for path in output.parent.iterdir()} == {"out.partial", "out.partial-2", "other.json"}


def test_the_next_run_clears_a_killed_one_s_temporary_files(killed, tmp_path):
    killed(tmp_path / "results" / "out")
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    with scratch_folder() as folder:
        assert list((tmp_path / "temporary").iterdir()) == [folder]


def test_two_runs_at_once_leave_each_other_alone(tmp_path):
    with staged_folder(tmp_path / "one", overwrite=False, keeps=always) as one, scratch_folder() as scratch:
        export_into(one)
        script = "from edgeswap.system.scratch import scratch_folder\nwith scratch_folder() as folder: print(folder)"
        subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"TMPDIR": str(scratch.parent)})
        assert scratch.is_dir()
        with staged_folder(tmp_path / "two", overwrite=False) as two:
            export_into(two)
        assert recover(tmp_path / "three") == []
        assert (one / "report.json").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_an_output_that_was_being_replaced_when_the_run_was_killed_is_put_back(tmp_path):
    hidden = tmp_path / ".edgeswap-0123abcd"
    export_into_new(hidden / "old" / "out", "old")
    export_into_new(hidden / "new" / "out", "new")
    assert recover(tmp_path / "out") == [tmp_path / "out.partial"]
    assert (tmp_path / "out" / "report.json").read_text() == "old"
    assert (tmp_path / "out.partial" / "report.json").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.partial"}


def test_what_is_not_a_run_s_is_never_cleared_away(tmp_path):
    for name in (".edgeswap-notes", ".edgeswap-0123abcd", ".edgeswap-01234567"):
        (tmp_path / name).mkdir()
    (tmp_path / ".edgeswap-0123abcd" / "mine.txt").touch()
    (tmp_path / ".edgeswap-abcdef01").symlink_to(tmp_path / ".edgeswap-notes")
    assert recover(tmp_path / "out") == []
    # An empty folder of just such a name is what a run leaves that was killed at once.
    assert {path.name for path in tmp_path.iterdir()} == {".edgeswap-notes", ".edgeswap-0123abcd", ".edgeswap-abcdef01"}


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refused(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with staged_folder(tmp_path / "one", overwrite=False) as one:
        assert recover(tmp_path / "two") == []
        assert one.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["model_recovered.keras"], "edgeswap export 'my out.partial/model_recovered.keras', without a swap"),
        (["model_recovered.keras", "model_qat.zip"], "edgeswap.load_qat('my out.partial/model_qat.zip')"),
        (["model_float32.tflite", "model_int8.tflite", "model_qat.zip"], "edgeswap bench 'my out.partial/model_float3"),
        (FILES, "The models and the report are complete."),
    ],
)
def test_how_to_go_on(names, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    partial = tmp_path / "my out.partial"
    partial.mkdir()
    for name in names:
        (partial / name).touch()
    text = how_to_go_on(partial)
    assert text.startswith("What was made is kept in my out.partial: ")
    assert said in text


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
        if os.fspath(target) == os.fspath(output) and "/old/" not in os.fspath(source):
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
