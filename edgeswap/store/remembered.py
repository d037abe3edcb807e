"""A measurement on this machine that an earlier run made of the same files: taken from the store, and said to be old.

Only `host` is remembered. What stands behind the address of a board, nobody knows before it is asked.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeswap.progress import Progress
from edgeswap.store.entry import file_sha256
from edgeswap.store.keys import measurement
from edgeswap.store.run_store import RunStore
from edgeswap.system import shipped
from edgeswap.system.installed import installed_version
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Target
from edgeswap.targets.names import OWN_DELEGATES
from edgeswap.targets.script import SCRIPT

# Warnings of the device script whose remedy is to measure again. It names them so.
DISTURBED = frozenset({"throttled", "other-load", "outliers", "warm-up-not-steady"})
_ANSWER = "answer.json"
_GOVERNORS = Path("/sys/devices/system/cpu/cpufreq")


def remembered(target: Target, delegate: str | None, store: RunStore) -> Target:
    """The target; where that is this machine by a delegate of the runtime's own, one that looks in the store first."""
    known = isinstance(target, Host) and delegate in (None, *OWN_DELEGATES)
    return Remembered(target, store) if known else target


class Remembered:
    """A target whose answers the store keeps; see `edgeswap.targets.measure.Target`.

    An answer counts as old: a warning says when it was measured. One that other programs disturbed is not kept, for the
    remedy is to measure again; neither is a failure.
    """

    def __init__(self, target: Target, store: RunStore) -> None:
        self.name = target.name
        self._target, self._store = target, store

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """As that of the target, from the store where it is there.

        Raises:
            TargetError: the target did not work.
        """
        form = _AnswerForm(brings or {})
        key = self._store.key(
            measurement(
                target=self.name,
                files={name: file_sha256(path) for name, path in files.items()},
                arguments=arguments,
                script=file_sha256(shipped.path(SCRIPT)),
                state=_state(),
            )
        )
        if (found := self._store.find(key, form)) is not None:
            with progress.step(f"Measuring on {self.name}: stored"):
                return _said_to_be_old(found)
        answer = self._target.run(files, arguments, progress=progress, brings=brings)
        if not DISTURBED & {warning["name"] for warning in answer["warnings"]}:
            self._store.keep(key, form, answer)
        return answer


class _AnswerForm:
    """The script's answer, and the files that it brings to these paths."""

    def __init__(self, brings: Mapping[str, Path]) -> None:
        self._brings = brings

    def write(self, value: dict[str, Any], folder: Path) -> None:
        (folder / _ANSWER).write_text(json.dumps(value))
        for name, path in self._brings.items():
            shutil.copyfile(path, folder / name)

    def read(self, folder: Path) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads((folder / _ANSWER).read_bytes())
        for name, path in self._brings.items():
            shutil.copyfile(folder / name, path)
        return answer


def _said_to_be_old(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with a warning that its times are of an earlier run; without times there is nothing to warn of."""
    if not any(model["latency_ms"] for model in answer["models"]):
        return answer
    detail = f"the times are of {answer['created']}, of a run with the same models, samples and settings"
    warning = {
        "name": "measured-earlier",
        "seen": [{"model": None, "detail": detail}],
        "advice": "To measure again pass --no-cache.",
    }
    return {**answer, "warnings": [*answer["warnings"], warning]}


def _state() -> dict[str, Any]:
    """What of this machine changes times and is not in every key: kernel, other runtime, governors of the clocks."""
    governors = sorted(_GOVERNORS.glob("*/scaling_governor"))
    return {
        "kernel": platform.release(),
        "tflite-runtime": installed_version("tflite-runtime"),
        "governors": [path.read_text() for path in governors],
    }
