"""Packing a .tflite: TensorFlow's own bytes, with less memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
from tensorflow.lite.tools import flatbuffer_utils

from edgeswap.conversion import packing
from tests.tflite_models import island


def test_it_gives_the_bytes_of_tensorflow():
    model = flatbuffer_utils.convert_bytearray_to_object(island((0.1, 0), (0.1, 0), (0, 1.0)))
    assert packing.packed(model, b"behind") == flatbuffer_utils.convert_object_to_bytearray(model, b"behind")


def test_it_holds_the_weights_once():
    """And an eighth of them as room."""
    model = flatbuffer_utils.convert_bytearray_to_object(island((0.1, 0), (0.1, 0), (0, 1.0)))
    size = 10_000_000  # above a power of two, to which the other's buffer grows
    model.buffers[0].data = np.ones(size, np.uint8)

    def peak(pack) -> float:
        tracemalloc.start()
        try:
            pack(model)
            return tracemalloc.get_traced_memory()[1] / size
        finally:
            tracemalloc.stop()

    assert peak(packing.packed) < 1.3
    assert peak(flatbuffer_utils.convert_object_to_bytearray) > 3
