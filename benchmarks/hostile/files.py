"""Broken files that were found once and kept: each through every command that reads such a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.hostile.draw import NAMES, READERS, sound_case
from benchmarks.hostile.originals import originals
from benchmarks.hostile.run import Result, ordinary, run_case
from benchmarks.hostile.supervise import Workers

FORMS = {".keras": "keras", ".h5": "h5", ".tflite": "tflite", ".npz": "npz"}
COMMANDS = ("check", "swap", "bench", "benchmark.py")


def broken_file_results(source: Path, folder: Path) -> list[Result]:
    """What comes of each file in `source`; `folder` is for the sound files beside them and for the runs."""
    sound = originals(folder / "originals")
    limits = ordinary(sound, folder, folder / "ordinary.json")
    workers, results = Workers(), []
    for file in sorted(source.iterdir()):
        form = FORMS.get(file.suffix)
        if form is None:
            continue
        for command in READERS[form]:
            if command in COMMANDS:
                case = replace(
                    sound_case(form, command, sound),
                    source=file.name,
                    mutation="kept",
                    tree={NAMES[form]: file.read_bytes()},
                )
                results.append(run_case(workers, case, folder / "broken", limits[form, command]))
    workers.close()
    return results
