from __future__ import annotations

import contextlib

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_models import BUILTIN, converted, images, island, run, single

from edgeswap.errors import ModelError
from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import changed, operators, read, tensors, view, write
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.rewriting import Draft

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


@pytest.mark.parametrize("what", ["inputs", "outputs", "an operator's inputs", "an operator's outputs", "a buffer"])
@pytest.mark.parametrize("number", [10_000, -2])
def test_a_number_that_leads_nowhere_is_refused(what: str, number: int) -> None:
    model = read(converted("relu6"))
    subgraph, wrong = model.subgraphs[0], np.array([number], np.int32)
    first, *others = subgraph.operators
    tensor, *more = subgraph.tensors
    damaged = {
        "inputs": lambda: {"inputs": wrong},
        "outputs": lambda: {"outputs": wrong},
        "an operator's inputs": lambda: {"operators": [changed(first, inputs=wrong), *others]},
        "an operator's outputs": lambda: {"operators": [changed(first, outputs=wrong), *others]},
        "a buffer": lambda: {"tensors": [changed(tensor, buffer=abs(number) + 10_000), *more]},
    }[what]()
    with pytest.raises(ModelError):
        read(write(changed(model, subgraphs=[changed(subgraph, **damaged)])))


def test_a_truncated_file_is_refused() -> None:
    # Up to the padding at its end: what is cut there changes nothing that the file says.
    data = converted("relu6")
    for size in range(8, len(data) - 64, 97):
        with pytest.raises(ModelError):
            read(data[:size])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    damaged = bytearray(island((0.05, 0), (0.05, 0), (BUILTIN.ELU, None), (BUILTIN.MINIMUM, 1.0)))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelError):
        verify(bytes(damaged))
        fold_elu(bytes(damaged))


def behind(data: bytes) -> bytes:
    """The file with all that its buffers hold behind the flatbuffer, as the schema has it for large ones."""
    model = read(data)
    held = [b"" if buffer.data is None else bytes(bytearray(buffer.data)) for buffer in model.buffers]

    def packed(start: int) -> bytes:
        buffers, at = [], start
        for content in held:
            size = -(-len(content) // 16) * 16
            place = {"offset": at, "size": len(content)} if content else {}
            buffers.append(changed(model.buffers[0], data=None, **place))
            at += size
        return write(changed(model, buffers=buffers))

    start = -(-len(packed(1 << 40)) // 16) * 16
    parts = [content.ljust(-(-len(content) // 16) * 16, b"\0") for content in held]
    return packed(start).ljust(start, b"\0") + b"".join(parts)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_behind_the_flatbuffer_are_read(kind: str) -> None:
    data = converted(kind)
    moved = behind(data)
    np.testing.assert_array_equal(run(moved, images(20)), run(data, images(20)))  # the runtime takes such a file
    again = write(read(moved))
    np.testing.assert_array_equal(run(again, images(20)), run(data, images(20)))
    assert operators(read(moved)) == operators(read(data))


def test_weights_that_lie_outside_of_the_file_are_refused() -> None:
    draft = Draft(read(converted("relu6")))
    draft.buffers[1] = changed(draft.buffers[1], data=None, offset=1 << 20, size=16)
    with pytest.raises(ModelError, match="cannot be read through"):
        read(write(draft.model))
    with pytest.raises(ModelError, match="cannot be read through"):
        read(behind(converted("relu6"))[:-16])


def test_weights_in_other_files_are_refused() -> None:
    draft = Draft(read(converted("relu6")))
    named = schema.ExternalBufferT()
    with pytest.raises(ModelError, match="elsewhere"):
        read(write(changed(draft.model, externalBuffers=[named])))


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


@pytest.mark.parametrize(("dtype", "count"), [("INT8", 3), ("INT8", 5), ("INT32", 4), ("FLOAT32", 5)])
def test_a_constant_of_other_bytes_than_its_type_and_shape_take_is_refused(dtype: str, count: int) -> None:
    draft = Draft(read(single(BUILTIN.ELU, (0.05, 0), (0.05, 0))))
    index = draft.int8_tensor(0, "constant", (4,), 0.05, 0, values=np.zeros(count, np.int8))
    tensors_now = draft.subgraphs[0].tensors
    tensors_now[index] = changed(tensors_now[index], type=getattr(schema.TensorType, dtype))
    with pytest.raises(ModelError, match=f"a constant of {count} bytes"):
        read(write(draft.model))


def test_a_constant_of_the_bytes_that_its_type_and_shape_take_is_read() -> None:
    draft = Draft(read(single(BUILTIN.ELU, (0.05, 0), (0.05, 0))))
    index = draft.int8_tensor(0, "constant", (2, 2), 0.05, 0, values=np.arange(4, dtype=np.int8))
    again = read(write(draft.model))
    assert tensors(again)[index].shape == (2, 2)
    assert bytes(again.buffers[again.subgraphs[0].tensors[index].buffer].data) == b"\0\1\2\3"
