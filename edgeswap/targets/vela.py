"""Vela, Arm's compiler for the Ethos-U: is it here? Apart from its use, so that this is answered at once."""

from __future__ import annotations

from importlib import metadata

PACKAGE = "ethos-u-vela"
REQUIREMENT = f"{PACKAGE}>=5.2,<5.3"  # as the extra `ethos-u` in pyproject.toml; 5.1 leaves ELU to the CPU
MISSING = f"Vela, Arm's compiler for the Ethos-U, is not installed in this Python: pip install '{REQUIREMENT}'"


def missing() -> list[str]:
    """What this machine lacks for these targets: sentences, each with the command that mends it."""
    return [] if version() else [MISSING]


def version() -> str | None:
    """That is installed in this Python; None where none is."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return None
