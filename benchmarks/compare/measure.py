"""One cell of the table: a tool makes a `.tflite` of a row's float network, and its figures go into a file."""

from __future__ import annotations

import hashlib
import json
import os
import re
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
from edgeswap.errors import ModelError

MOST_SECONDS = 3600  # of a tool
MESSAGE = 200  # characters of a failure's message
FOLDERS = re.compile(r"(?<![\w.])/(?:[^\s/:'\"]+/)+")
EXCEPTION = re.compile(r"[\w.]*(Error|Exception)\b")


class ToolError(Exception):
    """What a cell shows in place of figures."""


class Cell(NamedTuple):
    """One tool on one row with one seed.

    Attributes:
        figures: None where the tool failed.
        failure: its own message where it did.
        seconds: of the tool, with the start of its process, and once with the making of its environment.
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
    output.unlink(missing_ok=True)
    seconds = 0.0
    try:
        with np.load(job["samples"]) as arrays:
            if tool.trains and "train" not in arrays:
                raise ToolError("not tried: there are no labelled samples to train on")
            test, labels, wanted = (arrays[key] for key in ("test", "labels", "wanted"))
        if job[tool.reads] is None:
            raise ToolError("not tried: tf_keras has no layer for one of the network's, such as hard-swish")
        start = time.monotonic()
        message = _made_by(tool, {**job, "options": dict(tool.options), "output": str(output.absolute())}, folder)
        seconds = time.monotonic() - start
        if message is not None:
            raise ToolError(message)
        shown = _shown_by(output.read_bytes(), wanted, test, labels)
    except ToolError as failure:
        return Cell(None, str(failure)[:MESSAGE], seconds)
    except (RuntimeError, ValueError) as error:  # ai-edge-litert's, of a file that it cannot run
        return Cell(None, f"the runtime refuses its file: {error}"[:MESSAGE], seconds)
    note = output.with_suffix(".note")
    return Cell(shown, None, seconds, note.read_text(encoding="utf-8") if note.exists() else "")


def _shown_by(tflite_model: bytes, wanted: figures.Floats, test: figures.Floats, labels: Any) -> figures.Figures:
    """The figures of a tool's file; ToolError where it contradicts itself, which the runtime runs none the less."""
    try:
        return figures.measured(tflite_model, wanted, test, labels)
    except ModelError as error:
        right = 100 * np.mean(figures.outputs(tflite_model, test).argmax(axis=1) == labels)
        cause = str(error).splitlines()[0].split(": ", 1)[-1]
        raise ToolError(f"its file is not sound, and has {right:.2f} % right on the runtime: {cause}") from error


def _made_by(tool: Tool, job: dict[str, Any], folder: Path) -> str | None:
    """Run the tool's script; None where it wrote its file, else its message."""
    try:
        python = python_of(tool.requirements, folder)
    except RuntimeError as error:
        return f"does not install: {error}"
    paper = Path(job["output"]).with_suffix(".job.json")
    paper.write_text(json.dumps(job), encoding="utf-8")
    # -P keeps the scripts' folder off the module path.
    command = [str(python), "-P", str(SCRIPTS / tool.script), str(paper)]
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=MOST_SECONDS,
            env=_environment(ours=tool.requirements is None),
        )
    except subprocess.TimeoutExpired:
        return f"not done after {MOST_SECONDS} s"
    return None if ran.returncode == 0 and Path(job["output"]).exists() else _message(ran.stderr, ran.returncode)


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


def _environment(*, ours: bool) -> dict[str, str]:
    """What a tool's process is given; one with packages of its own finds none of ours, nor our choice of Keras."""
    leaking = () if ours else ("PYTHONPATH", "TF_USE_LEGACY_KERAS")
    kept = {name: value for name, value in os.environ.items() if name not in leaking}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}


def _message(stderr: str, code: int) -> str:
    """What a tool's exception says: the last line that looks like one, else the last line; of paths the file's name."""
    lines = [FOLDERS.sub("", line.strip()) for line in stderr.splitlines() if line.strip()]
    raised = [line for line in lines if EXCEPTION.match(line)]
    return [f"exit code {code}", *lines, *raised][-1]


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
