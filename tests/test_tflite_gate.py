"""The gates of the precisions, on what the real converter writes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from tflite_models import converted, float_model, samples

from edgeswap.errors import VerificationError
from edgeswap.tflite.flatbuffer import read, write
from edgeswap.tflite.required_precision import require_precision

LAYERS = ("conv1", "act1", "logits")


@cache
def int16x8(kind: str, *, integer_ends: bool = True) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(float_model(kind))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    operators = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [operators]
    if integer_ends:
        converter.inference_input_type = converter.inference_output_type = tf.int16
    return bytes(converter.convert())


@pytest.mark.slow
def test_each_precision_passes_its_own_gate_alone() -> None:
    files = {
        "int8": converted("relu6"),
        "int16x8": int16x8("relu6"),
        "float16": converted("relu6", "float16"),
    }
    for made, data in files.items():
        require_precision(data, made)  # type: ignore[arg-type]
        for asked in files:
            if asked != made:
                with pytest.raises(VerificationError):
                    require_precision(data, asked)  # type: ignore[arg-type]
    for asked in files:
        with pytest.raises(VerificationError):
            require_precision(converted("relu6", "float32"), asked)  # type: ignore[arg-type]


@pytest.mark.slow
def test_float_ends_and_float_operators_are_no_int16x8() -> None:
    with pytest.raises(VerificationError, match=r"got inputs and outputs of FLOAT32 and [1-9]"):
        require_precision(int16x8("relu6", integer_ends=False), "int16x8")
    with pytest.raises(VerificationError, match=r"\(int16 in.* of INT8 and 10 float tensors: ELU .* of layer 'act1'"):
        require_precision(converted("elu"), "int16x8", LAYERS)


def test_one_weight_in_float32_is_named() -> None:
    model = read(converted("relu6", "float16"))
    graph = model.subgraphs[0]
    half = next(tensor for tensor in graph.tensors if tensor.type == 1)
    buffer = model.buffers[half.buffer]
    wide = np.frombuffer(bytes(buffer.data), np.float16).astype(np.float32)
    buffer.data, half.type, half.name = np.frombuffer(wide.tobytes(), np.uint8), 0, b"wide"
    with pytest.raises(VerificationError, match="weights of float16, got 'wide' in float32"):
        require_precision(write(model), "float16")
