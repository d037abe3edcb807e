from __future__ import annotations

import contextlib
import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_models import BUILTIN, converted, images, island, run, single

from edgeswap.errors import ModelError
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import Draft, changed, operators, read, rewrite, tensors, view, without_orphans, write
from edgeswap.tflite.verify import verify

KINDS = ("relu6", "elu", "swish")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_read_and_written_gives_the_same_outputs(kind: str) -> None:
    data = converted(kind)
    again = write(read(data))
    np.testing.assert_array_equal(run(data, images(20)), run(again, images(20)))
    assert operators(read(again)) == operators(read(data))
    assert tensors(read(again)) == tensors(read(data))


@pytest.mark.parametrize("kind", KINDS)
def test_buffers_are_aligned_as_the_schema_asks(kind: str) -> None:
    data = write(read(converted(kind)))
    model = schema.Model.GetRootAs(data)
    starts = [
        model.Buffers(i)._tab.Vector(model.Buffers(i)._tab.Offset(4))
        for i in range(model.BuffersLength())
        if model.Buffers(i).DataLength()
    ]
    assert len(starts) > 5
    assert [start % 16 for start in starts] == [0] * len(starts)


def test_operators_counts_builtins_and_custom_codes() -> None:
    draft = Draft(read(converted("relu6")))
    found = operators(draft.model)
    assert found == {"CONV_2D": 2, "ADD": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "MEAN": 1, "RELU6": 1}
    draft.codes[:] = [
        changed(code, builtinCode=BUILTIN.CUSTOM, deprecatedBuiltinCode=BUILTIN.CUSTOM, customCode=b"edgetpu-custom-op")
        if code.builtinCode == BUILTIN.CONV_2D
        else code
        for code in draft.codes
    ]
    assert operators(read(write(draft.model)))["edgetpu-custom-op"] == 2


def test_a_builtin_beyond_the_old_field_of_8_bits_is_named() -> None:
    data = single(BUILTIN.GELU, (0.05, 0), (0.05, 0))
    code = read(data).operatorCodes[0]
    assert (code.deprecatedBuiltinCode, code.builtinCode) == (127, BUILTIN.GELU)
    assert operators(read(data)) == {"GELU": 1}


def test_tensors_show_name_dtype_shape_and_quantization() -> None:
    model = read(converted("relu6"))
    known = {tensor.name: tensor for tensor in tensors(model)}
    image = known["serving_default_image:0"]
    assert (image.dtype, image.shape, image.zero_points) == ("INT8", (1, 8, 8, 3), (image.zero_points[0],))
    assert image.scales[0] == pytest.approx(6 / 255, rel=0.01)  # calibrated on -3 to 3
    details = Interpreter(model_content=converted("relu6")).get_tensor_details()
    by_index = tensors(model)
    for detail in details:
        if detail["index"] < len(by_index):
            tensor = by_index[detail["index"]]
            np.testing.assert_array_equal(detail["quantization_parameters"]["scales"], np.float32(tensor.scales))
            np.testing.assert_array_equal(detail["quantization_parameters"]["zero_points"], tensor.zero_points)


def with_leftovers(model: schema.ModelT) -> schema.ModelT:
    """Adds a tensor, a constant and an operator code that nothing uses, in front of those that are used."""
    draft = Draft(model)
    draft.int8_tensor(0, "leftover", (4,), 0.5, 0, values=np.arange(4, dtype=np.int8))
    draft.operator(BUILTIN.GELU, [0], 0)
    draft.codes.insert(0, draft.codes.pop())
    draft.buffers.insert(1, draft.buffers.pop())
    subgraph = draft.subgraphs[0]
    subgraph.tensors.insert(0, subgraph.tensors.pop())

    def shifted(indices: list[int]) -> list[int]:
        return [int(index) + 1 if index >= 0 else -1 for index in indices]

    subgraph.inputs, subgraph.outputs = shifted(subgraph.inputs), shifted(subgraph.outputs)
    subgraph.tensors[:] = [
        changed(tensor, buffer=1 if tensor.name == "leftover" else tensor.buffer + (tensor.buffer > 0))
        for tensor in subgraph.tensors
    ]
    subgraph.operators[:] = [
        changed(
            operator,
            opcodeIndex=operator.opcodeIndex + 1,
            inputs=shifted(operator.inputs),
            outputs=shifted(operator.outputs),
        )
        for operator in subgraph.operators
    ]
    signatures = [
        changed(
            signature,
            inputs=[changed(entry, tensorIndex=entry.tensorIndex + 1) for entry in signature.inputs],
            outputs=[changed(entry, tensorIndex=entry.tensorIndex + 1) for entry in signature.outputs],
        )
        for signature in model.signatureDefs
    ]
    metadata = [changed(entry, buffer=entry.buffer + 1) for entry in model.metadata]
    return changed(draft.model, signatureDefs=signatures, metadata=metadata)


