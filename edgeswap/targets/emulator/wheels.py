"""Both runtimes for Arm, as wheels that are unpacked side by side, each with the NumPy that it takes."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from edgeswap.system.installed import installed_version
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.emulator.debian import PYTHON
from edgeswap.targets.emulator.tool import run_tool

RUNTIMES = ("ai-edge-litert", "tflite-runtime")
# Those that the wheels are named after, of what Debian's glibc 2.36 takes (PEP 600).
PLATFORMS = (
    *(f"manylinux_2_{minor}_aarch64" for minor in (34, 31, 28, 27, 24, 17)),
    "manylinux2014_aarch64",
)


def requirements() -> dict[str, tuple[str, str]]:
    """What pip is asked for, by runtime. ai-edge-litert is this machine's, so that int8 outputs can be the same."""
    return {
        "ai-edge-litert": (f"ai-edge-litert=={installed_version('ai-edge-litert')}", "numpy==2.4.6"),
        "tflite-runtime": ("tflite-runtime==2.14.0", "numpy==1.26.4"),  # compiled against NumPy 1
    }


def unpack_wheels(folder: Path, specifiers: Sequence[str]) -> None:
    """Make `folder`, for PYTHONPATH, from what pip finds for `specifiers`; their dependencies are not needed to run.

    Raises:
        TargetError: pip failed; the remedy has its last words.
    """
    with scratch_folder() as scratch:
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"]
        for platform in PLATFORMS:
            options += ["--platform", platform]
        run_tool(
            [sys.executable, "-m", "pip", "download", *options, "--dest", str(scratch), *specifiers],
            remedy="Check this machine's connection and pip's configuration.",
        )
        for wheel in sorted(scratch.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
