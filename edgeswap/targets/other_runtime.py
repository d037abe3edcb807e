"""A runtime of another version: a Python environment of its own that holds nothing else, made once and kept."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from edgeswap.errors import ConfigError, OutputError, TargetError
from edgeswap.progress import Progress, Silent
from edgeswap.system.cache import cache_folder
from edgeswap.system.installed import installed_version
from edgeswap.system.output import staged_folder
from edgeswap.targets.host import Host
from edgeswap.targets.program import Ended, run_program

RUNTIMES = ("ai-edge-litert", "tflite-runtime", "tensorflow")
# Compiled against NumPy 1, which they do not say: all of tflite-runtime, whose last is 2.14, and ai-edge-litert 1.0.
NUMPY_1 = re.compile(r"tflite-runtime==.*|ai-edge-litert==1\.0(\..*)?")
# A version as PEP 440 spells it; `==` alone, so that what is kept is what was asked for.
FORM = re.compile(r"(?P<name>[a-z-]+)==(?P<version>\d+(\.\d+){0,3}((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?)")
TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class RuntimeVersion:
    """A version of a runtime, as pip is asked for it."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def parse_runtime(requirement: str) -> RuntimeVersion:
    """The runtime that a requirement names.

    Raises:
        ConfigError: it is not `NAME==VERSION`, or NAME is no runtime that runs a `.tflite`.
    """
    found = FORM.fullmatch(requirement)
    if found is None or found["name"] not in RUNTIMES:
        raise ConfigError(
            f"Expected a runtime with its version, got {requirement!r}.",
            f"Name one of {', '.join(RUNTIMES)}, such as 'ai-edge-litert==2.3.0'.",
        )
    return RuntimeVersion(found["name"], found["version"])


def open_runtime(runtime: RuntimeVersion, *, progress: Progress | None = None) -> Host:
    """This machine as a target whose device script runs under that version, which is installed if it is not kept yet.

    Raises:
        TargetError: pip could not install it; the remedy is pip's own last line.
        OutputError: the cache cannot be written, or its disk is full.
    """
    folder = location(runtime)
    if not folder.is_dir():
        try:
            with (
                (progress or Silent()).step(f"Installing {runtime}"),
                staged_folder(folder, overwrite=False) as staging,
            ):
                _install(runtime, staging)
        except OutputError:
            if not folder.is_dir():
                raise  # else another run was faster
    # -I: neither PYTHONPATH nor packages of the user reach it.
    return Host(name=str(runtime), python=(str(_python(folder)), "-I"), options=("--runtime", runtime.name))


def location(runtime: RuntimeVersion) -> Path:
    """Where its environment is or would be: named after all that it is made from."""
    made_from = [_requirements(runtime), sys.version, sys.prefix, platform.machine()]
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    return cache_folder() / "runtimes" / f"{runtime.name}-{runtime.version}-{key}"


def _requirements(runtime: RuntimeVersion) -> list[str]:
    return [str(runtime), "numpy<2" if NUMPY_1.fullmatch(str(runtime)) else "numpy"]


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _install(runtime: RuntimeVersion, folder: Path) -> None:
    """Make an environment without a pip of its own, which takes longest, and fill it by this Python's."""
    if installed_version("pip") is None:
        raise TargetError(
            f"{runtime}: expected pip in this Python, which installs it.", f"Run: {sys.executable} -m ensurepip"
        )
    # A wheel alone: to build a runtime from its source would run a stranger's code and take hours.
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile", "--only-binary=:all:"]
    pip = [sys.executable, "-m", "pip", "--python", str(_python(folder)), "install", *options]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        [*pip, *_requirements(runtime)],
    ):
        ended = run_program(command, timeout_s=TIMEOUT_S, hears_stdout=False)
        if ended.is_late:
            raise TargetError(f"{runtime}: pip did not end within {TIMEOUT_S:g} s.", "Check this machine's connection.")
        if ended.code:
            raise TargetError(f"{runtime}: pip could not install it.", _last_line(ended))


def _last_line(ended: Ended) -> str:
    lines = [line.strip() for line in ended.said.splitlines() if line.strip()]
    return lines[-1] if lines else f"It ended with exit code {ended.code} and said nothing."
