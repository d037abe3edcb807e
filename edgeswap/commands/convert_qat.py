"""`convert_qat`: a fake-quant model of the user's own training to a full-integer .tflite, as `export` does it."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeswap.conversion.convert import convert
from edgeswap.quantization.quantizers import per_channel_weights
from edgeswap.tflite.full_integer import require_full_integer
from edgeswap.tflite.lower import HardSwish, lower


def convert_qat(qat_model: Any, samples: Any, *, hard_swish: HardSwish) -> bytes:
    """The full-integer .tflite of `qat_model`; for the rest see `edgeswap.convert_qat`.

    Raises:
        ConversionError: the converter failed.
        VerificationError: the file is not full-integer.
    """
    arrays = samples if isinstance(samples, (list, tuple)) else [samples]
    dense, others = per_channel_weights(qat_model)
    converted = convert(
        qat_model,
        representative=[np.asarray(array, np.float32) for array in arrays],
        per_channel_dense=dense,
        per_channel=others,
    )
    tflite_model = lower(converted, runtime="ai-edge-litert", hard_swish=hard_swish)
    require_full_integer(tflite_model, [layer.name for layer in qat_model.layers])
    return tflite_model
