"""What a `--target` may name, and what stands behind each name. Nothing here imports TensorFlow."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeswap.errors import ConfigError
from edgeswap.targets.coral import EDGE_TPU
from edgeswap.targets.ssh_address import Address

if TYPE_CHECKING:  # NumPy alone takes longer to import than everything here
    from edgeswap.compatibility.backends import Backend
    from edgeswap.quantization.specification import DenseScales
    from edgeswap.targets.measure import Target

HOST = "host"
SSH = "ssh://"
PIS = ("pi3", "pi4", "pi5")
EMULATORS = tuple(f"emulator:{pi}" for pi in PIS)
# The configurations that Vela compiles for, as its --accelerator-config lists them.
NPUS = tuple(
    f"ethos-{core}-{macs}"
    for core, sizes in (
        ("u55", (32, 64, 128, 256)),
        ("u65", (256, 512)),
        ("u85", (128, 256, 512, 1024, 2048)),
    )
    for macs in sizes
)
OWN_DELEGATES = ("xnnpack", "none")  # of the runtimes themselves, wherever they run


def require_known(name: str) -> None:
    """Refuse a `--target` that names nothing.

    Raises:
        ConfigError: the name is none of a target; the remedy gives the closest.
    """
    if name == HOST or name in EMULATORS or name in NPUS:
        return
    if name.startswith(SSH):
        Address.parse(name)
        return
    known = (HOST, *EMULATORS, *NPUS, "ssh://user@board")
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise ConfigError(
        f"Expected a target that edgeswap has, got {name!r}.",
        f"{hint}Known: host, ssh://user@board[:port], {', '.join(EMULATORS)}, ethos-u55-128 and its sisters; see: "
        "edgeswap target list",
    )


def runs_models(name: str) -> bool:
    """Whether models run there, so that there are figures; for an NPU a compiler estimates."""
    return name not in NPUS


def lowered_for(targets: Sequence[str]) -> str:
    """What a candidate is lowered for: the first target, by the names of `edgeswap.tflite.lower`.

    A board and an emulated Pi count as ai-edge-litert, which they prefer where both runtimes are to be had.
    """
    return "ethos-u" if targets[0] in NPUS else "ai-edge-litert"


def dense_scales_for(delegate: str | None) -> DenseScales:
    """How many scales the weights of a dense layer may have where the candidate is to run.

    Runtimes of TFLite 2.9 and before, and perhaps the Edge TPU's compiler of the same age, compute nonsense from one
    scale for each unit. tflite-runtime 2.14 and ai-edge-litert compute it rightly (measured), so every other target has
    it; Vela 5.2 packs one scale for each output of a dense layer, as of a convolution.
    """
    return "per-tensor" if delegate == EDGE_TPU else "per-channel"


def backend_of(name: str) -> Backend:
    """What runs operators where a `--target` of `edgeswap check` points.

    Raises:
        ConfigError: none is called so, or it is an `ssh://` that is no address.
    """
    from edgeswap.compatibility.backends import BACKENDS, estimated  # noqa: PLC0415  (its tables take a while to import)

    if name in BACKENDS:
        return BACKENDS[name]
    if name.startswith(SSH):
        Address.parse(name)
    if name.startswith(SSH) or name in EMULATORS:
        return estimated(name)
    raise ConfigError(
        f"Expected a target that edgeswap can check for, got {name!r}.",
        f"Known are: {', '.join(BACKENDS)}, ssh://user@board, {', '.join(EMULATORS)}.",
    )


def require_usable(targets: Sequence[str], delegate: str | None) -> None:
    """Refuse targets that cannot be meant together, or a delegate where it cannot be.

    Raises:
        ConfigError: a target is named twice or unknown, no target runs models, or one cannot take the delegate.
    """
    for name in targets:
        require_known(name)
    if not targets or len(set(targets)) != len(targets):
        raise ConfigError(f"Expected each target once, got {list(targets)}.", "Name every --target one time.")
    if not any(map(runs_models, targets)):
        raise ConfigError(
            f"Expected a target that runs the models beside {targets[0]}, for which a compiler only estimates.",
            "Add --target host: accuracy is measured there.",
        )
    emulated = [name for name in targets if name in EMULATORS]
    if emulated and delegate not in (None, *OWN_DELEGATES):
        raise ConfigError(
            f"Expected host or ssh:// for --delegate {delegate}, got {emulated[0]}, which has no such device.",
            "Leave out one of the two.",
        )


def open_targets(names: Sequence[str], *, keep: bool = False) -> list[Target]:
    """Where models run, in order: an emulated Pi is two, one for each runtime; an NPU is none.

    Args:
        names: of `require_usable`.
        keep: leave on boards what was carried there.
    """
    found: list[Target] = []
    for name in names:
        if name == HOST:
            from edgeswap.targets.host import Host  # noqa: PLC0415  (only who measures needs it)

            found.append(Host())
        elif name in EMULATORS:
            from edgeswap.targets.emulator import Emulator  # noqa: PLC0415  (as above)

            found += Emulator.parse(name)
        elif name.startswith(SSH):
            from edgeswap.targets.ssh import Ssh  # noqa: PLC0415

            found.append(replace(Ssh.parse(name), keep=keep))
    return found
