from __future__ import annotations

import subprocess
import sys

import pytest
from tflite_models import BUILTIN, converted, float_model, island

from edgeswap.errors import ModelError, VerificationError
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import changed, read, write
from edgeswap.tflite.full_integer import FloatOperator, layer_in, layer_of, require_full_integer, verify
from edgeswap.tflite.rewriting import Draft


def layer_names(kind: str) -> list[str]:
    return [layer.name for layer in float_model(kind).layers]


def refusal(data: bytes, names: list[str] | None = None) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        require_full_integer(data, names or ())
    return caught.value


@pytest.mark.parametrize("kind", ["relu6", "hard_swish", "swish"])
def test_a_full_integer_model_passes(kind: str) -> None:
    verdict = verify(converted(kind))
    assert verdict.is_full_integer
    assert verdict.input_dtypes == verdict.output_dtypes == ("INT8",)
    assert verdict.float_tensors == ()
    assert verdict.float_operators == ()
    require_full_integer(converted(kind))


def test_an_elu_island_is_named_with_operator_tensor_and_layer() -> None:
    error = refusal(converted("elu"), layer_names("elu"))
    assert "ELU on tensor 'net/act1/Elu' (layer 'act1')" in error.problem
    assert "ELU on tensor 'net/act_in/Elu' (layer 'act_in')" in error.problem
    assert "QUANTIZE" not in error.problem  # the island's borders are not to blame
    assert "edgeswap export --int8" in error.remedy
    require_full_integer(fold_elu(converted("elu")))


def test_an_operator_without_int8_form_asks_for_another_activation() -> None:
    error = refusal(converted("cos"), layer_names("cos"))
    assert "COS" in error.problem
    assert "(layer 'act2')" in error.problem
    assert "swap" in error.remedy


def test_an_operator_whose_tensors_name_no_layer_is_placed_by_what_comes_before_it() -> None:
    # The model's last operator: its output is called StatefulPartitionedCall and what it reads tfl.dequantize.
    last = [operator for operator in verify(converted("elu")).float_operators if operator.operator == "ELU"][-1]
    assert not any("act_out" in name for name in last.tensors)
    assert layer_of(last, layer_names("elu")) == "logits"
    assert layer_of(last) == "logits"


def test_the_longest_layer_name_wins_and_a_part_of_a_name_does_not() -> None:
    operator = next(o for o in verify(converted("elu")).float_operators if "net/act1/Elu" in o.tensors)
    assert layer_of(operator, ["act", "act1"]) == "act1"
    assert layer_of(operator, ["net/act1", "act1"]) == "net/act1"
    assert layer_of(operator, ["act"]) is None


def test_a_mapping_of_names_gives_those_of_the_user() -> None:
    given = {"net_act": "net/act", "a": "b"}
    assert layer_in(["net/net_act/Relu"], given) == "net/act"
    assert layer_in(["net/a/Relu", "net/net_act/Relu"], given) == "b"
    assert layer_in(["net/other/Relu"], given) is None


def test_a_layer_that_tfmot_wrapped_goes_by_its_own_name() -> None:
    wrapped = FloatOperator("ELU", ("model/quant_act1/Elu",), (), is_hybrid=False)
    assert layer_of(wrapped) == "act1"
    assert layer_of(wrapped, ["act1", "act"]) == "act1"
    assert layer_of(wrapped, ["quant_act1"]) == "quant_act1"


def test_dynamic_range_is_told_from_full_integer() -> None:
    data = converted("relu6", "dynamic_range")
    verdict = verify(data)
    assert not verdict.is_full_integer
    assert any(operator.is_hybrid for operator in verdict.float_operators)
    error = refusal(data, layer_names("relu6"))
    assert "hybrid" in error.problem
    assert "input FLOAT32" in error.problem
    assert "representative dataset" in error.remedy


