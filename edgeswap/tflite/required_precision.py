"""The gate of each precision: is a `.tflite` what was asked for?"""

from __future__ import annotations

from collections.abc import Sequence

from edgeswap.errors import VerificationError
from edgeswap.records import CandidatePrecision, Io
from edgeswap.tflite.flatbuffer import read
from edgeswap.tflite.flatbuffer import tensors as tensors_of
from edgeswap.tflite.full_integer import layer_of, require_full_integer, verify
from edgeswap.tflite.remedies import instead_of

_BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_SHOWN = 5


def require_precision(
    data: bytes, precision: CandidatePrecision, layer_names: Sequence[str] = (), *, io: Io = "int8"
) -> None:
    """Raise where a `.tflite` is not of `precision`.

    `int8`: see `require_full_integer`. `int16x8`: int16 in and out and no float tensor in between, by the TFLite 16x8
    quantization specification. `float16`: every constant of more than one number is float16; it computes in float32.

    Args:
        data: the file.
        precision: what it must be.
        layer_names: the Keras model's layers, to name the one to blame.
        io: the type of an int8 model's inputs and outputs.

    Raises:
        VerificationError: it is something else; the error names operators, tensors and layers.
        ModelError: `data` is no TFLite file that can be read.
    """
    if precision == "int8":
        require_full_integer(data, layer_names, io=io)
    elif precision == "int16x8":
        _require_int16x8(data, layer_names)
    else:
        _require_float16_weights(data)


def _require_int16x8(data: bytes, layer_names: Sequence[str]) -> None:
    verdict = verify(data)
    ends = (*verdict.input_dtypes, *verdict.output_dtypes)
    if set(ends) == {"INT16"} and not verdict.float_tensors:
        return
    computing = [operator for operator in verdict.float_operators if operator.operator not in _BORDERS]
    named = [
        str(operator) + (f" of layer {layer!r}" if (layer := layer_of(operator, layer_names)) else "")
        for operator in computing[:_SHOWN]
    ]
    raise VerificationError(
        f"Expected an int16x8 model (int16 in, int16 out, no float tensor in between), got inputs and outputs of "
        f"{', '.join(dict.fromkeys(ends))} and {len(verdict.float_tensors)} float tensors"
        + (f": {', '.join(named)}." if named else "."),
        f"{instead_of({operator.operator for operator in computing})} Or pass --precision int8."
        if computing
        else "Pass --precision int8.",
    )


def _require_float16_weights(data: bytes) -> None:
    model = read(data)
    constants = [
        tensor
        for number, subgraph in enumerate(model.subgraphs)
        for tensor, written in zip(tensors_of(model, number), subgraph.tensors, strict=True)
        if (content := model.buffers[written.buffer].data) is not None and len(content) > 4
    ]
    wide = [tensor.name for tensor in constants if tensor.dtype == "FLOAT32"]
    if wide or not any(tensor.dtype == "FLOAT16" for tensor in constants):
        raise VerificationError(
            f"Expected weights of float16, got {', '.join(map(repr, wide[:_SHOWN])) or 'none'}"
            + (" in float32." if wide else "."),
            "Convert it with float16 as supported type, as `edgeswap export --precision float16` does.",
        )
