"""Which TFLite runtime a board gets, and its wheels, found here and carried there.

A wheel of these packages needs nothing but to be unpacked and put on PYTHONPATH, so the board needs neither pip nor
venv, which Debian does not install with Python. The script imports no package but the runtime and NumPy, so no
dependencies are resolved: pip would evaluate their markers for the Python that runs it, not for the board's.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeswap.errors import TargetError
from edgeswap.system.cache import cache_folder

LITERT = "ai-edge-litert"
TFLITE = "tflite-runtime"
# The versions of deploy/requirements.txt. tflite-runtime was compiled against NumPy 1. LiteRT's CompiledModel imports
# ml_dtypes, its Interpreter does not.
REQUIREMENTS = {
    LITERT: ("ai-edge-litert==2.3.0", "numpy>=2,<3", "ml_dtypes>=0.5,<1"),
    TFLITE: ("tflite-runtime==2.14.0", "numpy>=1.23.2,<2"),
}
# The library of an Edge TPU is built against TFLite's own runtime: 16.0TF2.16.1 goes with tflite-runtime 2.11 to 2.16.
FOR_EDGE_TPU = (TFLITE, LITERT)
PREFERRED = (LITERT, TFLITE)
# The oldest glibc that each architecture's wheels are named after (PEP 600); x86-64 goes back to 2.5.
OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
PIP_TIMEOUT_S = 900.0


@dataclass(frozen=True)
class Facts:
    """What decides which wheels run on a board, as its own Python says.

    Attributes:
        machine: of the kernel, as `uname -m`.
        pointer_bytes: 4 where the programs are of 32 bits, whatever the kernel is.
        python: its version, such as `3.11.2`.
        abi: its tag in the name of a wheel, such as `cp311`.
        multiarch: Debian's name for architecture and C library; may be empty.
        libc: such as `glibc 2.36`; empty where it is another, such as musl.
        own: name to version of those packages that the board has by itself.
    """

    machine: str
    pointer_bytes: int
    python: str
    abi: str
    multiarch: str
    libc: str
    own: dict[str, str]

    @property
    def architecture(self) -> str:
        """As wheels name it; that of the programs, because a Raspberry Pi's 64-bit kernel may run 32-bit ones."""
        if self.pointer_bytes == 4:
            return {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}.get(self.machine, self.machine)
        return {"amd64": "x86_64", "arm64": "aarch64"}.get(self.machine, self.machine)

    @property
    def platforms(self) -> list[str]:
        """Platform tags that run here, newest first (PEP 600, PEP 599); none where the C library is not glibc."""
        if not self.libc.startswith("glibc 2."):
            return []
        newest = int(self.libc.split(".")[1])
        oldest = OLDEST_GLIBC.get(self.architecture, 17)
        tags = [f"manylinux_2_{minor}" for minor in range(newest, oldest - 1, -1)]
        tags += ["manylinux2014"] if newest >= 17 else []
        return [f"{tag}_{self.architecture}" for tag in (*tags, "linux")]

    def __str__(self) -> str:
        libc = self.libc or ("musl" if self.multiarch.endswith("musl") else "another C library than glibc")
        bits = f" ({8 * self.pointer_bytes}-bit programs on a {self.machine} kernel)"
        return (
            f"Python {self.python} ({self.abi}) on {self.architecture}"
            f"{bits if self.architecture != self.machine else ''} with {libc}"
        )


@dataclass(frozen=True)
class Environment:
    """A runtime for a board: what to unpack there; no wheels where it has everything by itself."""

    runtime: str
    wheels: tuple[Path, ...]


