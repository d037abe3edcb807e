"""The Edge TPU: what maps, by the table and by a stand-in that prints what edgetpu_compiler prints.

The compiler itself is in no package registry and never ran here. What it prints is taken from its documentation
(coral.ai/docs/edgetpu/compiler) and from outputs in the tracker google-coral/edgetpu (issues 342, 393, 433, 829).
"""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.errors import ModelError, TargetError
from edgeswap.records import EdgeTpuMapping
from edgeswap.targets.edgetpu import installed as coral
from edgeswap.targets.edgetpu.installed import missing
from edgeswap.targets.edgetpu.log import BEHIND, MAPPED, read_log
from edgeswap.targets.edgetpu.mapping import COMPILED_FILE, COMPILED_OPERATOR, prepare
from edgeswap.tflite.flatbuffer import operators, read, write
from edgeswap.tflite.lower import lower
from tests.accelerator_models import chain, compiled
from tests.tflite_models import BUILTIN, converted, island, single

SMALL = (0.05, 0)


GOOD = chain(BUILTIN.RELU, BUILTIN.LOGISTIC, BUILTIN.TANH)
WITH_ELU = chain(BUILTIN.RELU, BUILTIN.LOGISTIC, BUILTIN.ELU, BUILTIN.TANH)

SAID = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.

Model compiled successfully in 96 ms.

Input model: model_int8.tflite
Input size: 7.02KiB
Output model: ./model_int8_edgetpu.tflite
Output size: 7.14KiB
On-chip memory used for caching model parameters: 6.15MiB
On-chip memory remaining for caching model parameters: 5.75KiB
Off-chip memory used for streaming uncached model parameters: 7.03MiB
Number of Edge TPU subgraphs: 1
Total number of operations: 4
Operation log: ./model_int8_edgetpu.log

Model successfully compiled but not all operations are supported by the Edge TPU. A percentage of the model will \
instead run on the CPU, which is slower. If possible, consider updating your model to use only operations supported \
by the Edge TPU. For details, visit g.co/coral/model-reqs.
Number of operations that will run on Edge TPU: 2
Number of operations that will run on CPU: 2
See the operation log file for individual operation details.
Compilation child process completed within timeout period.
Compilation succeeded!
"""
LOG = """Edge TPU Compiler version 16.0.384591198
Input: model_int8.tflite
Output: ./model_int8_edgetpu.tflite

Operator                       Count      Status

TANH                           1          More than one subgraph is not supported
LOGISTIC                       1          Mapped to Edge TPU
ELU                            1          Operation not supported
RELU                           1          Mapped to Edge TPU
"""
ALL_MAPPED = """Edge TPU Compiler version 16.0.384591198
Input: model_int8.tflite
Output: ./model_int8_edgetpu.tflite

Operator                       Count      Status

TANH                           1          Mapped to Edge TPU
LOGISTIC                       1          Mapped to Edge TPU
RELU                           1          Mapped to Edge TPU
"""
REFUSED = """Edge TPU Compiler version 16.0.384591198
Started a compilation timeout timer of 180 seconds.
ERROR: Attempting to use a delegate that only supports static-sized tensors with a graph that has dynamic-sized tensors.
Compilation failed: Model failed in Tflite interpreter. Please ensure model can be loaded/run in Tflite interpreter.
Compilation child process completed within timeout period.
Compilation failed!
"""


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch, tmp_path):
    """Only what a test puts there is on the PATH, and no library of a Coral is found."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(coral, "LIBRARY", "libedgetpu-of-nobody.so")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where compiled models go."""
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def stand_in(tmp_path):
    """Puts a script on the PATH that answers as edgetpu_compiler does; it refuses arguments that are not its."""

    def put(said: str, log: str | None = None, model: bytes | None = None, code: int = 0) -> None:
        place = tmp_path / "bin"
        place.mkdir()
        (place / "said").write_text(said)
        lines = [
            "#!/bin/sh",
            "PATH=/usr/bin:/bin",
            '[ "$1" = --out_dir ] && [ -f "$3" ] && [ $# = 3 ] || exit 64',
            f"cat '{place}/said'",
        ]
        if log is not None:
            (place / "log").write_text(log)
            lines.append(f'cp \'{place}/log\' "$2/$(basename "$3" .tflite)_edgetpu.log"')
        if model is not None:
            (place / "compiled").write_bytes(model)
            lines.append(f'cp \'{place}/compiled\' "$2/$(basename "$3" .tflite)_edgetpu.tflite"')
        script = place / "edgetpu_compiler"
        script.write_text("\n".join([*lines, f"exit {code}"]) + "\n")
        script.chmod(0o755)

    return put


