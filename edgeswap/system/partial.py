"""What a run that did not end well had made already: kept beside the output, for it may have taken hours."""

from __future__ import annotations

import fnmatch
import itertools
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeswap.system.claim import remove

BASELINE = "model_float32.tflite"
DYNAMIC = "model_dynamic_range.tflite"
RECOVERED = "model_recovered.keras"
CONTROL = "model_control.keras"
QAT_MODEL = "model_qat.zip"
LONGEST_NAME_BYTES = 230  # of the 255 that file systems take


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write the file that will be `path`: it has that name only once it is complete."""
    part = path.with_name(f".part-{path.name}")
    try:
        yield part
        part.rename(path)
    finally:
        remove(part)


def write_whole(path: Path, content: bytes) -> None:
    """Write the file `path`: it has that name only once it is complete."""
    with whole(path) as part:
        part.write_bytes(content)


def keep(made: Path, output: Path, names: tuple[str, ...]) -> Path | None:
    """Move the folder `made` to a free name beside `output`, such as `out.partial` or `out.partial-2`.

    Args:
        made: what a run had written when it ended; it goes where nothing of `names` is in it.
        output: what it should have become.
        names: patterns of the files that are worth keeping. All others are deleted: they may be incomplete.

    Returns:
        The new folder; None where there is nothing to keep.
    """
    if not made.is_dir():
        return None
    for path in made.iterdir():
        if not is_one_of(path.name, names):
            remove(path)
    if not any(made.iterdir()):
        remove(made)
        return None
    partial = _free(output)
    made.rename(partial)  # in the place of an empty folder
    return partial


def is_one_of(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns, such as `model_int8_ethos-*.tflite`, stands for a file of this name."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _free(output: Path) -> Path:
    stem = os.fsdecode(os.fsencode(output.name)[:LONGEST_NAME_BYTES])
    for number in itertools.count(1):
        path = output.with_name(f"{stem}.partial" + (f"-{number}" if number > 1 else ""))
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError


def holds_trained(partial: Path) -> bool:
    """Whether a folder that `keep` gave holds models that took training."""
    return any((partial / name).exists() for name in (RECOVERED, CONTROL, QAT_MODEL))


def how_to_go_on(partial: Path) -> str:
    """What is in the folder that `keep` gave, and what can be done with it, as sentences for an error."""
    held = {path.name for path in partial.iterdir()}
    where = _shown(partial)
    said = [f"What was made is kept in {where}: {', '.join(sorted(held))}."]
    candidates = sorted(name for name in held - {BASELINE, DYNAMIC} if name.endswith(".tflite"))
    if "report.json" in held:
        said.append("The models and the report are complete.")
    elif BASELINE in held and candidates:
        models = " ".join(shlex.quote(str(where / name)) for name in (BASELINE, candidates[0]))
        said.append(f"Both models are made: measure them with edgeswap bench {models}.")
    elif QAT_MODEL in held:
        said.append(f"Training is done: edgeswap.load_qat({str(where / QAT_MODEL)!r}) gives the fake-quant model.")
    elif RECOVERED in held:
        model = shlex.quote(str(where / RECOVERED))
        said.append(f"Recovery is done: edgeswap export {model}, without a swap, goes on from there.")
    return " ".join(said)


def _shown(partial: Path) -> Path:
    """The path from the working folder where it is in there, as a user would write it."""
    working = Path.cwd()
    return partial.relative_to(working) if partial.is_relative_to(working) else partial
