"""What activations become on a target, held against what the runtime's own profiler names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import benchmark
from edgeswap.graph.layer_names import built_name
from edgeswap.records import ActivationKernel
from edgeswap.report import activation_words
from edgeswap.targets.activation_kernels import activation_kernels
from edgeswap.tflite.flatbuffer import read, write
from edgeswap.tflite.operator_graph import operator_graph
from edgeswap.tflite.pointwise import functions
from tests.test_report import ptq
from tests.tflite_models import BUILTIN, empty_model

LITERT = {"name": "ai-edge-litert", "version": "2.3.0"}
MICRO = {"name": "tflite-micro", "version": "0"}
FUSED_TABLE = "Invalid Unary Op"  # XNNPACK has no name for what it made itself

Steps = Sequence[tuple[int, Sequence[Any]]]
SCALAR = "scalar"
# What each step reads: "x", the number of an earlier step, or a scalar.
CHAINS: dict[str, Steps] = {
    "elu": [(BUILTIN.ELU, ["x"])],
    "hard_swish": [(BUILTIN.MUL, ["x", SCALAR]), (BUILTIN.ADD, [0, SCALAR]), (BUILTIN.MUL, ["x", 1])],
    "swish": [(BUILTIN.LOGISTIC, ["x"]), (BUILTIN.MUL, ["x", 0])],
    "long": [(BUILTIN.ELU, ["x"]), *((BUILTIN.ELU, [number]) for number in range(11))],
    "softplus": [
        (BUILTIN.TANH, ["x"]),
        (BUILTIN.LOGISTIC, [0]),
        (BUILTIN.LOG, [1]),
        (BUILTIN.ELU, ["x"]),
        (BUILTIN.SUB, [3, 2]),
    ],
    "gelu": [(BUILTIN.GELU, ["x"])],
}


def model(**chains: Steps) -> bytes:
    """One int8 input and an output for each chain, whose tensors have the chain's name as their layer."""
    draft = empty_model()
    subgraph = draft.subgraphs[0]
    shape = (1, 64)
    x = draft.int8_tensor(0, "x", shape, 0.05, 0)
    subgraph.inputs, subgraph.outputs = [x], []
    for name, steps in chains.items():
        written: list[int] = []
        for number, (builtin, reads) in enumerate(steps):
            inputs = []
            for one in reads:
                if one == SCALAR:
                    value = np.array([100], np.int8)
                    inputs.append(draft.int8_tensor(0, f"{name}{number}/scalar", (), 0.01, 0, values=value))
                else:
                    inputs.append(x if one == "x" else written[one])
            written.append(draft.int8_tensor(0, f"model/{name}/{number}", shape, 0.05, 0))
            subgraph.operators.append(draft.operator(builtin, inputs, written[-1], len(inputs)))
        subgraph.outputs.append(written[-1])
    return write(draft.model)


def kernels(file: Path) -> list[ActivationKernel]:
    """On this machine."""
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    left = benchmark.dissect(file, engine).outside
    found = activation_kernels(file, left, delegate="xnnpack", runtime=LITERT)
    assert found is not None
    return found


@pytest.mark.slow
def test_what_becomes_a_table_is_what_the_profiler_of_the_runtime_shows(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(model(**CHAINS))
    found = {one.layers[0]: (one.form, one.passes) for one in kernels(file)}
    assert found == {
        "elu": ("table", 1),
        "hard_swish": ("table", 1),
        "swish": ("table", 1),
        "long": ("chain", 2),  # ten in a table, and two
        "softplus": ("chain", 4),  # XNNPACK has no LOG, so that TANH and LOGISTIC, LOG, ELU and SUB are four
        "gelu": ("table", 1),  # of TFLite's own kernel
    }
    engine = benchmark.Engine(benchmark.find_runtime("auto"), 1, "xnnpack", {})
    profile, reason = benchmark.operator_times(file, engine)
    if profile is None:
        pytest.skip(f"no profiler: {reason}")
    names = Counter(one["operator"] for one in profile["operators"])
    assert names.total() == sum(passes for _, passes in found.values())
    assert names[FUSED_TABLE] == 5  # hard_swish, swish, two of long, and TANH with LOGISTIC


def test_without_xnnpack_each_operator_is_a_pass(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(model(**CHAINS))
    found = {
        one.layers[0]: (one.form, one.passes)
        for one in activation_kernels(file, None, delegate="none", runtime=MICRO) or ()
    }
    assert found["swish"] == ("chain", 2)
    assert found["elu"] == ("table", 1)
    assert found["hard_swish"] == ("chain", 3)


def test_what_nobody_tried_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(model(elu=CHAINS["elu"]))
    for delegate, version in (("edgetpu", "2.3.0"), ("/usr/lib/libmine.so", "2.3.0"), ("xnnpack", "1.4.0")):
        assert activation_kernels(file, [], delegate=delegate, runtime={**LITERT, "version": version}) is None
    assert activation_kernels(file, None, delegate="xnnpack", runtime=LITERT) is None
    assert activation_kernels(file, [], delegate="xnnpack", runtime={**LITERT, "version": "2.4.0"}) is not None


def test_a_layer_has_the_name_that_the_user_gave_it(tmp_path: Path) -> None:
    given = {"my act": built_name("my act"), "block/conv": "block/conv"}
    data = model(**dict.fromkeys(given.values(), CHAINS["elu"]))
    (tmp_path / "m.tflite").write_bytes(data)
    layers = {built: name for name, built in given.items()}
    (found,) = activation_kernels(tmp_path / "m.tflite", [], delegate="xnnpack", runtime=LITERT, layers=layers) or ()
    assert found.layers == ["my act", "block/conv"]
    assert [one.layer for one in operator_graph(data, layers)] == ["my act", "block/conv"]


def test_arithmetic_of_the_model_is_no_activation_and_two_readers_end_one(tmp_path: Path) -> None:
    twice = [
        (BUILTIN.LOGISTIC, ["x"]),
        (BUILTIN.MUL, ["x", 0]),
        (BUILTIN.LOGISTIC, [1]),
        (BUILTIN.MUL, [1, 2]),
    ]
    data = model(scaled=[(BUILTIN.MUL, ["x", SCALAR])], twice=twice)
    swish = ["LOGISTIC", "MUL"]
    assert [[step.operator for step in one.steps] for one in functions(read(data))] == [["MUL"], swish, swish]
    file = tmp_path / "m.tflite"
    file.write_bytes(data)
    (one,) = kernels(file)
    assert (one.operators, one.layers) == (["LOGISTIC", "MUL"], ["twice", "twice"])


def test_the_words_say_what_each_kind_became() -> None:
    report = ptq()
    swish = ActivationKernel(form="table", operators=["LOGISTIC", "MUL"], passes=1, layers=["a", "b"])
    chain = ActivationKernel(form="chain", operators=["ELU", "LEAKY_RELU"], passes=2, layers=["c"])
    one = report.targets[0]
    told = one.model_copy(update={"int8": one.int8.model_copy(update={"activation_kernels": [swish, chain]})})
    found = activation_words.activations(report.model_copy(update={"targets": [told]}))
    assert [line.partition(": ")[2].replace("\xa0", " ") for line in found] == [
        "2 activations (LOGISTIC, MUL) became one look-up table each: a, b.",
        "1 activation (ELU, LEAKY_RELU) is a chain of 2 passes over the data: c.",
    ]
