"""The profile of instructions: how a network is taken apart, and what the section says of the counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.activation_pass import COPY, ONE_VALUE, PROFILED, REFERENCE, SHAPE, parts, passes, section
from edgeswap.tflite.flatbuffer import operators, read
from tests.test_activation_kernels import CHAINS, model
from tests.tflite_models import EVERY_INT8, run

VALUES = int(np.prod(SHAPE))


def test_the_steps_of_an_activation_are_one_part_and_it_computes_what_they_did() -> None:
    file = model(hard_swish=CHAINS["hard_swish"], joined=[*CHAINS["swish"]])
    hard_swish, swish = parts(file)
    assert (hard_swish.kind, hard_swish.values, hard_swish.work) == ("activation", 64, 64)
    assert operators(read(hard_swish.data)) == {"MUL": 2, "ADD": 1}
    assert operators(read(swish.data)) == {"LOGISTIC": 1, "MUL": 1}
    inputs = EVERY_INT8.reshape(4, 64)
    assert np.array_equal(run(hard_swish.data, inputs), run(model(hard_swish=CHAINS["hard_swish"]), inputs))


def test_every_pass_is_a_model_of_one_operator() -> None:
    found = passes()
    assert {sum(operators(read(data)).values()) for data in found.values()} == {1}
    assert {COPY, ONE_VALUE, "ELU"} < set(found)


def test_the_section_tells_what_a_pass_may_take_and_what_the_table_takes() -> None:
    (part,) = parts(model(elu=CHAINS["elu"]))
    profile = [(part._replace(values=6_000_000, work=6_000_000), 3_480_000)]
    counted: dict[str, Any] = {ONE_VALUE: 5000, COPY: 5000 + VALUES // 8, "ELU": 5000 + round(0.58 * VALUES)}
    text, missed = section({REFERENCE: 49_200_000, PROFILED: 52_700_000}, profile, counted, "command")
    assert missed == ["clipped_elu takes 52.7 M"]
    words = " ".join(text.split())
    assert "a pass may take 0.133 instructions a value, or 2.1 for the 16 values of a register" in words
    assert "| ELU | 0.580 | 52.68 |" in text
    assert "| RESHAPE, which copies | 0.125 | 49.95 |" in text
    assert section({REFERENCE: 46_000_000, PROFILED: 49_500_000}, profile, counted, "command")[1] == []
