"""The store as a run sees it: ask for a result, keep one; what goes wrong with it never ends the run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgeswap.progress import Progress, Silent
from edgeswap.records import Caution
from edgeswap.store.digest import UntoldError, digest
from edgeswap.store.entry import clear_abandoned, drop, read_entry, write_entry
from edgeswap.store.made_by import made_by
from edgeswap.store.place import made, store_folder
from edgeswap.store.prune import prune
from edgeswap.system.cache import LIMIT_BYTES
from edgeswap.system.scratch import is_full

T = TypeVar("T")


class Form(Protocol[T]):
    """How a kind of result is written into a folder and read from it."""

    def write(self, value: T, folder: Path) -> None:
        """Write the files."""

    def read(self, folder: Path) -> T:
        """What `write` was given."""


@dataclass(frozen=True)
class MadeOf:
    """All that a stage's result is made of, see `keys`.

    Attributes:
        stage: what the result is, such as `trained weights`.
        parts: by name.
        what: the result in words, for people; it is no part of the key. Empty where it saves next to nothing.
    """

    stage: str
    parts: Mapping[str, Any]
    what: str


@dataclass(frozen=True)
class Key:
    """The name of a result in the store, and the result in words."""

    stage: str
    digest: str
    what: str


class RunStore:
    """Results of stages, found again by what they are made of.

    Args:
        root: its folder, made where there is none; None keeps and finds nothing.
        limit_bytes: what it may hold; what was used least recently goes first.
        devices: that TensorFlow may compute on; they are part of every key.
        progress: told once where the store cannot be written, and of each stage that it is off for.

    Attributes:
        saved_s: seconds that it took to make what was found.
        cautions: of stages that it is off for, for the report.
    """

    def __init__(self, root: Path | None, limit_bytes: int, devices: list[str], progress: Progress) -> None:
        self._root, self._limit, self._progress = root, limit_bytes, progress
        self._writes = root is not None
        self._asked: dict[str, float] = {}
        self._has: dict[str, str] = {}
        self.saved_s = 0.0
        self.cautions: list[Caution] = []
        if root is not None:
            self._made_by = {**made_by(), "devices": devices}
            try:
                clear_abandoned(made(root))
            except OSError as error:
                self._give_up(error)

    @property
    def is_on(self) -> bool:
        """Whether there is one."""
        return self._root is not None

    def key(self, made_of: MadeOf, *, warns: bool = True) -> Key | None:
        """The key of a stage's result; None where there is no store, or where something in it cannot be told.

        Where it cannot be told whether something has changed, no earlier result may stand for this one. That is said,
        unless only seconds are lost by it (`warns`).
        """
        if self._root is None:
            return None
        try:
            return Key(made_of.stage, digest([made_of.stage, self._made_by, made_of.parts]), made_of.what)
        except (UntoldError, RecursionError) as error:
            if not warns:
                return None
            caution = Caution(
                kind="not_stored",
                problem=f"The run store does not keep the {made_of.stage}: they depend on {error}, of which edgeswap "
                "cannot tell whether it has changed.",
                remedy="All else goes on; the next run makes them again.",
            )
            if caution not in self.cautions:
                self.cautions.append(caution)
                self._progress.warn(caution.problem, caution.remedy)
            return None

    def find(self, key: Key | None, form: Form[T]) -> T | None:
        """The result that is kept under a key; None where there is none."""
        if key is None or self._root is None:
            return None
        self._asked[key.digest] = time.perf_counter() + self.saved_s
        try:
            found = read_entry(self._root, key.digest, form.read)
        except OSError as error:
            self._give_up(error)
            return None
        if found is None:
            return None
        self.saved_s += found.seconds
        self._has[key.digest] = key.what
        value: T = found.value
        return value

    def keep(self, key: Key | None, form: Form[T], value: T) -> bool:
        """Keep a result under a key that `find` was asked for; whether it, or that of another run, is there now."""
        if key is None or self._root is None or not self._writes:
            return False
        now = time.perf_counter() + self.saved_s
        seconds = now - self._asked.get(key.digest, now)
        try:
            write_entry(self._root, key.digest, key.stage, lambda folder: form.write(value, folder), seconds=seconds)
            prune(self._root, self._limit)
            self._has[key.digest] = key.what
        except OSError as error:
            self._give_up(error)
            return False
        return True

    def drop(self, key: Key) -> None:
        """Drop a result that is no longer needed."""
        self._has.pop(key.digest, None)
        if self._root is not None and (self._root / key.digest).is_dir():
            drop(self._root, key.digest)

    @property
    def holds_all(self) -> bool:
        """Whether all that this run made so far and could keep is in the store, so that nothing else need keep it."""
        return self._writes and not self.cautions

    def how_to_go_on(self) -> str | None:
        """How far a run got that ends early, as sentences for an error; None where the store has nothing of it."""
        has = dict.fromkeys(what for what in self._has.values() if what)
        return (
            f"The run store has {', '.join(has)}: the same command goes on from there."
            if has and self._writes
            else None
        )

    def _give_up(self, error: OSError) -> None:
        """Write nothing more, and say so once."""
        if self._writes:
            self._writes = False
            remedy = "Free some space" if is_full(error) else "Name another folder with --cache-dir"
            self._progress.warn(
                f"Expected to keep results in the run store {str(self._root)!r}, got: {error.strerror or error}.",
                f"The run goes on without it. {remedy}, so that the next run need not make all again.",
            )


NO_STORE = RunStore(None, 0, [], Silent())


def open_store(
    folder: Path | None, *, limit_bytes: int = LIMIT_BYTES, is_on: bool = True, devices: list[str], progress: Progress
) -> RunStore:
    """The store of a run.

    Args:
        folder: as for `store_folder`.
        limit_bytes: see `RunStore`.
        is_on: whether there is to be one at all.
        devices: see `RunStore`.
        progress: see `RunStore`.
    """
    return RunStore(store_folder(folder) if is_on else None, limit_bytes, devices, progress)
