"""The files for TensorFlow Lite for Microcontrollers: the model as an array, its facts, a resolver and a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from edgeswap.bundle.apps.facts import elements
from edgeswap.bundle.apps.generate import c_string, float32, plain
from edgeswap.bundle.manifest import Manifest
from edgeswap.bundle.templates import environment
from edgeswap.records import MicroMeasurement

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".jinja"
BYTES_A_LINE = 16
# Vectors stand in flash beside the model, so there are as many as fit here, and one at least.
GOLDEN_BYTES = 64 << 10
# An arena is aligned to this by the interpreter, which takes it from the front.
ALIGNMENT_BYTES = 16


def micro_files(
    manifest: Manifest,
    tflite_model: bytes,
    golden: Mapping[str, bytes],
    measured: MicroMeasurement,
    labels: Sequence[str],
) -> dict[str, bytes]:
    """The files by their paths in the bundle, such as `micro/model.cc`: UTF-8 text, the same every time.

    Args:
        manifest: of the bundle, for inputs, outputs and golden vectors.
        tflite_model: int8; without metadata, which a microcontroller does not read and flash would hold.
        golden: path to content of the golden vectors.
        measured: the kernels and the memory that the model needs.
        labels: one name for each class; empty where there are none.
    """
    values = {
        "manifest": manifest,
        "model": _rows(tflite_model),
        "size_bytes": len(tflite_model),
        "operators": measured.operators,
        "arena_bytes": (-(-measured.arena.total_bytes // ALIGNMENT_BYTES) + 1) * ALIGNMENT_BYTES,
        "labels": labels,
        "inputs": [_tensor(tensor, number) for number, tensor in enumerate(manifest.inputs)],
        "outputs": [_tensor(tensor, number) for number, tensor in enumerate(manifest.outputs)],
        "vectors": _vectors(manifest, golden),
        "max_steps": measured.max_steps,
        "io": manifest.outputs[0].dtype,
    }
    environment = _environment()
    names = sorted(name for name in environment.list_templates() if name.endswith(SUFFIX))
    return {
        f"micro/{name.removesuffix(SUFFIX)}": environment.get_template(name).render(values).encode() for name in names
    }


@cache
def _environment() -> Environment:
    return environment(TEMPLATES, c_string=c_string, float32=float32, plain=plain)


def _rows(content: bytes) -> list[str]:
    """The bytes of a C array, some on each line."""
    return [
        ", ".join(f"0x{byte:02x}" for byte in content[start : start + BYTES_A_LINE])
        for start in range(0, len(content), BYTES_A_LINE)
    ]


def _tensor(tensor: Any, number: int) -> dict[str, Any]:
    """What the templates say of an input or output."""
    return {
        "number": number,
        "name": tensor.name,
        "type": "float" if tensor.dtype == "float32" else f"{tensor.dtype}_t",
        "shape": tensor.shape,
        "count": elements(tensor.shape),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def _vectors(manifest: Manifest, golden: Mapping[str, bytes]) -> list[dict[str, list[list[str]]]]:
    """The bytes of the first vectors: quantized inputs, and the outputs that must come out."""
    found: list[dict[str, list[list[str]]]] = []
    left = GOLDEN_BYTES
    for vector in manifest.golden.vectors:
        left -= sum(len(golden[path]) for path in (*vector.quantized, *vector.outputs))
        if found and left < 0:
            break
        found.append(
            {
                "inputs": [_rows(golden[path]) for path in vector.quantized],
                "outputs": [_rows(golden[path]) for path in vector.outputs],
            }
        )
    return found
