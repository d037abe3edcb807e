"""How each activation ends up in a full-integer model, on each kind of target. Data.

XNNPACK (the delegate of ai-edge-litert 2.3), tflite-runtime 2.14 (which runs int8 without it) and Ethos-U (Vela's
placement for U55-128): seen on models converted by TensorFlow 2.21 and edgeswap, the activation between convolutions.
Edge TPU: by the operator table of https://coral.ai/docs/edgetpu/models-intro, not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Way = Literal["fused", "one operator", "one table operator", "several operators", "rewritten", "unsupported"]
TARGETS = ("XNNPACK", "tflite-runtime 2.14", "Edge TPU", "Ethos-U")
CUT = "runs outside the delegate and cuts the graph in two"


class Ending(NamedTuple):
    """What becomes of an activation.

    Attributes:
        way: `fused` costs nothing, it is a clamp of the operator before; a `table` has 256 entries, whatever the
            function; `rewritten` is what edgeswap makes of an operator or a float island that the
            converter leaves; `unsupported` stops there, or the rest runs on the CPU.
        operators: in order, where there are any.
        note: what else is to be known.
        outside: those of the operators that the target's delegate does not take.
    """

    way: Way
    operators: tuple[str, ...] = ()
    note: str = ""
    outside: tuple[str, ...] = ()

    def __str__(self) -> str:
        operators = f": {', '.join(self.operators)}" if self.operators else ""
        outside = f"{' and '.join(self.outside)} {CUT}" if self.outside else ""
        notes = "; ".join(filter(None, (self.note, outside)))
        return f"{self.way}{operators}{f' ({notes})' if notes else ''}"


_FUSED = Ending("fused")
_ELU = Ending("rewritten", ("ELU",), "the converter leaves a float island")
_SELU = Ending("rewritten", ("ELU", "LEAKY_RELU", "MUL"), "the converter leaves the ELU as a float island")
_SWISH = Ending("several operators", ("LOGISTIC", "MUL"))
_HARD_SIGMOID = Ending("several operators", ("ADD", "MUL"), "the ADD ends in a RELU6")
_SOFTPLUS = ("LEAKY_RELU", "LOGISTIC", "LOG", "RELU", "SUB")
_MISH = (*_SOFTPLUS, "TANH", "MUL")
_NO_ELU = Ending("unsupported", ("ELU",))
_NO_LOG = Ending("unsupported", ("LOG",), "no int8 LOG")


def _everywhere(ending: Ending) -> dict[str, Ending]:
    return dict.fromkeys(TARGETS, ending)


def _each(xnnpack: Ending, tflite_runtime: Ending, edge_tpu: Ending, ethos_u: Ending) -> dict[str, Ending]:
    return dict(zip(TARGETS, (xnnpack, tflite_runtime, edge_tpu, ethos_u), strict=True))


def _log(operators: tuple[str, ...], *outside: str) -> dict[str, Ending]:
    several = Ending("several operators", operators)
    edge_tpu = Ending("unsupported", ("LEAKY_RELU", "LOG"))
    return _each(several._replace(outside=outside), _NO_LOG, edge_tpu, several)


# By kind at its defaults.
ENDINGS: Mapping[str, Mapping[str, Ending]] = {
    "linear": _everywhere(Ending("fused", note="disappears")),
    "sigmoid": _everywhere(Ending("one table operator", ("LOGISTIC",))),
    "tanh": _everywhere(Ending("one table operator", ("TANH",))),
    "relu": _everywhere(_FUSED),
    "softplus": _log(_SOFTPLUS, "LOG", "RELU"),
    "elu": _each(_ELU, _ELU, _NO_ELU, _ELU),
    "selu": _each(_SELU, _SELU, Ending("unsupported", ("ELU", "LEAKY_RELU")), _SELU),
    "relu6": _everywhere(_FUSED),
    "relu_n": _everywhere(Ending("fused", note="as RELU; int8 saturates at max_value")),
    "leaky_relu": {
        **_everywhere(Ending("one operator", ("LEAKY_RELU",))),
        "Edge TPU": Ending("unsupported", ("LEAKY_RELU",), "use prelu"),
    },
    "prelu": {
        **_everywhere(Ending("one operator", ("PRELU",))),
        "XNNPACK": Ending("one operator", ("PRELU",), outside=("PRELU",)),
    },
    "swish": _everywhere(_SWISH),
    "mish": _log(_MISH, "LOG"),
    "gelu": _each(
        Ending("one table operator", ("GELU",), outside=("GELU",)),
        Ending("one table operator", ("GELU",)),
        Ending("unsupported", ("GELU",)),
        Ending("one table operator", ("GELU",)),
    ),
    "hard_sigmoid": _everywhere(_HARD_SIGMOID),
    "hard_swish": _each(
        Ending("rewritten", ("MUL", "ADD", "MUL"), f"the converter writes HARD_SWISH, which {CUT}"),
        Ending("one operator", ("HARD_SWISH",)),
        Ending("rewritten", ("MUL", "ADD", "MUL"), "no HARD_SWISH there"),
        Ending("one operator", ("HARD_SWISH",)),
    ),
    "hard_tanh": _everywhere(Ending("fused", note="as RELU_N1_TO_1")),
    "clipped_elu": _each(_ELU, _ELU, _NO_ELU._replace(note="with min_value=0 it is a ReLU and fuses"), _ELU),
    "pact": _everywhere(Ending("fused", note="as RELU; int8 saturates at the learned ceiling")),
}
