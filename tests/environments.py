"""New environments of Python for tests that need other packages than the project's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def new_environment(folder: Path, *packages: str) -> str:
    """The Python of an environment that holds these packages and nothing else, not even pip, which takes longest."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    install = ["--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-compile", *packages]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    return python
