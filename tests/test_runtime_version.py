"""The oldest TensorFlow Lite that runs a model: by the table, and against what the converter itself writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite import runtime_version
from edgeswap.tflite.flatbuffer import BUILTIN_NAMES, changed, read, text
from edgeswap.tflite.runtime_version import minimum_runtime, of_operator
from tests import tiny_tflite
from tests.bundles import classifier
from tests.tiny_tflite import Spec


@pytest.mark.parametrize(
    ("operator", "version", "since"),
    [
        ("CONV_2D", 3, (1, 14)),
        ("HARD_SWISH", 1, (1, 15)),
        ("FULLY_CONNECTED", 10, (2, 11)),
        ("TRANSPOSE", 7, (2, 14, 4)),
        ("BROADCAST_TO", 1, None),  # withdrawn
        ("CONV_2D", 99, None),
        ("CONV_2D", 0, None),
        ("NO_SUCH", 1, None),
    ],
)
def test_of_operator(operator: str, version: int, since: tuple[int, ...] | None) -> None:
    assert of_operator(operator, version) == since


def test_the_table_names_operators_and_never_goes_back() -> None:
    known = set(BUILTIN_NAMES.values())
    for name, releases in runtime_version._SINCE.items():
        assert name in known
        versions = [of_operator(name, number + 1) for number in range(len(releases.split()))]
        found = [version for version in versions if version is not None]
        assert found == sorted(found), name


def test_text() -> None:
    assert [runtime_version.text(version) for version in ((1, 14), (2, 14, 4))] == ["1.14.0", "2.14.4"]


def test_what_is_in_no_table_makes_the_whole_unknown(tmp_path: Path) -> None:
    model = read(classifier(tmp_path))
    assert minimum_runtime(model) == (1, 14)
    younger = [changed(code, version=99) for code in model.operatorCodes]
    assert minimum_runtime(changed(model, operatorCodes=younger)) is None


def test_dense_weights_of_several_scales_need_a_runtime_that_computes_them(tmp_path: Path) -> None:
    """Their operator version asks for 1.14, and TensorFlow Lite 2.9 gives nonsense."""
    model = read(classifier(tmp_path))
    graph = model.subgraphs[0]
    weights = graph.operators[0].inputs[1]
    scales = np.ones(6, np.float32)
    quantization = schema.QuantizationParametersT(scale=scales, zeroPoint=np.zeros(6, np.int64))
    tensors = [changed(t, quantization=quantization) if n == weights else t for n, t in enumerate(graph.tensors)]
    assert minimum_runtime(changed(model, subgraphs=[changed(graph, tensors=tensors)])) == (2, 14)


@pytest.mark.parametrize(("dtype", "since"), [("int8", (2, 5)), ("float32", (1, 14))])
def test_elu_came_to_int8_without_a_version_of_its_own(tmp_path: Path, dtype: str, since: tuple[int, ...]) -> None:
    scale = 0.5 if dtype == "int8" else 0.0
    tensors = [Spec("x", (1, 4), dtype, scale), Spec("y", (1, 4), dtype, scale)]
    operator = (schema.BuiltinOperator.ELU, 1, 0, None, (0,))
    file = tiny_tflite.write(tmp_path / "elu.tflite", tensors, operator, (0,), (1,))
    assert minimum_runtime(read(file.read_bytes())) == since


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["relu6", "hard_swish", "swish"])
def test_the_converter_says_the_same(kind: str) -> None:
    from tests.tflite_models import converted

    model = read(converted(kind))
    (said,) = (
        model.buffers[entry.buffer].data for entry in model.metadata if text(entry.name) == "min_runtime_version"
    )
    own = minimum_runtime(model)
    assert own is not None
    by_operators = max(of_operator(BUILTIN_NAMES[code.builtinCode], code.version) for code in model.operatorCodes)
    assert runtime_version.text(by_operators) == bytes(said).rstrip(b"\0").decode()
    assert own >= by_operators
