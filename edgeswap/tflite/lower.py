"""From what the converter writes to what a runtime runs in int8, and fast: the flatbuffer passes in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.hard_sigmoid import fit_hard_sigmoid
from edgeswap.tflite.hard_swish import rewrite_hard_swish
from edgeswap.tflite.lstm import mend_lstm
from edgeswap.tflite.moves import fold_moves
from edgeswap.tflite.requantize import requantize

HardSwish = Literal["auto", "operator", "rewritten"]

# What each runtime ran faster. A MobileNetV2 at 32x32 with hard-swish, operator against rewritten: ai-edge-litert 2.3
# 0.91 to 0.22 ms on x86-64 and 2.55 to 2.28 M instructions on a Cortex-A72, tflite-runtime 2.14 there 5.1 to 7.1 M.
# A MobileNetV2 at 96x96 by Vela 5.2's estimates: 9.3 to 15.3 ms on an Ethos-U55-128, 0.93 to 1.47 ms on a U65-512, 1.08
# to 1.58 ms on a U85-512.
FASTER_HARD_SWISH: Mapping[str, Literal["operator", "rewritten"]] = {
    "ai-edge-litert": "rewritten",
    "tflite-runtime": "operator",
    "ethos-u": "operator",
    "tflite-micro": "operator",  # one kernel in flash and one pass over the data, where there are no vector units
}


def lower(data: bytes, *, runtime: str, hard_swish: HardSwish = "auto") -> bytes:
    """The `.tflite` with float islands folded, LSTMs and hard-sigmoids mended, hard-swish in the form that runs faster.

    Args:
        data: as the converter wrote it.
        runtime: a key of `FASTER_HARD_SWISH`.
        hard_swish: `operator` leaves it to the kernel, `rewritten` writes it as MUL, ADD and MUL (see
            `rewrite_hard_swish` for what that may change), `auto` goes by what was measured.

    Raises:
        ModelError: `data` is no TFLite file that can be read.
    """
    form = FASTER_HARD_SWISH[runtime] if hard_swish == "auto" else hard_swish
    plain = fit_hard_sigmoid(requantize(fold_elu(fold_moves(mend_lstm(data)))))
    return rewrite_hard_swish(plain) if form == "rewritten" else plain
