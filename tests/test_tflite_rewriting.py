from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tflite_models import BUILTIN, converted, images, island, run, single

from edgeswap.tflite.elu import fold_elu
from edgeswap.tflite.flatbuffer import changed, operators, read, tensors, write
from edgeswap.tflite.rewriting import Draft, replace_operators, rewrite, without_orphans


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


def test_buffers_that_only_the_old_list_of_metadata_names_survive() -> None:
    model = read(single(BUILTIN.ELU, (0.05, 0), (0.05, 0)))
    contents = (b"nothing names it", b"older than metadata")
    buffers = [*model.buffers, *(schema.BufferT(data=np.frombuffer(content, np.uint8)) for content in contents)]
    before = changed(model, buffers=buffers, metadataBuffer=[len(buffers) - 1])
    for after in (without_orphans(before), read(write(without_orphans(before)))):
        (kept,) = after.metadataBuffer
        assert bytes(after.buffers[kept].data) == b"older than metadata"
        assert b"nothing names it" not in {bytes(buffer.data) for buffer in after.buffers if buffer.data is not None}


@pytest.mark.parametrize("kind", [BUILTIN.DEQUANTIZE, BUILTIN.ELU, BUILTIN.QUANTIZE])
def test_an_operator_is_replaced_wherever_it_stands(kind: int) -> None:
    data = island((0.05, 0), (0.02, 3), (BUILTIN.ELU, None))

    def instead(draft: Draft, number: int, operator: schema.OperatorT) -> list[schema.OperatorT] | None:
        assert number == 0
        if draft.codes[operator.opcodeIndex].builtinCode != kind:
            return None
        return [draft.operator(kind, operator.inputs, operator.outputs[0], version=7)]

    after = read(replace_operators(data, instead))
    assert operators(after) == operators(read(data))
    assert [code.builtinCode for code in after.operatorCodes if code.version == 7] == [kind]
    assert replace_operators(data, lambda *_: None) is data


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


@pytest.mark.slow
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
