"""The arithmetic and the cells of `python -m benchmarks.emulator`; no emulator runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import emulator as benchmark
from edgeswap.targets.emulator.target import Emulator


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Counts that follow from the place of model, runtime and Pi; returns which were made, in order."""
    made: list[tuple[str, str]] = []

    def count(emulator: Emulator, found: dict[str, Any]) -> dict[str, Any]:
        made.append((emulator.pi, emulator.runtime))
        again = made.count(made[-1]) - 1
        tens = 10 * int(emulator.pi[-1]) + (emulator.runtime == "tflite-runtime")
        return {name: np.array((tens + index) * (1 + again / 50)) for index, name in enumerate(found)}

    def models(seed: int) -> dict[str, Any]:
        return {name: np.frombuffer(f"{seed} {name}".encode(), np.uint8) for name in benchmark.MODELS}

    monkeypatch.setattr(benchmark, "qemu_version", lambda: "7.2.22")
    monkeypatch.setattr(benchmark, "count", count)
    monkeypatch.setattr(benchmark, "models", models)
    return made


def test_every_cell_is_made_once(counted: list[tuple[str, str]], tmp_path: Path) -> None:
    first = benchmark.counts(tmp_path, 0)
    assert len(counted) == 7
    assert counted[-1] == benchmark.AGAIN
    assert benchmark.counts(tmp_path, 0) == first
    assert len(counted) == 7
    benchmark.counts(tmp_path, 1)
    assert len(counted) == 14


def test_a_second_count_that_differs_is_seen(counted: list[tuple[str, str]], tmp_path: Path) -> None:
    found, apart = benchmark.counts(tmp_path, 0)
    assert apart == pytest.approx(0.02)
    text = benchmark.section(found, apart, "the command")
    assert "differed by at most 2.0000 %" in text
    assert "to the digit" in benchmark.section(found, 0.0, "the command")


def test_the_table_has_a_row_for_each_model_and_a_column_for_each_runtime_and_pi(
    counted: list[tuple[str, str]], tmp_path: Path
) -> None:
    found, apart = benchmark.counts(tmp_path, 0)
    rows = [line.split(" | ") for line in benchmark.section(found, apart, "").splitlines() if line.startswith("| ")]
    cells = {row[0].removeprefix("| "): [cell.rstrip(" |") for cell in row[1:]] for row in rows}
    assert cells["M instructions"][0] == "ai-edge-litert, Pi 3"
    assert cells["M instructions"][-1] == "tflite-runtime, Pi 5"
    assert cells["float32 relu6"] == ["30.0", "40.0", "50.0", "31.0", "41.0", "51.0"]
    assert cells["int8 swish"] == ["35.0", "45.0", "55.0", "36.0", "46.0", "56.0"]
    assert cells["float32 by int8, relu6"][2] == f"{50 / 51:.2f}"
