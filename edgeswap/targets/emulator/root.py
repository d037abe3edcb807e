"""What the emulator runs in: an Arm root, both runtimes' wheels, and the plugin that counts; made once and kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from edgeswap.errors import OutputError, TargetError
from edgeswap.progress import Progress, Silent
from edgeswap.system import shipped
from edgeswap.system.cache import cache_folder
from edgeswap.system.installed import installed_version
from edgeswap.system.output import staged_folder
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.emulator.debian import PACKAGES, SUITE, unpack_debian
from edgeswap.targets.emulator.pi import PIS, write_view
from edgeswap.targets.emulator.qemu import (
    PLUGIN,
    QEMU,
    command,
    compile_plugin,
    environment,
    qemu_version,
    takes_plugins,
)
from edgeswap.targets.emulator.wheels import PLATFORMS, requirements, unpack_wheels
from edgeswap.targets.script import SCRIPT, watch

FORMAT = 1  # of the folder; a new one is built beside it
BUILD = "edgeswap target build emulator"
INSTALL = "On Debian 12 run: sudo apt install qemu-user mmdebstrap gcc libc6-dev"
NO_PLUGINS = (
    "Debian 13 builds it so: use a container of Debian 12, or put a QEMU first on PATH that was configured with "
    "--enable-plugins and without --static."
)
# Imports what a run imports, so that Python keeps it compiled, and shows that the runtime starts.
TRIAL = (
    "import runpy, sys; script = runpy.run_path(sys.argv[1], run_name='trial'); "
    "found = script['find_runtime'](sys.argv[2]); expected = sys.argv[3]; "
    "sys.exit(None if found.version == expected else f'expected {expected}, got {found.version}')"
)


def location(qemu: str) -> Path:
    """Where the folder for a version of QEMU is or would be: named after all that it is made from."""
    recipe = {
        "format": FORMAT,
        "debian": [SUITE, *PACKAGES],
        "wheels": requirements(),
        "platforms": PLATFORMS,
        "plugin": shipped.path(PLUGIN).read_text(),
        "pis": {name: [pi.board, pi.qemu_cpu, pi.cpuinfo] for name, pi in PIS.items()},
        "qemu": qemu,
    }
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "emulator" / key


def missing() -> list[str]:
    """What is not there yet on this machine, a sentence each; empty when models can be run."""
    qemu = qemu_version()
    if qemu and location(qemu).is_dir():
        return []
    found = [] if qemu else [f"{QEMU} is not on PATH. {INSTALL}"]
    if qemu and not takes_plugins():
        found.append(f"{QEMU} {qemu} takes no plugins, and without one nothing counts instructions. {NO_PLUGINS}")
    found += [f"{tool} is not on PATH. {INSTALL}" for tool in ("mmdebstrap", "gcc") if not shutil.which(tool)]
    if installed_version("pip") is None:
        found.append(f"pip is not installed for this Python. Run: {sys.executable} -m ensurepip")
    return [*found, f"The Arm root is not built yet. Run: {BUILD}"]


def built() -> Path:
    """The folder, which must be there.

    Raises:
        TargetError: QEMU is missing, or nothing has been built for it.
    """
    qemu = qemu_version()
    if qemu is None:
        raise TargetError(f"emulator: expected {QEMU} on PATH, there is none.", INSTALL)
    folder = location(qemu)
    if not folder.is_dir():
        raise TargetError("emulator: expected its Arm root to be built, it is not.", f"Run: {BUILD}")
    return folder


def build(progress: Progress | None = None) -> Path:
    """Build what the emulator runs in, unless it is there; it appears whole or not at all.

    It takes some 240 MB: Debian's packages from where apt gets them, wheels from where pip does. No root rights are
    needed.

    Returns:
        The folder, in the user's cache.

    Raises:
        TargetError: a tool is missing or failed, or the emulated Python does not start.
        OutputError: the cache cannot be written, or its disk is full.
    """
    progress = progress or Silent()
    qemu = qemu_version()
    lacking = [sentence for sentence in missing() if BUILD not in sentence]
    if qemu is None or lacking:
        problem, _, remedy = lacking[0].partition(". ")
        raise TargetError(f"emulator: {problem}.", remedy)
    folder = location(qemu)
    if folder.is_dir():
        return folder
    try:
        with staged_folder(folder, overwrite=False) as staging:
            with progress.step("Compile the counting plugin"):
                compile_plugin(staging, qemu)
            with progress.step("Debian for Arm"):
                unpack_debian(staging / "root")
            for name, pi in PIS.items():
                write_view(pi, staging / name, staging / "root", f"QEMU {qemu}")
            for runtime, specifiers in requirements().items():
                with progress.step(f"Wheels of {runtime}"):
                    unpack_wheels(staging / runtime, specifiers)
                with progress.step(f"Start {runtime} on Arm"):
                    _try(staging, runtime, specifiers[0].partition("==")[2])
    except OutputError:
        if not folder.is_dir():
            raise  # else another run was faster
    return folder


def _try(folder: Path, runtime: str, version: str) -> None:
    """Start the runtime as on each Pi, with the plugin.

    Raises:
        TargetError: it does not start, or QEMU takes no plugins.
    """
    for pi in PIS:
        with scratch_folder() as scratch:
            arguments = ["-c", TRIAL, str(shipped.path(SCRIPT)), runtime, version]
            line = [*command(folder, pi, counts=scratch / "counts.txt"), *arguments]
            with Silent().step("") as step:
                watch(
                    line,
                    step,
                    name=f"emulator:{pi}",
                    silence_s=600,
                    environment=environment(folder, runtime),
                    folder=scratch,
                )
