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


def test_hashes_of_labels_of_any_form() -> None:
    x = np.zeros((3, 8, 8, 1))
    as_whole = [load((x, np.array([0, 1, 2], dtype)), input_shapes=DIGITS).sha256 for dtype in ("u1", "<i8", ">i4")]
    # As it was when every label became an int64.
    assert as_whole == ["c3ee22a3d3f249a33ae9034cd3b3a037c8ea080e78dde5e6f17727527f092863"] * 3
    forms = [
        np.array([0.0, 1.0, 2.0], np.float32),
        np.array([0.0, 1.0, 2.0]),
        np.array([[0], [1], [2]]),
        np.arange(6).reshape(3, 2),
        np.arange(6).reshape(3, 2, 1),
        {"a": np.array([0, 1, 2])},
        {"b": np.array([0, 1, 2])},
    ]
    found = [load((x, labels), input_shapes=DIGITS).sha256 for labels in forms]
    assert len({*as_whole, *found}) == 1 + len(forms)


def test_other_labels() -> None:
    data = load((np.zeros((3, 8, 8, 1)), ["a", "b", "a"]), input_shapes=DIGITS)
    masks = np.zeros((3, 4, 4), np.uint8)
    assert data.with_labels(masks).labels is masks
    assert data.with_labels(None).with_names(["b", "a"]).labels is None
    assert data.with_names(["b", "a"]).classes.tolist() == [1, 0, 1]  # type: ignore[union-attr]


def test_a_dataset_is_frozen() -> None:
    data = load(np.zeros((3, 8, 8, 1)), input_shapes=DIGITS)
    assert isinstance(data, Dataset)
    with pytest.raises(AttributeError):
        data.source = "other"  # type: ignore[misc]
