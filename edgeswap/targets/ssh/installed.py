"""What ssh targets need of this machine: is it here? Apart from its use, so that this is answered at once."""

from __future__ import annotations

import shutil

from edgeswap.system.installed import installed_version


def missing() -> list[str]:
    """What ssh targets need and this machine lacks, a sentence each; empty where they are ready."""
    found = []
    if shutil.which("ssh") is None:
        found.append("There is no ssh on PATH: sudo apt install openssh-client")
    if installed_version("pip") is None:
        found.append("This Python has no pip, which finds the boards' wheels: python -m ensurepip")
    return found