# By the table


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "form"), [("relu6", "operator"), ("swish", "operator"), ("hard_swish", "rewritten")])
def test_by_the_table_all_of_it_maps(kind, form, folder):
    model = lower(converted(kind), runtime="ai-edge-litert", hard_swish=form)
    mapping = prepare(model, folder)
    assert mapping.tpu_operators == operators(read(model))
    assert (mapping.cpu_operators, mapping.leaves_at, mapping.refused) == ({}, None, None)
    assert "Coral's table" in mapping.basis
    assert (mapping.file, mapping.subgraphs) == (None, None)
    assert not list(folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "operator", "remedy"),
    [("elu_fake_quant", "ELU", "Swap it for swish, hard_swish or relu6."), ("hard_swish", "HARD_SWISH", "rewritten")],
)
def test_by_the_table_the_first_that_leaves_is_named_with_its_layer_and_what_to_choose(kind, operator, remedy, folder):
    model = lower(converted(kind), runtime="ai-edge-litert", hard_swish="operator")
    leaves_at = prepare(model, folder).leaves_at
    assert leaves_at is not None
    assert (leaves_at.operator, leaves_at.layer) == (operator, "act_in")
    assert "act_in" in leaves_at.tensor
    assert "not in the table" in leaves_at.reason
    assert remedy in leaves_at.remedy


def test_by_the_table_the_first_that_does_not_map_and_all_behind_it_run_on_the_cpu(folder):
    mapping = prepare(WITH_ELU, folder)
    assert mapping.tpu_operators == {"LOGISTIC": 1, "RELU": 1}
    assert mapping.cpu_operators == {"ELU": 1, "TANH": 1}
    assert mapping.leaves_at is not None
    assert (mapping.leaves_at.tensor, mapping.leaves_at.layer) == ("net/layer2/Op", "layer2")
    assert EdgeTpuMapping.model_validate_json(mapping.model_dump_json()) == mapping


def test_names_of_keras_layers_are_taken_where_they_are_given(folder):
    leaves_at = prepare(WITH_ELU, folder, layer_names=["net/layer2"]).leaves_at
    assert leaves_at is not None
    assert leaves_at.layer == "net/layer2"


def test_of_a_float_island_the_operator_in_it_is_blamed(folder):
    leaves_at = prepare(island(SMALL, SMALL, (BUILTIN.ELU, None)), folder).leaves_at
    assert leaves_at is not None
    assert (leaves_at.operator, leaves_at.layer) == ("ELU", "act0")
    assert "float" in leaves_at.reason
    assert "Swap" in leaves_at.remedy


@pytest.mark.slow
def test_a_float_model_maps_nowhere(folder):
    mapping = prepare(converted("relu6", "float32"), folder)
    assert mapping.tpu_operators == {}
    assert mapping.leaves_at is not None
    assert "--int8" in mapping.leaves_at.remedy


@pytest.mark.slow
def test_a_float_input_is_quantized_on_the_cpu_and_the_rest_still_maps(folder):
    mapping = prepare(converted("relu6", "float_io"), folder)
    assert mapping.cpu_operators == {"DEQUANTIZE": 1, "QUANTIZE": 1}
    assert mapping.tpu_operators == operators(read(converted("relu6")))
    assert mapping.leaves_at is not None
    assert mapping.leaves_at.operator == "DEQUANTIZE"


def test_a_tensor_of_another_type_does_not_map(folder):
    model = read(GOOD)
    model.subgraphs[0].tensors[2].type = schema.TensorType.INT16
    leaves_at = prepare(write(model), folder).leaves_at
    assert leaves_at is not None
    assert (leaves_at.operator, leaves_at.reason) == ("LOGISTIC", "It writes INT16, not int8.")