def test_without_orphans_removes_what_nothing_names_and_keeps_the_rest() -> None:
    original = read(converted("swish"))
    cluttered = with_leftovers(original)
    np.testing.assert_array_equal(run(write(cluttered), images(10)), run(converted("swish"), images(10)))
    clean = without_orphans(cluttered)
    assert tensors(clean) == tensors(original)
    assert len(clean.operatorCodes) == len(original.operatorCodes)
    assert "leftover" in {tensor.name for tensor in tensors(cluttered)}  # the argument is as it was
    data = write(clean)
    np.testing.assert_array_equal(run(data, images(10)), run(converted("swish"), images(10)))
    assert write(without_orphans(read(data))) == write(read(data))


def test_signatures_and_metadata_survive_a_rewriting() -> None:
    before, after = converted("elu"), fold_elu(converted("elu"))
    one, other = (Interpreter(model_content=data) for data in (before, after))
    assert one.get_signature_list() == other.get_signature_list() != {}
    sample = images(1)
    np.testing.assert_array_equal(
        one.get_signature_runner()(image=sample)["act_out"], other.get_signature_runner()(image=sample)["act_out"]
    )

    def metadata(data: bytes) -> dict[bytes, bytes]:
        model = read(data)
        return {entry.name: bytes(model.buffers[entry.buffer].data) for entry in model.metadata}

    assert metadata(before)
    assert metadata(after) == metadata(before)


def test_subgraphs_that_operators_call_survive_a_rewriting() -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32)])
    def loop(x: tf.Tensor) -> tf.Tensor:
        return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, tf.nn.elu(y) + 0.5), [0, x])[1]

    data = tf.lite.TFLiteConverter.from_concrete_functions([loop.get_concrete_function()]).convert()
    model = read(data)
    assert len(model.subgraphs) > 1
    again = write(without_orphans(model))
    assert operators(read(again)) == operators(model)
    sample = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_array_equal(run(again, sample), run(data, sample))


def test_labels_appended_as_a_zip_survive_a_rewriting() -> None:
    labelled = io.BytesIO(converted("elu"))
    with zipfile.ZipFile(labelled, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    folded = fold_elu(labelled.getvalue())
    assert len(folded) < len(labelled.getvalue())
    with zipfile.ZipFile(io.BytesIO(folded)) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt") == b"cat\ndog\n"
    np.testing.assert_array_equal(run(folded, images(5)), run(converted("elu"), images(5)))


def test_a_rewriting_does_not_touch_the_model_it_was_given() -> None:
    data = converted("elu_alpha_capped")
    seen = []

    def remember(model: schema.ModelT) -> schema.ModelT:
        seen.append(model)
        return model

    assert rewrite(data, remember) is data
    fold_elu(data)
    without_orphans(seen[0])
    assert write(seen[0]) == write(read(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"a text file, not a model", "Expected a TFLite file"),
        (b"\x1c\0\0\0TFL3", "8 bytes"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(64), "72 bytes"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ModelError) as caught:
        read(data)
    assert words in caught.value.problem


def test_a_truncated_file_is_refused() -> None:
    # Up to the padding at its end: what is cut there changes nothing that the file says.
    data = converted("relu6")
    for size in range(8, len(data) - 64, 97):
        with pytest.raises(ModelError):
            read(data[:size])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    damaged = bytearray(island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None), (BUILTIN.MINIMUM, 1.0)))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        verify(bytes(damaged))
        fold_elu(bytes(damaged))


def test_weights_outside_of_the_flatbuffer_are_refused() -> None:
    draft = Draft(read(converted("relu6")))
    draft.buffers[1] = changed(draft.buffers[1], data=None, offset=4096, size=16)
    with pytest.raises(ModelError, match="outside"):
        read(write(draft.model))


def test_a_file_above_2_gib_is_refused_before_it_is_read() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return 2**31

    with pytest.raises(ModelError, match="2 GiB"):
        read(Long(b"\x1c\0\0\0TFL3"))


def test_reading_names_does_not_need_them_to_be_text() -> None:
    draft = Draft(read(single(BUILTIN.ELU, (0.05, 0), (0.05, 0))))
    draft.subgraphs[0].tensors[0] = changed(draft.subgraphs[0].tensors[0], name=b"caf\xe9")
    data = write(draft.model)
    assert tensors(read(data))[0].name == "caf\ufffd"
    assert view(read(data).subgraphs[0].tensors[0]).shape == (1, 256)
