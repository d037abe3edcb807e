"""The targets that a model can be checked for, each with the table that judges its operators. Data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from edgeswap.compatibility import edgetpu, xnnpack
from edgeswap.errors import ConfigError
from edgeswap.targets.names import EMULATORS, SSH
from edgeswap.targets.ssh_address import Address
from edgeswap.tflite.operation import Operation, Remark


@dataclass(frozen=True)
class Target:
    """Where a model is to run.

    Attributes:
        name: as in `--target`.
        judge: what is to be said against an operator in int8 there.
        basis: what it judges by.
        dtypes: what a quantized tensor may be.
        one_piece: it takes the model from the front up to the first operator that it does not run, and no further.
        bundled_runtime: the runtime that will run it is not known, and may be years old.
    """

    name: str
    judge: Callable[[Operation], Remark | None]
    basis: str
    dtypes: frozenset[str] = frozenset({"INT8"})
    one_piece: bool = False
    bundled_runtime: bool = False


def _estimated(basis: str, operation: Operation) -> Remark | None:
    remark = xnnpack.judge(operation)
    return None if remark is None else replace(remark, basis=basis)


_MOBILE = f"an estimate, that a phone's runtime does as {xnnpack.BASIS}"
_LINUX = f"an estimate, that a board's runtime does as {xnnpack.BASIS}"

TARGETS: Mapping[str, Target] = {
    "host": Target("host", xnnpack.judge, xnnpack.BASIS),
    "mobile": Target("mobile", partial(_estimated, _MOBILE), _MOBILE, bundled_runtime=True),
    "coral": Target("coral", edgetpu.judge, edgetpu.BASIS, edgetpu.DTYPES, one_piece=True),
}


def target(name: str) -> Target:
    """The target called `name`.

    Raises:
        ConfigError: none is called so, or it is an `ssh://` that is no address.
    """
    if name in TARGETS:
        return TARGETS[name]
    if name.startswith(SSH):
        Address.parse(name)
    if name.startswith(SSH) or name in EMULATORS:  # boards run the host's runtime
        return Target(name, partial(_estimated, _LINUX), _LINUX, bundled_runtime=True)
    raise ConfigError(
        f"Expected a target that edgeswap can check for, got {name!r}.",
        f"Known are: {', '.join(TARGETS)}, ssh://user@board, {', '.join(EMULATORS)}.",
    )
