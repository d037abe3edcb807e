"""The run store: entries appear whole, damage is noticed, the oldest go first, and nothing of it ends a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeswap.progress import Silent
from edgeswap.store import entry
from edgeswap.store.entry import drop, read_entry, write_entry
from edgeswap.store.prune import entries, prune
from edgeswap.store.run_store import MadeOf, RunStore

A, B, C = (letter * 64 for letter in "abc")


def write(root: Path, key: str, content: bytes = b"content", stage: str = "models") -> bool:
    return write_entry(root, key, stage, lambda folder: _file(folder, content), seconds=1.5)


def _file(folder: Path, content: bytes) -> None:
    (folder / "model.tflite").write_bytes(content)


def read(root: Path, key: str) -> bytes | None:
    found = read_entry(root, key, lambda folder: (folder / "model.tflite").read_bytes())
    return None if found is None else found.value


class BytesForm:
    def write(self, value: bytes, folder: Path) -> None:
        _file(folder, value)

    def read(self, folder: Path) -> bytes:
        return (folder / "model.tflite").read_bytes()


class Noted(Silent):
    def __init__(self):
        self.said: list[str] = []

    def warn(self, problem, remedy):
        self.said.append(f"{problem} {remedy}")


def store_in(root: Path, limit_bytes: int = 10**9, progress: Silent | None = None) -> RunStore:
    return RunStore(root, limit_bytes, ["CPU"], progress or Silent())


def test_an_entry_is_read_as_it_was_written(tmp_path):
    assert read(tmp_path, A) is None
    assert write(tmp_path, A)
    assert read_entry(tmp_path, A, lambda folder: sorted(path.name for path in folder.iterdir())) == (
        ["manifest.json", "model.tflite"],
        1.5,
    )
    assert [path.name for path in tmp_path.iterdir()] == [A]


@pytest.mark.parametrize(
    "damage",
    {
        "a byte of a file": lambda folder: (folder / "model.tflite").write_bytes(b"cOntent"),
        "a file cut short": lambda folder: (folder / "model.tflite").write_bytes(b""),
        "a file gone": lambda folder: (folder / "model.tflite").unlink(),
        "a file more": lambda folder: (folder / "more").touch(),
        "a folder in a file's place": lambda folder: (
            (folder / "model.tflite").unlink(),
            (folder / "model.tflite").mkdir(),
        ),
        "no manifest": lambda folder: (folder / "manifest.json").unlink(),
        "an empty manifest": lambda folder: (folder / "manifest.json").write_bytes(b""),
        "a manifest of nothing": lambda folder: (folder / "manifest.json").write_text("[]"),
        "another entry's manifest": lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text().replace(A, B)
        ),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_damaged_entry_is_dropped_and_made_again(damage, tmp_path):
    write(tmp_path, A)
    damage[1](tmp_path / A)
    assert read(tmp_path, A) is None
    assert list(tmp_path.iterdir()) == []
    assert write(tmp_path, A)
    assert read(tmp_path, A) == b"content"


def test_a_write_that_fails_leaves_nothing(tmp_path):
    def fails(folder: Path) -> None:
        _file(folder, b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_entry(tmp_path, A, "models", fails, seconds=0)
    assert list(tmp_path.iterdir()) == []


def test_the_faster_of_two_runs_wins(tmp_path):
    def slow(folder: Path) -> None:
        _file(folder, b"slow")
        assert write(tmp_path, A, b"fast")

    assert not write_entry(tmp_path, A, "models", slow, seconds=0)
    assert read(tmp_path, A) == b"fast"
    assert [path.name for path in tmp_path.iterdir()] == [A]


WRITER = """
import sys
from pathlib import Path
from edgeswap.store.entry import drop, read_entry, write_entry
root = Path(sys.argv[1])
for turn in range(60):
    key = format(turn % 3, "x") * 64
    found = read_entry(root, key, lambda folder: (folder / "data").read_bytes())
    assert found is None or found.value == key.encode() * 1000, "half an entry"
    if found is None:
        write_entry(root, key, "data", lambda folder: (folder / "data").write_bytes(key.encode() * 1000), seconds=0)
    elif turn % 7 == 0:
        drop(root, key)
"""


def test_runs_at_once_do_not_hurt_each_other(tmp_path):
    started = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert all(len(path.name) == 64 for path in tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from edgeswap.store.entry import write_entry
def write(folder):
    (folder / "half").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
write_entry(Path(sys.argv[1]), "a" * 64, "data", write, seconds=0)
"""


def test_what_a_killed_run_was_writing_goes_with_the_next_run(tmp_path):
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(entry.NEW)
    store_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["CACHEDIR.TAG"]


