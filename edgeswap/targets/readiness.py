"""What each target needs of this machine, and what of it is missing. Nothing here imports TensorFlow."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from edgeswap.errors import TargetError
from edgeswap.targets import coral, vela
from edgeswap.targets.coral import EDGE_TPU
from edgeswap.targets.names import EMULATORS, HOST, NPUS, SSH

RUNTIMES = ("ai-edge-litert", "tflite-runtime")


@dataclass(frozen=True)
class Readiness:
    """Whether a target can be used from this machine.

    Attributes:
        name: as in `--target`, or the delegate's.
        about: what it is.
        missing: a sentence for each thing that is not there, with the command that mends it; empty when ready.
    """

    name: str
    about: str
    missing: tuple[str, ...]


def missing(name: str) -> list[str]:
    """What this machine lacks for a target, or for the delegate `edgetpu`: sentences, each with what mends it."""
    if name == HOST:
        return [] if _runtime() else ["No TFLite runtime is installed: pip install ai-edge-litert"]
    if name.startswith(SSH):
        from edgeswap.targets import ssh  # noqa: PLC0415

        return ssh.missing()
    if name in EMULATORS:
        from edgeswap.targets import emulator  # noqa: PLC0415

        return emulator.missing()
    if name == EDGE_TPU:
        return coral.missing()
    return vela.missing()


def require_ready(names: Sequence[str]) -> None:
    """Refuse targets whose tools are not on this machine, before any work is done for them.

    Raises:
        TargetError: a tool is missing; the remedy says how to come by it.
    """
    for name in names:
        if lacking := missing(name):
            raise TargetError(
                f"{name}: expected its tools on this machine, got: {' '.join(lacking)}", "See: edgeswap target list"
            )


def readiness() -> list[Readiness]:
    """Every kind of target, with what it lacks here."""
    about = {
        HOST: f"this machine: {platform.machine()} {platform.system()}, {_runtime() or 'no TFLite runtime'}",
        f"{SSH}user@board": "a board with Python, through your own OpenSSH",
        **dict.fromkeys(EMULATORS, "a Raspberry Pi in QEMU: accuracy, and instructions instead of time"),
        **dict.fromkeys(NPUS, "Arm's Ethos-U NPUs: operators, cycles and memory as its compiler estimates them"),
    }
    targets = [Readiness(name, text, tuple(missing(name))) for name, text in about.items()]
    edge_tpu = "Coral's Edge TPU on the host or a board; without its compiler, what its table of operators says"
    return [*targets, Readiness(f"--delegate {EDGE_TPU}", edge_tpu, tuple(missing(EDGE_TPU)))]


def _runtime() -> str | None:
    """The runtime that the device script will find on this machine, with its version."""
    for name in RUNTIMES:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return None
