"""Targets with a mind of their own, which another process can import: for tests of what runs them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.errors import TargetError
from edgeswap.progress import Progress

WAIT_S = 60.0


@dataclass(frozen=True)
class Moody:
    """Answers with the JSON in `folder`, as `mood` has it, and leaves a file for each thing it did."""

    name: str
    folder: Path
    mood: str = "answers"
    others: tuple[str, ...] = ()

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        own = self.name.replace("/", "_")
        with progress.step(f"Measuring on {self.name}", total=2.0) as step:
            step.expect(1.0)
            step.advance(0.25, "half a mind")
            if self.mood == "fails":
                raise TargetError(f"{self.name}: expected a good day, got none.", "Try tomorrow.")
            if self.mood == "breaks":
                raise ZeroDivisionError("nobody foresaw it")
            if self.mood == "dies":
                os._exit(3)
            (self.folder / f"{own}.began").touch()
            try:
                if self.mood == "hangs":
                    time.sleep(WAIT_S)
                if self.mood == "meets":
                    self._wait_for(self.others, "began")
                if self.mood == "follows":
                    missing = [name for name in self.others if not self._file(name, "ended").exists()]
                    if missing:
                        raise TargetError(f"{self.name}: began before {missing} had ended.", "Wait for them.")
            finally:
                (self.folder / f"{own}.ended").touch()
            step.advance(0.75)
        return dict(json.loads((self.folder / "answer.json").read_text()), machine=machine(self.name))

    def _file(self, name: str, what: str) -> Path:
        return self.folder / f"{name.replace('/', '_')}.{what}"

    def _wait_for(self, names: Sequence[str], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not all(self._file(name, what).exists() for name in names):
            if time.monotonic() > deadline:
                raise TargetError(f"{self.name}: the others never came.", "Run them at once.")
            time.sleep(0.01)


def machine(name: str) -> dict[str, Any]:
    return {
        "board": f"board of {name}",
        "system": "",
        "cpu": "cpu",
        "architecture": "",
        "int8_instructions": None,
    }


def answer(folder: Path, predicted: Sequence[int] = (0, 1, 2), labels: Sequence[int] | None = (0, 1, 1)) -> None:
    """Write the device script's answer that every target gives."""
    latency = {"p50": 2.0, "p90": 2.5, "p99": 3.0, "mean": 2.1, "runs": 100, "threads": 1}
    correct = None if labels is None else sum(map(int.__eq__, predicted, labels))
    accuracy = {"samples": len(predicted), "correct": correct, "predicted": list(predicted)}
    result = {
        "schema": "edgeswap.benchmark/1",
        "runtime": {"name": "ai-edge-litert", "version": "2.3.0"},
        "api": "interpreter",
        "delegate": "xnnpack",
        "warnings": [],
        "data": {"indices": list(range(len(predicted))), "labels": None if labels is None else list(labels)},
        "models": [{"accuracy": accuracy, "latency_ms": latency}, {"accuracy": accuracy, "latency_ms": latency}],
    }
    (folder / "answer.json").write_text(json.dumps(result))
