"""The interpreter of TensorFlow Lite for Microcontrollers: is it here? Apart, so that this is answered at once."""

from __future__ import annotations

from edgeswap.system.installed import installed_version

MICRO = "micro"
PACKAGE = "tflite-micro"
REQUIREMENT = f"{PACKAGE}>=0.dev20261023"  # as the extra `micro` in pyproject.toml; there are pre-releases alone
MISSING = f"The interpreter of TensorFlow Lite for Microcontrollers is not in this Python: pip install '{REQUIREMENT}'"


def about() -> str:
    """What it is, for `edgeswap target list`."""
    return "a microcontroller's kernels on this machine: accuracy and memory, no time"


def missing() -> list[str]:
    """What this machine lacks for the target: sentences, each with the command that mends it."""
    return [] if version() else [MISSING]


def version() -> str | None:
    """That is installed in this Python; None where none is."""
    return installed_version(PACKAGE)
