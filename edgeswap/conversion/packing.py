"""A model of TFLite's object interface to the bytes of its file, with no more of its weights in memory than it takes.

TensorFlow's own `flatbuffer_utils.convert_object_to_bytearray` gives the same bytes. It holds the weights up to four
times at once, as its buffer grows by doubling and is copied twice, and the converter calls it twice for each model.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt

_IDENTIFIER = b"TFL3"
_ROOM_BYTES = 2**20  # for all but weights, and an eighth of them; what is not written to takes no memory


def packed(model: Any, extra_buffer: bytes = b"") -> bytearray:
    """The file of a `ModelT`, in the memory that it was built in.

    Args:
        model: whose buffers hold their data as arrays of uint8, lists or bytes.
        extra_buffer: what comes behind the flatbuffer.
    """
    held = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = _Builder(_ROOM_BYTES + held + held // 8)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    file: bytearray = builder.Bytes
    del file[: builder.Head()]
    file += extra_buffer
    return file


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    def CreateNumpyVector(self, x: npt.NDArray[Any]) -> int:  # noqa: N802  (flatbuffers' name)
        """As the original, without a copy of the bytes on the way."""
        if x.dtype != np.uint8:
            return int(super().CreateNumpyVector(x))
        self.StartVector(1, x.size, 1)
        self.head -= x.size
        memoryview(self.Bytes)[self.head : self.head + x.size] = np.ascontiguousarray(x).data
        return int(self.EndVector())
