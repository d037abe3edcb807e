"""What each target needs of this machine, and what of it is missing. Nothing here imports TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeswap.errors import TargetError
from edgeswap.targets import registry
from edgeswap.targets.edgetpu import installed as coral
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.names import require_known


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
    """What this machine lacks for a target: sentences, each with what mends it.

    Raises:
        ConfigError: there is no such target.
    """
    return require_known(name).missing()


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
    """Every target, with what it lacks here, and the delegate that edgeswap knows by name."""
    found = []
    for kind in registry.KINDS:
        if kind.is_target:
            about, lacking = kind.about() if kind.about else "", tuple(kind.missing())
            found += [Readiness(name, about, lacking) for name in kind.names]
    edge_tpu = "Coral's Edge TPU on the host or a board; without its compiler, what its table of operators says"
    return [*found, Readiness(f"--delegate {EDGE_TPU}", edge_tpu, tuple(coral.missing()))]
