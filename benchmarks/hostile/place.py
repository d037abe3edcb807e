"""A folder for one case: what it is given, where it works, where its temporary files go, and what it left there."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile.tree_mutators import Special, Tree

# What may lie in the working folder of a command, whole or as the part that was made.
OUTPUTS = ("out", "out.partial", "swapped.keras")
SAID_CHARACTERS = 20_000
# TensorFlow writes the functions that it traces into files, which go when the process ends.
TRACED = "__autograph_generated_file"


@dataclass(frozen=True)
class Place:
    """The folder and its parts."""

    root: Path

    @property
    def work(self) -> Path:
        """The working folder, which holds the broken file in `in/`."""
        return self.root / "work"

    @property
    def temporary(self) -> Path:
        """For temporary files, of which none shall stay."""
        return self.root / "temporary"

    @property
    def home(self) -> Path:
        """Home of a command that runs from the start on."""
        return self.root / "home"

    @property
    def stdout(self) -> Path:
        """What the command said."""
        return self.root / "stdout.txt"

    @property
    def stderr(self) -> Path:
        """What it said of progress and errors."""
        return self.root / "stderr.txt"

    def as_json(self) -> dict[str, str]:
        """For a worker."""
        parts = {"folder": self.work, "temporary": self.temporary, "stdout": self.stdout, "stderr": self.stderr}
        return {name: str(path) for name, path in parts.items()}

    def said(self) -> str:
        """The end of stderr."""
        if not self.stderr.exists():
            return ""
        return self.stderr.read_bytes().decode("utf-8", "replace")[-SAID_CHARACTERS:]

    def left(self, before: str) -> list[str]:
        """What the command left or changed outside its output; `before` is the state of `in/` at first."""
        found = [
            f"in the working folder: {path.name}" for path in self.work.iterdir() if path.name not in ("in", *OUTPUTS)
        ]
        found += [f"temporary: {path.name}" for path in self.temporary.iterdir() if not path.name.startswith(TRACED)]
        return found + (["its input was changed"] if state(self.work / "in") != before else [])


def set_out(root: Path, tree: Tree) -> Place:
    """Make the folder anew and write the broken file into it."""
    shutil.rmtree(root, ignore_errors=True)
    place = Place(root)
    for folder in (place.work / "in", place.temporary, place.home):
        folder.mkdir(parents=True)
    for name, held in tree.items():
        path = place.work / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(held, bytes):
            path.write_bytes(held)
        elif held == Special():
            os.mkfifo(path)
        elif held.target is not None:
            path.symlink_to(held.target)
    return place


def state(folder: Path) -> str:
    """A hash over names, kinds and bytes of all that is below `folder`; links and fifos are not opened."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        digest.update(f"{path.relative_to(folder)}\0{stat.S_IFMT(mode)}\0".encode("utf-8", "surrogateescape"))
        if stat.S_ISREG(mode):
            digest.update(path.read_bytes())
        elif stat.S_ISLNK(mode):
            digest.update(str(path.readlink()).encode())
    return digest.hexdigest()
