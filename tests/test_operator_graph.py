"""The graph of a model on its page: which operators there are, where each runs, and which reads from which."""

import re

import pytest

from edgeswap import records
from edgeswap.report import html, operators_drawing
from edgeswap.tflite.operator_graph import OperatorNode, operator_graph
from tests.test_report import HOSTILE, qat, texts_of
from tests.tflite_models import island
from tests.tiny_tflite import streaming


def node(operator="ADD", tensor="net/act/Relu6", *, dtype="int8", reads=()):
    return OperatorNode(operator, "act", tensor, (1, 8, 8, 4), dtype, dtype == "float32", tuple(reads))


def with_outside():
    base = qat()
    softmax = records.OutsideOperator(
        operator="SOFTMAX", tensor="net/head/Softmax", layer="head", reason="it has no int8 kernel", remedy=""
    )
    one = base.targets[0]
    return qat(targets=[one.model_copy(update={"int8": one.int8.model_copy(update={"outside_delegate": [softmax]})})])


def test_operators_are_read_in_order_with_what_they_read_from():
    data = island((0.1, 0), (0.1, 0), (0, None))
    found = operator_graph(data)
    assert len(found) >= 2
    assert found[0].reads == ()
    assert all(number - 1 in one.reads for number, one in enumerate(found) if number)
    assert {one.dtype for one in found} >= {"int8"}


def test_an_operator_that_writes_a_state_alone_is_named_by_what_it_reads(tmp_path):
    found = operator_graph(streaming(tmp_path / "m.tflite", 3).read_bytes())
    assert "ASSIGN_VARIABLE" in {one.operator for one in found}
    (total,) = (one for one in found if one.operator == "ADD")
    assert [found[number].operator for number in total.reads] == ["READ_VARIABLE"]


@pytest.mark.slow
def test_each_row_says_where_its_operator_runs():
    graph = [node(), node("SOFTMAX", "net/head/Softmax"), node("DEQUANTIZE", "out", dtype="float32")]
    rows = operators_drawing.rows(with_outside(), graph)
    assert [row.kind for row in rows] == ["int8", "outside", "float"]
    assert rows[0].about == "act, int8 8x8x4"
    assert rows[1].where == "outside of xnnpack on host"
    page = html.render(with_outside(), operators=graph)
    words = texts_of(page)[1]
    assert "The 3 operators of the int8 model in order" in words
    assert "SOFTMAX outside of xnnpack on host" in words
    assert "operators of the int8 model in order" not in texts_of(html.render(qat()))[1]


def test_a_line_over_more_rows_stands_out_farther_and_stays_in_the_gutter():
    graph = [node(reads=[number - 1] if number else []) for number in range(30)]
    graph[5] = node(reads=[4, 0])
    graph[29] = node(reads=[28, 1])
    drawn = operators_drawing.lines(graph)
    handles = sorted({float(x) for x in re.findall(r"C(-?[\d.]+) ", drawn)})
    assert len(handles) == 3  # to the next row, over four rows, over all
    width = int(re.search(r'width="(\d+)"', drawn)[1])
    assert width == operators_drawing.MOST + 4
    assert width - 1 - (width - 1 - handles[0]) * 3 / 4 >= 0  # where the widest curve is
    assert f'height="{30 * operators_drawing.ROW}"' in drawn


def test_names_of_strangers_stay_text():
    graph = [OperatorNode(HOSTILE, HOSTILE, HOSTILE, (1,), "int8", False, ())]
    tags, words = texts_of(html.render(qat(), operators=graph))
    assert HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e") in words
    assert not [tag for tag, _ in tags if tag == "b"]
