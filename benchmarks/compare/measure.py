"""One cell of the table: a tool makes a `.tflite` of a row's float network, and its figures go into a file."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import edgeswap
from benchmarks.compare import figures
from benchmarks.compare.rows import EPOCHS, QAT_EPOCHS, TRAINED_ON, Row
from benchmarks.compare.tools import SCRIPTS, Tool
from benchmarks.compare.venvs import python_of

MOST_SECONDS = 3600  # of a tool
MESSAGE = 200  # characters of a failure's message
QUIET = ("[2026", "Traceback", "  ")


class Cell(NamedTuple):
    """One tool on one row with one seed.

    Attributes:
        figures: None where the tool failed.
        failure: its own message where it did.
        seconds: of the tool, with the start of its process.
        note: what a tool said of its way.
    """

    figures: figures.Figures | None
    failure: str | None
    seconds: float
    note: str = ""


def found(name: str, row: Row, tool: Tool, seed: int, folder: Path) -> Cell | None:
    """The cell as it was measured; None where it was not."""
    file = _file(name, row, tool, seed, folder)
    if not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    given = stored.pop("figures")
    if given is not None:
        pairs: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
        }
        given = figures.Figures(**pairs)
    return Cell(given, **stored)


def measure(name: str, row: Row, tool: Tool, seed: int, folder: Path) -> Cell:
    """The cell, from its file in `folder`, or measured and written to it."""
    stored = found(name, row, tool, seed, folder)
    if stored is not None:
        return stored
    print(f"{row.words}, seed {seed}, {tool.words} ...", flush=True)
    job = prepared(name, row, seed, folder)
    file = _file(name, row, tool, seed, folder)
    cell = run(job, tool, file.with_suffix(".tflite"), folder)
    data = {**cell._asdict(), "figures": None if cell.figures is None else cell.figures._asdict()}
    file.write_text(json.dumps(data), encoding="utf-8")
    return cell


def run(job: dict[str, Any], tool: Tool, output: Path, folder: Path) -> Cell:
    """What a tool makes of a job as `prepared` gives it, and what it shows.

    Args:
        job: see `prepared`.
        tool: what to run.
        output: the `.tflite` to write.
        folder: for environments.
    """
    if job[tool.reads] is None:
        return Cell(None, "not tried: tf_keras has no layer for one of the network's, such as hard-swish", 0.0)
    try:
        python = python_of(tool.requirements, folder)
    except RuntimeError as error:
        return Cell(None, f"does not install: {error}"[:MESSAGE], 0.0)
    paper = output.with_suffix(".job.json")
    output.unlink(missing_ok=True)
    paper.write_text(
        json.dumps({**job, "options": dict(tool.options), "output": str(output.absolute())}), encoding="utf-8"
    )
    start = time.monotonic()
    # -P keeps the scripts' folder off the module path: the checkout's packages are edgeswap's affair alone.
    command = [str(python), "-P", str(SCRIPTS / tool.script), str(paper.absolute())]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=MOST_SECONDS,
            env=_environment(),
        )
    except subprocess.TimeoutExpired:
        return Cell(None, f"not done after {MOST_SECONDS} s", MOST_SECONDS)
    seconds = time.monotonic() - start
    if ran.returncode or not output.exists():
        return Cell(None, _message(ran.stderr, ran.returncode), seconds)
    with np.load(job["samples"]) as arrays:
        test, labels, wanted = (arrays[key] for key in ("test", "labels", "wanted"))
    note = output.with_suffix(".note")
    try:
        shown = figures.measured(output.read_bytes(), wanted, test, labels)
    except (RuntimeError, ValueError) as error:
        return Cell(None, f"the runtime refuses its file: {error}"[:MESSAGE], seconds)
    return Cell(shown, None, seconds, note.read_text(encoding="utf-8") if note.exists() else "")


def prepared(name: str, row: Row, seed: int, folder: Path) -> dict[str, Any]:
    """A row's float network in every format that a tool takes, and its samples, as files; their paths by name.

    Returns:
        `keras`, Keras 3; `tf_keras`, or None where it lacks a layer; `tflite`, float32; `samples`, an `.npz` of
        `calibration`, `test` and `train` as float32, `*_pixels` as uint8, `labels`, `train_labels`, and `wanted`, the
        outputs of the float `.tflite`. Then the settings: `preprocess`, `weight_scales`, `softmax`, `seed`, `epochs`.
    """
    from benchmarks.compare.formats import write_formats  # noqa: PLC0415  (TensorFlow, as all of these)
    from benchmarks.compare.samples import samples  # noqa: PLC0415
    from benchmarks.compare.trained import float_model  # noqa: PLC0415
    from edgeswap.data.preprocess import from_name  # noqa: PLC0415

    place = folder / f"{name}-seed{seed}-{_digest(_row_recipe(row))}"
    place.mkdir(parents=True, exist_ok=True)
    ready = place / "ready.json"
    if not ready.exists():
        written = write_formats(float_model(row.network, seed, folder), row.change, place)
        given, mapped = samples(row, seed), from_name(row.preprocess)
        arrays: dict[str, Any] = {
            "calibration": mapped(given.calibration),
            "calibration_pixels": given.calibration,
            "test": mapped(given.test),
            "test_pixels": given.test,
            "labels": given.labels,
        }
        arrays["wanted"] = figures.outputs(Path(written["tflite"]).read_bytes(), arrays["test"])
        if given.train is not None:
            pixels, labels = given.train
            arrays |= {"train": mapped(pixels), "train_pixels": pixels, "train_labels": labels}
        np.savez(place / "samples.npz", **arrays)
        settings = {
            "preprocess": row.preprocess,
            "weight_scales": row.weight_scales,
            "seed": seed,
            "epochs": QAT_EPOCHS,
        }
        job = {**written, "samples": str((place / "samples.npz").absolute()), **settings}
        ready.write_text(json.dumps(job), encoding="utf-8")
    loaded: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    return loaded


def _environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}


def _message(stderr: str, code: int) -> str:
    """The last line that a tool wrote, which is what its exception says."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith(QUIET)]
    return (lines[-1] if lines else f"exit code {code}")[:MESSAGE]


def _row_recipe(row: Row) -> Sequence[Any]:
    return [row.network, row.change, row.weight_scales, row.preprocess, TRAINED_ON, EPOCHS]


def made(name: str, row: Row, tool: Tool, seed: int, folder: Path) -> Path:
    """Where the `.tflite` of a cell is kept."""
    return _file(name, row, tool, seed, folder).with_suffix(".tflite")


def _file(name: str, row: Row, tool: Tool, seed: int, folder: Path) -> Path:
    recipe = [*_row_recipe(row), tool.script, dict(tool.options), tool.requirements, tool.trains and QAT_EPOCHS]
    if tool.script == "edgeswap_export.py":
        recipe.append(edgeswap.__version__)
    words = f"{name}-seed{seed}-{tool.words.replace(' ', '-')}-{_digest(recipe)}.json"
    return folder / words


def _digest(recipe: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
