from __future__ import annotations

import numpy as np
import pytest

from edgeswap.data.load import Dataset, load

DIGITS = {"image": (8, 8, 1)}


def test_subsets_and_hashes() -> None:
    x = np.arange(5 * 64, dtype=np.uint16).reshape(5, 8, 8, 1)
    data = load((x, [0, 1, 2, 3, 4]), input_shapes=DIGITS)
    part = data.subset([4, 1]).subset([1, 0])
    assert part.labels is not None
    assert part.labels.tolist() == [1, 4]
    np.testing.assert_array_equal(part.read([0, 1]), x[[1, 4]])
    assert part.digests == [data.digests[1], data.digests[4]]
    assert data.sha256 == load((x.copy(), [0, 1, 2, 3, 4]), input_shapes=DIGITS).sha256
    others = [
        data.subset([1, 0, 2, 3, 4]),
        load((x, [0, 1, 2, 3, 3]), input_shapes=DIGITS),
        load(x, input_shapes=DIGITS),
        load((x.astype(np.int32), [0, 1, 2, 3, 4]), input_shapes=DIGITS),
    ]
    assert len({data.sha256, *(other.sha256 for other in others)}) == 5


def test_a_dataset_is_frozen() -> None:
    data = load(np.zeros((3, 8, 8, 1)), input_shapes=DIGITS)
    assert isinstance(data, Dataset)
    with pytest.raises(AttributeError):
        data.source = "other"  # type: ignore[misc]