def test_a_model_of_a_free_size_is_refused(folder):
    model = read(GOOD)
    model.subgraphs[0].tensors[0].shapeSignature = [-1, 256]
    mapping = prepare(write(model), folder)
    assert mapping.refused is not None
    assert "The size of image is free" in mapping.refused
    assert mapping.tpu_operators == {}
    assert mapping.cpu_operators == {"LOGISTIC": 1, "RELU": 1, "TANH": 1}
    assert mapping.leaves_at is None


def test_a_model_of_several_subgraphs_is_refused(folder):
    model = read(GOOD)
    model.subgraphs = [model.subgraphs[0], model.subgraphs[0]]
    refused = prepare(write(model), folder).refused
    assert refused is not None
    assert "2 subgraphs" in refused


def test_a_newer_operator_is_refused(folder):
    model = read(converted("relu6"))
    for code in model.operatorCodes:
        if code.builtinCode == BUILTIN.CONV_2D:
            code.version = 6
    refused = prepare(write(model), folder).refused
    assert refused is not None
    assert "CONV_2D of version 6" in refused


def test_a_file_that_is_none_is_told(folder):
    with pytest.raises(ModelError):
        prepare(GOOD[:-50], folder)


def test_a_model_that_was_compiled_before_is_not_compiled_again(folder):
    before = compiled(WITH_ELU, 2)
    mapping = prepare(before, folder)
    assert mapping.tpu_operators == {COMPILED_OPERATOR: 1}
    assert mapping.cpu_operators == {"ELU": 1, "TANH": 1}
    assert mapping.leaves_at is not None
    assert mapping.leaves_at.operator == "ELU"
    assert mapping.subgraphs == 1
    assert mapping.file == COMPILED_FILE
    assert (folder / COMPILED_FILE).read_bytes() == before


# By what a stand-in for the compiler prints


def test_a_stand_in_for_the_compiler_that_maps_all(stand_in, folder):
    written = compiled(GOOD, 3)
    stand_in(SAID, ALL_MAPPED, written)
    mapping = prepare(GOOD, folder)
    assert mapping.basis == "edgetpu_compiler 16.0.384591198"
    assert mapping.tpu_operators == {"LOGISTIC": 1, "RELU": 1, "TANH": 1}
    assert (mapping.cpu_operators, mapping.leaves_at, mapping.subgraphs) == ({}, None, 1)
    assert mapping.cached_parameter_bytes == round(6.15 * 2**20)
    assert mapping.streamed_parameter_bytes == round(7.03 * 2**20)
    assert mapping.file == COMPILED_FILE
    assert (folder / COMPILED_FILE).read_bytes() == written


def test_a_stand_in_for_the_compiler_that_leaves_some(stand_in, folder):
    stand_in(SAID, LOG, compiled(WITH_ELU, 2))
    mapping = prepare(WITH_ELU, folder)
    assert mapping.tpu_operators == {"LOGISTIC": 1, "RELU": 1}
    assert mapping.cpu_operators == {"ELU": 1, "TANH": 1}
    leaves_at = mapping.leaves_at
    assert leaves_at is not None
    assert (leaves_at.operator, leaves_at.tensor, leaves_at.layer) == ("ELU", "net/layer2/Op", "layer2")
    assert leaves_at.reason == "edgetpu_compiler: Operation not supported."
    assert "Swap" in leaves_at.remedy  # the compiler gives none; the table does


def test_a_stand_in_for_the_compiler_that_renames_tensors_still_tells_the_operator(stand_in, folder):
    renamed = read(compiled(WITH_ELU, 2))
    for tensor in renamed.subgraphs[0].tensors:
        tensor.name = "renamed"
    stand_in(SAID, LOG, write(renamed))
    leaves_at = prepare(WITH_ELU, folder).leaves_at
    assert leaves_at is not None
    assert (leaves_at.operator, leaves_at.tensor, leaves_at.layer) == ("ELU", None, None)


def test_a_stand_in_for_the_compiler_that_leaves_only_a_float_input(stand_in, folder):
    model = converted("relu6", "float_io")
    log = "Operator  Count  Status\n\nQUANTIZE  1  Operation is working on an unsupported data type\n"
    log += "".join(f"{name}  {count}  {MAPPED}\n" for name, count in operators(read(converted("relu6"))).items())
    left = copy.deepcopy(read(model))
    left.subgraphs[0].operators = left.subgraphs[0].operators[:1]  # QUANTIZE
    stand_in(SAID, log, write(left))
    mapping = prepare(model, folder)
    assert mapping.cpu_operators == {"QUANTIZE": 1}
    assert mapping.leaves_at is None


