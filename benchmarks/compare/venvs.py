"""A Python environment of its own for a tool, made once under a folder, with pinned packages."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def python_of(requirements: Sequence[str] | None, folder: Path) -> Path:
    """The interpreter of the environment with `requirements`, which is made where `folder` does not have it yet.

    Args:
        requirements: as pip takes them; None is the environment that runs this.
        folder: for all environments.

    Raises:
        RuntimeError: it could not be made; with what pip said last.
    """
    if requirements is None:
        return Path(sys.executable)
    place = folder / f"environment-{hashlib.sha256(chr(10).join(requirements).encode()).hexdigest()[:8]}"
    python, ready = place.absolute() / "bin" / "python", place / "ready"
    if not ready.exists():
        print(f"environment of {', '.join(requirements)} ...", flush=True)
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", *requirements],
        )
        for command in commands:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise RuntimeError((ran.stderr.strip() or f"exit code {ran.returncode}").splitlines()[-1])
        ready.touch()
    return python
