"""What runs operators where, each with the table that judges them. Data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from edgeswap.compatibility import edgetpu, micro, xnnpack
from edgeswap.compatibility.findings import Remark
from edgeswap.tflite.operator import Operation


@dataclass(frozen=True)
class Backend:
    """What runs a model.

    Attributes:
        name: as in `--target` of `edgeswap check`.
        judge: what is to be said against an operator in int8 there.
        basis: what it judges by.
        dtypes: what a quantized tensor may be.
        one_piece: it takes the model from the front up to the first operator that it does not run, and no further.
        bundled_runtime: the runtime that will run it is not known, and may be years old.
        otherwise: the remedy where the table has none for an operator that the target lacks.
    """

    name: str
    judge: Callable[[Operation], Remark | None]
    basis: str
    dtypes: frozenset[str] = frozenset({"INT8"})
    one_piece: bool = False
    bundled_runtime: bool = False
    otherwise: str = ""


def _estimated(basis: str, operation: Operation) -> Remark | None:
    remark = xnnpack.judge(operation)
    return None if remark is None else replace(remark, basis=basis)


_MOBILE = f"an estimate, as if a phone's runtime did the same as {xnnpack.BASIS}"
_LINUX = f"an estimate, as if a board's runtime did the same as {xnnpack.BASIS}"

BACKENDS: Mapping[str, Backend] = {
    "host": Backend("host", xnnpack.judge, xnnpack.BASIS),
    "mobile": Backend("mobile", partial(_estimated, _MOBILE), _MOBILE, bundled_runtime=True),
    "coral": Backend("coral", edgetpu.judge, edgetpu.BASIS, edgetpu.DTYPES, one_piece=True),
    "micro": Backend("micro", micro.judge, micro.BASIS, otherwise=micro.OTHERWISE),
}


def estimated(name: str) -> Backend:
    """A backend called `name` that is judged by the host's table: a board runs the same runtime, of unknown age."""
    return Backend(name, partial(_estimated, _LINUX), _LINUX, bundled_runtime=True)