@pytest.mark.parametrize("code", [0, 1])  # which of the two it ends with is not documented
def test_a_stand_in_for_the_compiler_that_refuses_is_told_in_its_words(stand_in, folder, code):
    stand_in(REFUSED, code=code)
    with pytest.raises(TargetError) as caught:
        prepare(GOOD, folder)
    assert caught.value.problem.startswith("edgetpu_compiler: expected ")
    assert "only supports static-sized tensors" in caught.value.remedy
    assert "edgeswap check" in caught.value.remedy
    assert not list(folder.iterdir())


def test_a_stand_in_for_the_compiler_that_refuses_what_its_tracker_knows_has_the_remedy(stand_in, folder):
    stand_in(REFUSED, code=1)
    model = read(GOOD)
    model.subgraphs[0].tensors[0].shapeSignature = [-1, 256]
    with pytest.raises(TargetError) as caught:
        prepare(write(model), folder)
    assert "fixed batch of 1" in caught.value.remedy


@pytest.mark.slow
def test_a_stand_in_for_the_compiler_that_hangs_is_ended(stand_in, folder, tmp_path):
    stand_in("")
    (tmp_path / "bin" / "edgetpu_compiler").write_text("#!/bin/sh\necho Started\n/bin/sleep 600\n")
    with pytest.raises(TargetError, match="within 1 s") as caught:
        prepare(GOOD, folder, timeout_s=1)
    assert "Started" in caught.value.remedy


def test_the_log_counts_an_operator_with_several_fates_once_for_each():
    log = read_log(SAID, LOG + "ELU                            4          More than one subgraph is not supported\n")
    assert log.counted(mapped=False) == {"ELU": 5, "TANH": 1}
    assert log.reason("ELU") == "Operation not supported"
    assert log.reason("TANH") == BEHIND
    assert log.reason("RELU") is None


OPERATORS = st.sampled_from(["ADD", "CONV_2D", "UNIDIRECTIONAL_SEQUENCE_LSTM", "edgetpu-custom-op"])
STATUSES = st.sampled_from(
    [MAPPED, BEHIND, "Operation not supported", "Operation is working on an unsupported data type"]
)


@given(st.dictionaries(st.tuples(OPERATORS, STATUSES), st.integers(1, 999)))
def test_every_row_of_a_log_is_read(rows):
    lines = [f"{operator:<31}{count:<11}{status}" for (operator, status), count in rows.items()]
    log = read_log(SAID, LOG.partition("Status")[0] + "\n".join(["Status", "", *lines, ""]))
    assert [(row.operator, row.count, row.status) for row in log.rows] == [
        (operator, count, status) for (operator, status), count in rows.items()
    ]
    assert sum(log.counted(mapped=True).values()) + sum(log.counted(mapped=False).values()) == sum(rows.values())
    left = log.first_left()
    assert (left is None) == all(status == MAPPED for _, status in rows)
    assert left is None or left.status != BEHIND or all(status in (MAPPED, BEHIND) for _, status in rows)


def test_a_log_in_which_nothing_is_wrong_but_its_place_still_names_a_row():
    log = read_log(SAID, f"Operator Count Status\n\nPAD   3   {BEHIND}\n")
    row = log.first_left()
    assert row is not None
    assert (row.operator, row.count) == ("PAD", 3)


def test_a_log_of_another_form_says_nothing_that_is_not_there():
    log = read_log("", "")
    assert (log.rows, log.subgraphs, log.cached_bytes, log.first_left()) == ((), None, None, None)


def test_what_is_missing_is_told_with_where_it_is(stand_in):
    compiler, library = missing()
    assert "edgetpu_compiler" in compiler
    assert "libedgetpu.so.1" in library
    assert "libedgetpu1-std" in library
    stand_in(SAID)
    assert missing() == [library]


def test_a_single_operator_that_maps(folder):
    assert prepare(single(BUILTIN.LOGISTIC, SMALL, (1 / 256, -128)), folder).tpu_operators == {"LOGISTIC": 1}
