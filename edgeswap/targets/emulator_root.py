"""What the emulator runs in: an Arm root, both runtimes' wheels, and the plugin that counts; made once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from edgeswap import shipped
from edgeswap.errors import OutputError, TargetError
from edgeswap.output import staged_folder
from edgeswap.progress import Progress, Silent
from edgeswap.targets.emulator_debian import PACKAGES, PYTHON, SUITE, unpack_debian
from edgeswap.targets.emulator_pi import PIS, write_view
from edgeswap.targets.emulator_tool import run_tool
from edgeswap.targets.pip import has_pip
from edgeswap.targets.script import SCRIPT, watch

QEMU = "qemu-aarch64"
PLUGIN = "deploy/emulator/instructions.c"
FORMAT = 1  # of the folder; a new one is built beside it
BUILD = "edgeswap target build emulator"
INSTALL = "On Debian 12 run: sudo apt install qemu-user mmdebstrap gcc libc6-dev"
NO_PLUGINS = (
    "Debian 13 builds it so: use a container of Debian 12, or put a QEMU first on PATH that was configured with "
    "--enable-plugins and without --static."
)
RUNTIMES = ("ai-edge-litert", "tflite-runtime")
# Those that the wheels are named after, of what Debian's glibc 2.36 takes (PEP 600).
PLATFORMS = (
    *(f"manylinux_2_{minor}_aarch64" for minor in (34, 31, 28, 27, 24, 17)),
    "manylinux2014_aarch64",
)
# From this version on QEMU refuses plugins of API version 1.
QEMU_OF_API_2 = 9
VERSION = re.compile(r"version (?P<version>(?P<major>\d+)\.[\d.]+)")
# Imports what a run imports, so that Python keeps it compiled, and shows that the runtime starts.
TRIAL = (
    "import runpy, sys; script = runpy.run_path(sys.argv[1], run_name='trial'); "
    "found = script['find_runtime'](sys.argv[2]); expected = sys.argv[3]; "
    "sys.exit(None if found.version == expected else f'expected {expected}, got {found.version}')"
)


def requirements() -> dict[str, tuple[str, str]]:
    """What pip is asked for, by runtime. ai-edge-litert is this machine's, so that int8 outputs can be the same."""
    return {
        "ai-edge-litert": (f"ai-edge-litert=={metadata.version('ai-edge-litert')}", "numpy==2.4.6"),
        "tflite-runtime": ("tflite-runtime==2.14.0", "numpy==1.26.4"),  # compiled against NumPy 1
    }


def qemu_version() -> str | None:
    """The version of the `qemu-aarch64` on PATH; None where there is none that starts."""
    try:
        done = subprocess.run([QEMU, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    found = VERSION.search(done.stdout)
    return found["version"] if found else None


def _takes_plugins() -> bool:
    done = subprocess.run([QEMU, "-h"], capture_output=True, text=True, timeout=60, check=False)
    return "-plugin" in done.stdout


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
    # XDG Base Directory Specification: a relative path is as good as none.
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    cache = named if named.is_absolute() else Path.home() / ".cache"
    return cache / "edgeswap" / "emulator" / key


def missing() -> list[str]:
    """What is not there yet on this machine, a sentence each; empty when models can be run."""
    qemu = qemu_version()
    if qemu and location(qemu).is_dir():
        return []
    found = [] if qemu else [f"{QEMU} is not on PATH. {INSTALL}"]
    if qemu and not _takes_plugins():
        found.append(f"{QEMU} {qemu} takes no plugins, and without one nothing counts instructions. {NO_PLUGINS}")
    found += [f"{tool} is not on PATH. {INSTALL}" for tool in ("mmdebstrap", "gcc") if not shutil.which(tool)]
    if not has_pip():
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
            with progress.step("Compile the counting plugin", expected_s=0.3):
                _compile_plugin(staging, qemu)
            with progress.step("Debian for Arm", expected_s=7):
                unpack_debian(staging / "root")
            for name, pi in PIS.items():
                write_view(pi, staging / name, staging / "root", f"QEMU {qemu}")
            for runtime, specifiers in requirements().items():
                with progress.step(f"Wheels of {runtime}", expected_s=5):
                    _unpack_wheels(staging / runtime, specifiers)
                with progress.step(f"Start {runtime} on Arm", expected_s=10):
                    _try(staging, runtime, specifiers[0].partition("==")[2])
    except OutputError:
        if not folder.is_dir():
            raise  # else another run was faster
    return folder


def command(folder: Path, pi: str, *, counts: Path | None = None) -> list[str]:
    """The start of a command line that runs Python as on `pi`; with `counts` the plugin appends to that file."""
    start = [QEMU, "-cpu", PIS[pi].qemu_cpu, "-L", str(folder / pi)]
    if counts:
        # QEMU takes a comma for the end of a value, unless there are two.
        plugin, out = (str(path).replace(",", ",,") for path in (folder / "instructions.so", counts))
        start += ["-plugin", f"{plugin},out={out}"]
    return [*start, str(folder / "root" / "usr" / "bin" / f"python{PYTHON}")]


def environment(folder: Path, runtime: str) -> dict[str, str]:
    """All variables of an emulated Python: none of this machine's, so that two runs do the same."""
    return {
        "LANG": "C.UTF-8",
        "PYTHONHOME": str(folder / "root" / "usr"),
        "PYTHONPATH": str(folder / runtime),
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
    }


def _compile_plugin(folder: Path, qemu: str) -> None:
    api = 2 if int(qemu.partition(".")[0]) >= QEMU_OF_API_2 else 1
    options = ["-shared", "-fPIC", "-O2", f"-DPLUGIN_API={api}"]
    run_tool(
        ["gcc", *options, "-o", str(folder / "instructions.so"), str(shipped.path(PLUGIN))],
        remedy="On Debian run: sudo apt install gcc libc6-dev",
    )


def _unpack_wheels(folder: Path, specifiers: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(prefix="edgeswap-") as scratch:
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"]
        for platform in PLATFORMS:
            options += ["--platform", platform]
        run_tool(
            [sys.executable, "-m", "pip", "download", *options, "--dest", scratch, *specifiers],
            remedy="Check this machine's connection and pip's configuration.",
        )
        for wheel in sorted(Path(scratch).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)


def _try(folder: Path, runtime: str, version: str) -> None:
    """Start the runtime as on each Pi, with the plugin.

    Raises:
        TargetError: it does not start, or QEMU takes no plugins.
    """
    for pi in PIS:
        with tempfile.TemporaryDirectory(prefix="edgeswap-") as scratch:
            arguments = ["-c", TRIAL, str(shipped.path(SCRIPT)), runtime, version]
            line = [*command(folder, pi, counts=Path(scratch) / "counts.txt"), *arguments]
            with Silent().step("") as step:
                watch(
                    line,
                    step,
                    name=f"emulator:{pi}",
                    silence_s=600,
                    environment=environment(folder, runtime),
                    folder=Path(scratch),
                )