def test_float_inputs_and_outputs_of_an_int8_model_are_refused() -> None:
    data = converted("relu6", "float_io")
    verdict = verify(data)
    assert not verdict.is_full_integer
    assert {operator.operator for operator in verdict.float_operators} == {"QUANTIZE", "DEQUANTIZE"}
    assert {operator.is_end for operator in verdict.float_operators} == {True}
    assert (verdict.io, verdict.float_inside) == ("float32", ())
    require_full_integer(data, io="float32")
    assert "inference_input_type" in refusal(data).remedy


@pytest.mark.parametrize("form", ["float32", "float16"])
def test_a_float_model_is_refused(form: str) -> None:
    data = converted("relu6", form)
    verdict = verify(data)
    assert not verdict.is_full_integer
    assert not any(operator.is_hybrid for operator in verdict.float_operators)
    error = refusal(data)
    assert "more" in error.problem  # only the first few are spelled out
    assert "quantize it" in error.remedy


def test_float16_constants_count_as_float() -> None:
    model = read(converted("relu6", "float16"))
    kinds = {tensor.type for tensor in model.subgraphs[0].tensors}
    assert kinds >= {0, 1}  # FLOAT32, FLOAT16
    assert len(verify(converted("relu6", "float16")).float_tensors) == sum(
        tensor.type in (0, 1) for tensor in model.subgraphs[0].tensors
    )


def test_a_float_tensor_that_no_operator_uses_is_found() -> None:
    model = read(converted("relu6"))
    draft = Draft(model)
    orphan = changed(draft.subgraphs[0].tensors[0], name="left_over", type=0, quantization=None)
    draft.subgraphs[0].tensors.append(orphan)
    data = write(draft.model)
    verdict = verify(data)
    assert verdict.float_tensors == ("left_over",)
    assert verdict.float_operators == ()
    assert "'left_over', which no operator uses" in refusal(data).problem


def test_what_an_operator_notes_scales_in_is_no_float_tensor() -> None:
    """As an int8 LSTM does, in empty tensors that it calls intermediates."""
    draft = Draft(read(converted("relu6")))
    subgraph = draft.subgraphs[0]
    subgraph.tensors.append(changed(subgraph.tensors[0], name="input_to_cell_intermediate", type=0, shape=[]))
    noted = len(subgraph.tensors) - 1
    subgraph.operators[0] = changed(subgraph.operators[0], intermediates=[noted])
    assert verify(write(draft.model)).is_full_integer
    subgraph.outputs = [*subgraph.outputs, noted]
    assert verify(write(draft.model)).float_tensors == ("input_to_cell_intermediate",)


def test_an_island_inside_an_int8_model_is_found_though_inputs_and_outputs_are_int8() -> None:
    verdict = verify(island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None), (BUILTIN.MINIMUM, 1.0)))
    assert verdict.input_dtypes == verdict.output_dtypes == ("INT8",)
    assert [str(operator) for operator in verdict.float_operators] == [
        "DEQUANTIZE (tfl.dequantize)",
        "ELU (model/act0/Op)",
        "MINIMUM (model/act1/Op)",
        "QUANTIZE (model/act1/Op)",
    ]
    assert not verdict.is_full_integer


def test_what_is_no_tflite_file_is_a_model_error() -> None:
    with pytest.raises(ModelError):
        require_full_integer(b"PK\x03\x04 not a model")


@pytest.mark.slow
def test_verifying_imports_no_tensorflow() -> None:
    code = (
        "import sys, edgeswap.tflite.full_integer, edgeswap.tflite.elu, edgeswap.tflite.hard_swish; print(*sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"tensorflow", "keras", "tf_keras"} & set(ran.stdout.split())


def test_two_elus_in_one_layer_are_named_with_what_to_write_instead() -> None:
    data = island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None), (BUILTIN.ELU, None))
    with pytest.raises(VerificationError, match=r"ELU on tensor .* \(layer 'act0'\)") as refused:
        require_full_integer(fold_elu(data))
    assert refused.value.remedy.startswith("Write each ELU as an activation or a layer of its own")
