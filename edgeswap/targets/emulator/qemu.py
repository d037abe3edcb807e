"""QEMU for programs of 64-bit Arm Linux: which one is here, how Python is started in it, and the plugin that counts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from edgeswap.system import shipped
from edgeswap.targets.emulator.debian import PYTHON
from edgeswap.targets.emulator.pi import PIS
from edgeswap.targets.emulator.tool import run_tool

QEMU = "qemu-aarch64"
PLUGIN = "deploy/emulator/instructions.c"
# From this version on QEMU refuses plugins of API version 1.
QEMU_OF_API_2 = 9
VERSION = re.compile(r"version (?P<version>\d+\.[\d.]*\d)")


def qemu_version() -> str | None:
    """The version of the `qemu-aarch64` on PATH; None where there is none that starts."""
    found = VERSION.search(_said("--version"))
    return found["version"] if found else None


def takes_plugins() -> bool:
    """Whether it does; one that is linked statically cannot."""
    return "-plugin" in _said("-h")


def compile_plugin(folder: Path, qemu: str) -> None:
    """Make `folder`/instructions.so for a version of QEMU.

    Raises:
        TargetError: the compiler failed; the remedy has its last words.
    """
    api = 2 if int(qemu.partition(".")[0]) >= QEMU_OF_API_2 else 1
    options = ["-shared", "-fPIC", "-O2", f"-DPLUGIN_API={api}"]
    run_tool(
        ["gcc", *options, "-o", str(folder / "instructions.so"), str(shipped.path(PLUGIN))],
        remedy="On Debian run: sudo apt install gcc libc6-dev",
    )


def command(folder: Path, pi: str, *, counts: Path | None = None) -> list[str]:
    """The start of a command line that runs Python as on `pi`; with `counts` the plugin appends to that file."""
    start = [QEMU, "-cpu", PIS[pi].qemu_cpu, "-L", str(folder / pi)]
    if counts:
        # QEMU takes a comma for the end of a value, unless there are two.
        plugin, out = (str(path).replace(",", ",,") for path in (folder / "instructions.so", counts))
        start += ["-plugin", f"{plugin},out={out}"]
    return [*start, str(folder / "root" / "usr" / "bin" / f"python{PYTHON}")]


def environment(folder: Path, runtime: str) -> dict[str, str]:
    """All variables of an emulated Python: none of this machine's Python, so that two runs do the same."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONHOME": str(folder / "root" / "usr"),
        "PYTHONPATH": str(folder / runtime),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
    }


def _said(option: str) -> str:
    try:
        return subprocess.run([QEMU, option], capture_output=True, text=True, timeout=60, check=False).stdout
    except OSError:
        return ""
