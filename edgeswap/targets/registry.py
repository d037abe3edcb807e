"""Every kind of target, a row each: what edgeswap asks of a target by its name is answered here.

A new target is a row and a module. The module is imported when it is used, so that the list of targets comes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgeswap.targets.emulator.pi import PIS, PREFIX
from edgeswap.targets.ethos_u.installed import ACCELERATORS
from edgeswap.targets.micro.installed import MICRO
from edgeswap.targets.ssh.address import Address

if TYPE_CHECKING:  # NumPy alone takes longer to import than everything here
    from edgeswap.compatibility.backends import Backend
    from edgeswap.records import NpuEstimate
    from edgeswap.targets.measure import Target

Line = Literal["alone", "own", "emulated"]

HOST = "host"
SSH = "ssh://"
EMULATORS = tuple(f"{PREFIX}{pi}" for pi in PIS)


@dataclass(frozen=True)
class TargetKind:
    """Targets that differ in their names alone.

    Models run there (`open`), or a compiler estimates (`estimate`), or there is only the table of operators that
    `edgeswap check` asks (`backend`).

    Attributes:
        names: all of them; of an open form such as `ssh://` one example.
        prefix: what the names of an open form begin with.
        listed: how an error lists them, where that is not by `names`.
        require_form: refuses a name of the open form that is malformed, by a ConfigError.
        about: what it is, for `edgeswap target list`.
        missing: what this machine lacks for it, a sentence each with what mends it.
        open: the targets that a name stands for; with True they leave on the board what was carried there.
        estimate: what a compiler expects of an int8 model on a named NPU; it leaves the compiled model in a folder.
        backend: what judges operators for a name in `edgeswap check`.
        measures: what a run there tells of speed.
        line: `alone` is measured first and by itself, since others would disturb its times; `own` runs beside all
            others, as a board does; `emulated` is one after the other of its kind, which keep this machine's cores
            busy and are not timed.
        lowered_for: what a candidate for it is lowered for, by the names of `edgeswap.tflite.lower`. A board and an
            emulated Pi count as ai-edge-litert, which they prefer where both runtimes are to be had.
        delegates: on which machine the library of an external delegate lies; None where there can be none.
        compiled_model: whether LiteRT's CompiledModel can run the models there.
    """

    names: tuple[str, ...]
    prefix: str | None = None
    listed: str = ""
    require_form: Callable[[str], object] | None = None
    about: Callable[[], str] | None = None
    missing: Callable[[], list[str]] = list
    open: Callable[[str, bool], Sequence[Target]] | None = None
    estimate: Callable[[bytes, str, Path], NpuEstimate] | None = None
    backend: Callable[[str], Backend] | None = None
    measures: Literal["time", "instructions"] | None = None
    line: Line = "own"
    lowered_for: Literal["ai-edge-litert", "ethos-u", "tflite-micro"] = "ai-edge-litert"
    delegates: Literal["here", "there"] | None = None
    compiled_model: bool = False

    @property
    def is_target(self) -> bool:
        """Whether `--target` of export and bench takes it, not only that of check."""
        return self.open is not None or self.estimate is not None


def kind_of(name: str) -> TargetKind | None:
    """The kind that a name belongs to, by its first letters where that is an open form; None where there is none."""
    for kind in KINDS:
        if name in kind.names or (kind.prefix is not None and name.startswith(kind.prefix)):
            return kind
    return None


def _host_about() -> str:
    from edgeswap.targets import host  # noqa: PLC0415  (here and below: only who uses a target needs its module)

    return host.about()


def _host_missing() -> list[str]:
    from edgeswap.targets import host  # noqa: PLC0415

    return host.missing()


def _open_host(name: str, keep: bool) -> list[Target]:  # noqa: ARG001  (there is one, and nothing is carried to it)
    from edgeswap.targets.host import Host  # noqa: PLC0415

    return [Host()]


def _ssh_missing() -> list[str]:
    from edgeswap.targets.ssh import installed as ssh_tools  # noqa: PLC0415

    return ssh_tools.missing()


def _open_ssh(name: str, keep: bool) -> list[Target]:
    from edgeswap.targets.ssh.target import Ssh  # noqa: PLC0415

    return [Ssh.parse(name, keep=keep)]


def _emulator_missing() -> list[str]:
    from edgeswap.targets.emulator import root as emulator_root  # noqa: PLC0415

    return emulator_root.missing()


def _open_emulator(name: str, keep: bool) -> list[Target]:  # noqa: ARG001  (nothing is carried to it)
    from edgeswap.targets.emulator.target import Emulator  # noqa: PLC0415

    return [*Emulator.parse(name)]


def _micro_about() -> str:
    from edgeswap.targets.micro import installed as micro  # noqa: PLC0415

    return micro.about()


def _micro_missing() -> list[str]:
    from edgeswap.targets.micro import installed as micro  # noqa: PLC0415

    return micro.missing()


def _open_micro(name: str, keep: bool) -> list[Target]:  # noqa: ARG001  (there is one, and nothing is carried to it)
    from edgeswap.targets.micro.target import Micro  # noqa: PLC0415

    return [Micro()]


def _vela_missing() -> list[str]:
    from edgeswap.targets.ethos_u import installed as vela  # noqa: PLC0415

    return vela.missing()


def _estimate_ethos_u(tflite_model: bytes, name: str, folder: Path) -> NpuEstimate:
    from edgeswap.targets.ethos_u.estimate import estimate  # noqa: PLC0415

    return estimate(tflite_model, name, folder)


def _tabled(name: str) -> Backend:
    from edgeswap.compatibility.backends import BACKENDS  # noqa: PLC0415  (its tables take a while to import)

    return BACKENDS[name]


def _estimated(name: str) -> Backend:
    from edgeswap.compatibility.backends import estimated  # noqa: PLC0415

    return estimated(name)


# In the order in which they are listed.
KINDS: tuple[TargetKind, ...] = (
    TargetKind(
        (HOST,),
        about=_host_about,
        missing=_host_missing,
        open=_open_host,
        backend=_tabled,
        measures="time",
        line="alone",
        delegates="here",
        compiled_model=True,
    ),
    TargetKind(("mobile",), backend=_tabled),
    TargetKind(("coral",), backend=_tabled),
    TargetKind(
        (f"{SSH}user@board",),
        prefix=SSH,
        listed=f"{SSH}user@board[:port]",
        require_form=Address.parse,
        about=lambda: "a board with Python, through your own OpenSSH",
        missing=_ssh_missing,
        open=_open_ssh,
        backend=_estimated,
        measures="time",
        delegates="there",
        compiled_model=True,
    ),
    TargetKind(
        EMULATORS,
        about=lambda: "a Raspberry Pi in QEMU: accuracy, and instructions instead of time",
        missing=_emulator_missing,
        open=_open_emulator,
        backend=_estimated,
        measures="instructions",
        line="emulated",
    ),
    TargetKind(
        (MICRO,),
        about=_micro_about,
        missing=_micro_missing,
        open=_open_micro,
        backend=_tabled,
        line="emulated",
        lowered_for="tflite-micro",
    ),
    TargetKind(
        ACCELERATORS,
        listed="ethos-u55-128 and its sisters",
        about=lambda: "Arm's Ethos-U NPUs: operators, cycles and memory as its compiler estimates them",
        missing=_vela_missing,
        estimate=_estimate_ethos_u,
        lowered_for="ethos-u",
    ),
)