def test_what_was_used_least_recently_goes_first(tmp_path):
    for age, key in enumerate((C, B, A)):
        write(tmp_path, key, b"x" * 1000)
        os.utime(tmp_path / key, (1000 + age, 1000 + age))
    assert read(tmp_path, C) is not None  # it was used now
    assert [one.key for one in entries(tmp_path)] == [B, A, C]
    size = sum(one.size_bytes for one in entries(tmp_path))
    assert prune(tmp_path, size) == []
    assert [one.key for one in prune(tmp_path, size - 1)] == [B]
    assert [one.key for one in prune(tmp_path, 0)] == [A, C]
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_an_entry_is_never_pruned(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").touch()
    (tmp_path / A[:-1]).touch()
    assert prune(tmp_path, 0) == []
    drop(tmp_path, B)
    assert (tmp_path / "photos" / "mine.jpg").exists()


def test_a_result_is_found_under_all_that_it_was_made_of(tmp_path):
    made_of = MadeOf("models", {"seed": 1}, "it")
    store = store_in(tmp_path)
    assert store.find(store.key(made_of), BytesForm()) is None
    assert store.keep(store.key(made_of), BytesForm(), b"one")
    again = store_in(tmp_path)
    assert again.find(again.key(made_of), BytesForm()) == b"one"
    assert again.saved_s >= 0
    assert again.find(again.key(MadeOf("models", {"seed": 2}, "it")), BytesForm()) is None
    assert again.find(again.key(MadeOf("weights", {"seed": 1}, "it")), BytesForm()) is None
    elsewhere = RunStore(tmp_path, 10**9, ["GPU"], Silent())
    assert elsewhere.find(elsewhere.key(made_of), BytesForm()) is None


@pytest.mark.parametrize("changed", ["edgeswap", "source", "tensorflow", "tf_keras", "numpy", "TF_XLA_FLAGS"])
def test_another_version_makes_all_anew(changed, tmp_path, monkeypatch):
    from edgeswap.store import run_store
    from edgeswap.store.made_by import made_by

    before = store_in(tmp_path).key(MadeOf("models", {}, "it"))
    monkeypatch.setattr(run_store, "made_by", lambda: {**made_by(), changed: "another"})
    assert store_in(tmp_path).key(MadeOf("models", {}, "it")) != before


def test_a_limit_holds_for_what_a_run_keeps(tmp_path):
    store = store_in(tmp_path, limit_bytes=3000)
    for seed in range(4):
        key = store.key(MadeOf("models", {"seed": seed}, "it"))
        store.find(key, BytesForm())
        store.keep(key, BytesForm(), b"x" * 1000)
    assert sum(one.size_bytes for one in entries(tmp_path)) <= 3000
    assert store.find(key, BytesForm()) == b"x" * 1000


def test_a_full_disk_is_said_once_and_the_run_goes_on(full_disk):
    progress = Noted()
    store = store_in(full_disk("64k") / "store", progress=progress)
    for seed in range(3):
        key = store.key(MadeOf("models", {"seed": seed}, "it"))
        assert store.find(key, BytesForm()) is None
        assert not store.keep(key, BytesForm(), b"x" * 100_000)
    (said,) = progress.said
    assert "No space left on device" in said
    assert "Free some space" in said


def test_a_folder_that_cannot_be_is_said_once_and_the_run_goes_on(tmp_path):
    (tmp_path / "file").touch()
    progress = Noted()
    store = store_in(tmp_path / "file" / "store", progress=progress)
    key = store.key(MadeOf("models", {}, "it"))
    assert store.find(key, BytesForm()) is None
    assert not store.keep(key, BytesForm(), b"x")
    (said,) = progress.said
    assert "--cache-dir" in said


def test_what_cannot_be_told_is_not_kept_and_that_is_said(tmp_path):
    progress = Noted()
    store = store_in(tmp_path, progress=progress)
    made_of = MadeOf("trained weights", {"loss": [object()]}, "it")
    assert store.key(made_of) is None
    assert store.key(made_of) is None
    assert not store.keep(None, BytesForm(), b"x")
    (caution,) = store.cautions
    assert caution.kind == "not_stored"
    assert "builtins.object" in caution.problem
    assert progress.said == [f"{caution.problem} {caution.remedy}"]


# --- edgeswap cache ---------------------------------------------------------------------------------------------------

COMMANDS = """
import sys
from edgeswap.cli.main import run
for command in (["path"], ["list"], ["list", "--json"], ["prune"]):
    assert run(["cache", *command]) == 0
assert not {"tensorflow", "keras", "tf_keras"} & set(sys.modules)
"""


@pytest.mark.slow
def test_the_cache_commands_import_no_tensorflow():
    subprocess.run([sys.executable, "-c", COMMANDS], check=True)


def test_the_cache_commands(tmp_path, capsys):
    from edgeswap.cli.main import run

    def cache(*arguments: object) -> str:
        assert run(["cache", *map(str, arguments)]) == 0
        return capsys.readouterr().out

    assert cache("path", "--cache-dir", tmp_path).strip() == str(tmp_path)
    assert json.loads(cache("path", "--json"))["folder"] == os.environ["EDGESWAP_CACHE_DIR"]
    for key, stage in ((A, "converted models"), (B, "trained weights")):
        write(tmp_path, key, b"x" * 5000, stage)
        os.utime(tmp_path / key, (1000, 1000 if key == A else 2000))
    told = cache("list", "--cache-dir", tmp_path)
    assert told.startswith("2 results, 10.")
    assert "1970-01-01" in told
    listed = json.loads(cache("list", "--cache-dir", tmp_path, "--json"))
    assert [(one["key"], one["stage"]) for one in listed["entries"]] == [
        (B, "trained weights"),
        (A, "converted models"),
    ]
    pruned = json.loads(cache("prune", "--cache-dir", tmp_path, "--cache-size", 9000, "--json"))
    assert [one["key"] for one in pruned["entries"]] == [A]
    assert cache("prune", "--cache-dir", tmp_path, "--cache-size", 0).startswith("Dropped 1 result")
    assert cache("list", "--cache-dir", tmp_path / "none").startswith("0 results, 0.0")
    (tmp_path / "file").touch()
    for command in ("list", "prune"):
        assert run(["cache", command, "--cache-dir", str(tmp_path / "file")]) == 1
        assert "Expected the folder of a run store, got the file" in capsys.readouterr().err
