"""The passes in their order, and which form of hard-swish each runtime gets."""

import pytest
from tflite_models import converted

from edgeswap.tflite.flatbuffer import operators, read
from edgeswap.tflite.lower import FASTER_HARD_SWISH, lower


def counts(data):
    return operators(read(data))


@pytest.fixture(scope="module")
def hard_swish():
    return converted("hard_swish")


def test_auto_goes_by_what_was_measured(hard_swish):
    assert FASTER_HARD_SWISH == {
        "ai-edge-litert": "rewritten",
        "tflite-runtime": "operator",
        "ethos-u": "operator",
        "tflite-micro": "operator",
    }
    assert "HARD_SWISH" not in counts(lower(hard_swish, runtime="ai-edge-litert"))
    assert lower(hard_swish, runtime="tflite-runtime") == hard_swish


def test_either_form_can_be_forced(hard_swish):
    assert lower(hard_swish, runtime="ai-edge-litert", hard_swish="operator") == hard_swish
    assert "HARD_SWISH" not in counts(lower(hard_swish, runtime="tflite-runtime", hard_swish="rewritten"))


def test_a_file_lowered_twice_is_lowered_once(hard_swish):
    once = lower(hard_swish, runtime="ai-edge-litert")
    assert lower(once, runtime="ai-edge-litert") == once