def choose(name: str, facts: Facts, *, runtimes: Sequence[str] = PREFERRED, cache: Path | None = None) -> Environment:
    """Find the runtime for a board: the first of `runtimes` that there is a wheel of, else the board's own.

    What is carried has a known version and leaves the board as it is, so it goes before what is installed there.

    Args:
        name: of the target, for errors.
        facts: about the board.
        runtimes: in the order of preference.
        cache: folder of downloaded wheels; None is edgeswap's own.

    Raises:
        TargetError: no runtime runs there, or pip could not look for one.
    """
    cache = cache or cache_folder() / "wheels"
    own_numpy, own_major = "numpy" in facts.own, facts.own.get("numpy", "").split(".")[0]
    if facts.platforms:
        for runtime in runtimes:
            requirements = REQUIREMENTS[runtime]
            wheels = _download(name, facts, requirements, cache)
            # 32-bit Raspberry Pi OS has a NumPy 1 of its own (python3-numpy), for which there is no wheel at large.
            if not wheels and runtime == TFLITE and own_major == "1":
                wheels = _download(name, facts, requirements[:1], cache)
            if wheels:
                return Environment(runtime, wheels)
    for runtime in runtimes:
        if runtime in facts.own and own_numpy and (runtime == LITERT or own_major == "1"):
            return Environment(runtime, ())
    raise TargetError(
        f"{name}: there is no wheel of {' or '.join(first for first, *_ in REQUIREMENTS.values())} with NumPy for "
        f"{facts}, and none is installed there.",
        _remedy(facts),
    )


def _remedy(facts: Facts) -> str:
    if not facts.platforms:
        return (
            "Use a system with glibc, such as Raspberry Pi OS or Debian, or install a runtime and NumPy there yourself."
        )
    if facts.architecture == "armv7l":
        return (
            "Install the 64-bit Raspberry Pi OS; or stay at 32 bits with Python 3.9 to 3.11 and there "
            "run: sudo apt install python3-numpy"
        )
    if facts.architecture not in {"aarch64", "x86_64"}:
        return "Use a board with a 64-bit Arm or x86 system."
    return "Install a newer system there, such as Raspberry Pi OS bookworm or trixie (64-bit)."


def _download(name: str, facts: Facts, requirements: Sequence[str], cache: Path) -> tuple[Path, ...]:
    """The wheels of all the requirements, from the cache if they were ever asked for; none if one does not exist."""
    major, minor, *_ = facts.python.split(".")
    request = [
        *("--only-binary=:all:", "--no-deps", "--implementation", "cp"),
        *("--python-version", f"{major}.{minor}", "--abi", facts.abi),
        *(text for platform in facts.platforms for text in ("--platform", platform)),
        *requirements,
    ]
    folder = cache / hashlib.sha256(json.dumps(request).encode()).hexdigest()[:24]
    if not folder.is_dir():
        try:
            return _fetch(name, request, folder)
        except OSError as error:
            raise TargetError(
                f"{name}: expected to keep the board's packages in {str(cache)!r}, got: {error.strerror or error}.",
                "Set XDG_CACHE_HOME to a folder that can be written to.",
            ) from error
    return tuple(sorted(folder.glob("*.whl")))


def _fetch(name: str, request: Sequence[str], folder: Path) -> tuple[Path, ...]:
    """Download into `folder`, which appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="part-") as part:
        made = Path(part) / "wheels"
        made.mkdir()
        if not _pip(name, ["download", *request, "--dest", str(made)]):
            return ()
        try:
            made.rename(folder)
        except OSError:  # another run was faster
            if not folder.is_dir():
                raise
    return tuple(sorted(folder.glob("*.whl")))


def _pip(name: str, arguments: Sequence[str]) -> bool:
    """Run pip; False if it says that no such wheel exists."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q", "--retries", "2"]
    try:
        done = subprocess.run(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PIP_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(
            f"{name}: pip did not find the board's packages within {PIP_TIMEOUT_S:g} s.",
            "Check this machine's connection; once found, they are kept.",
        ) from error
    if done.returncode == 0:
        return True
    words = [line for line in done.stderr.splitlines() if line.strip()]
    if any("No matching distribution" in line for line in words) and not any("Retrying" in line for line in words):
        return False
    raise TargetError(
        f"{name}: pip could not look for the board's packages: {words[-1] if words else done.returncode}",
        "Check this machine's connection and pip's configuration; once found, they are kept.",
    )
