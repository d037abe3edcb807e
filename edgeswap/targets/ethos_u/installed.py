"""Vela, Arm's compiler for the Ethos-U: is it here? Apart from its use, so that this is answered at once."""

from __future__ import annotations

from edgeswap.system.installed import installed_version

PACKAGE = "ethos-u-vela"
REQUIREMENT = f"{PACKAGE}>=5.2,<5.3"  # as the extra `ethos-u` in pyproject.toml; 5.1 leaves ELU to the CPU
MISSING = f"Vela, Arm's compiler for the Ethos-U, is not installed in this Python: pip install '{REQUIREMENT}'"
# What it compiles for, as its --accelerator-config lists them.
ACCELERATORS = tuple(
    f"ethos-{core}-{macs}"
    for core, sizes in (
        ("u55", (32, 64, 128, 256)),
        ("u65", (256, 512)),
        ("u85", (128, 256, 512, 1024, 2048)),
    )
    for macs in sizes
)


def missing() -> list[str]:
    """What this machine lacks for these targets: sentences, each with the command that mends it."""
    return [] if version() else [MISSING]


def version() -> str | None:
    """That is installed in this Python; None where none is."""
    return installed_version(PACKAGE)
