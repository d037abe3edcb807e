"""Arrays from memory, .npz and tf.data that fit a model, and each way in which they do not."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.data.load import load
from edgeswap.errors import DataError

DIGITS = {"image": (8, 8, 1)}


def test_an_npz_with_x_and_y(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=[0, 1, 2, 0, 1, 2])
    data = load(str(tmp_path / "a.npz"), input_shapes=DIGITS, classes=3)
    assert (len(data), data.resize, data.source) == (6, None, str(tmp_path / "a.npz"))
    assert data.labels is not None
    assert data.labels.dtype == np.int64
    np.testing.assert_array_equal(data.read([4, 0]), x[[4, 0]])
    assert data.read([0]).dtype == np.uint8


def test_an_npz_with_one_array_for_each_input(tmp_path: Path) -> None:
    image, meta = np.zeros((3, 8, 8, 1), np.uint8), np.ones((3, 5), np.float32)
    np.savez(tmp_path / "a.npz", image=image, meta=meta)
    data = load(tmp_path / "a.npz", input_shapes={"image": (8, 8, 1), "meta": (None,)})
    assert data.labels is None
    read = data.read([1])
    assert {name: array.shape for name, array in read.items()} == {"image": (1, 8, 8, 1), "meta": (1, 5)}


GOOD = np.zeros((3, 8, 8, 1), np.float32)


def but(value: float) -> Any:
    spoilt = GOOD.copy()
    spoilt[1, 2, 3, 0] = value
    return spoilt


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (but(np.nan), "sample 1"),
        (but(np.inf), "sample 1"),
        (GOOD[:0], "got none"),
        (GOOD[..., 0], r"\(3, 8, 8\)"),
        (GOOD[:, :7], r"\(3, 7, 8, 1\)"),
        (GOOD.astype(str), "numbers"),
        (GOOD.astype(object), "numbers"),
        ([GOOD, GOOD[0]], "arrays"),
        ({"wrong": GOOD}, "wrong"),
        ((GOOD, [0, 1]), "labels for 3 samples"),
        ((GOOD, {"a": [0, 1, 2], "b": [0, 1]}), "labels 'b' for 3 samples"),
        ((GOOD, {"a": ["x", "y", "z"]}), "names for 'a'"),
        ((GOOD, {}), "empty dict"),
        ((GOOD, [0.0, np.nan, 2.0]), "first in sample 1"),
        ((GOOD, np.full((3, 2, 4), np.nan)), "first in sample 0"),
        ((GOOD, [[0], [1], [2, 3]]), "one shape"),
        ((GOOD, [0j, 1j, 2j]), "complex128"),
        ((GOOD, [["a", "b"], ["a", "c"], ["a", "d"]]), "one class name a sample"),
        ((GOOD, ["a", "b", "c"]), "got 3 names"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(value: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        load(value, input_shapes=DIGITS, classes=10)
    assert caught.value.remedy


def test_inputs_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="as many samples"):
        load({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}, input_shapes={"a": (2,), "b": (2,)})


ANY_LABELS = {
    "floats": np.array([0.5, 1.5, -2.0]),
    "rows of floats": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
    "one-hot": np.eye(3)[[2, 0, 1]],
    "masks": np.arange(3 * 8 * 8).reshape(3, 8, 8).astype(np.uint8),
    "bool": np.array([True, False, True]),
    "boxes": np.array([[[0, 0, 1, 1, 2], [np.nan] * 5]] * 3, np.float32),
}


@pytest.mark.parametrize("name", ANY_LABELS)
def test_labels_of_any_form_stay_as_they_are(name: str, tmp_path: Path) -> None:
    y = ANY_LABELS[name]
    np.savez(tmp_path / "a.npz", x=GOOD, y=y)
    for data in (load((GOOD, y), input_shapes=DIGITS), load(tmp_path / "a.npz", input_shapes=DIGITS)):
        assert isinstance(data.labels, np.ndarray)
        assert data.labels.dtype == y.dtype
        np.testing.assert_array_equal(data.labels, y)
        np.testing.assert_array_equal(data.subset([2, 0]).labels, y[[2, 0]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([2, 0, 1], np.uint8), [2, 0, 1]),
        ([[2], [0], [1]], [2, 0, 1]),
        ([1.0, 0.0, 1.0], [1, 0, 1]),
        (np.eye(3, dtype=bool)[[2, 0, 1]], [2, 0, 1]),
        ([0.5, 0.0, 1.0], None),
        ([1e300, 0.0, 1.0], None),
        ([[1, 1], [0, 1], [0, 0]], None),
        ({"a": [0, 1, 2]}, None),
        (np.zeros((3, 8, 8), int), None),
    ],
)
def test_labels_of_one_whole_number_a_sample_are_classes(labels: Any, classes: list[int] | None) -> None:
    found = load((GOOD, labels), input_shapes=DIGITS).classes
    assert (found if found is None else found.tolist()) == classes
    assert found is None or found.dtype == np.int64


def test_labels_by_output(tmp_path: Path) -> None:
    from edgeswap.frameworks import tf

    y = {"digit": np.array([0, 1, 2]), "place": np.ones((3, 2), np.float32)}
    np.savez(tmp_path / "a.npz", x=GOOD, y_digit=y["digit"], y_place=y["place"])
    elements = tf.data.Dataset.from_tensor_slices((GOOD, y))
    for spec in (tmp_path / "a.npz", (GOOD, y), elements, elements.batch(2)):
        data = load(spec, input_shapes=DIGITS)
        assert isinstance(data.labels, dict)
        assert data.labels.keys() == y.keys()
        for name, values in y.items():
            np.testing.assert_array_equal(data.subset([1]).labels[name], values[[1]])
    np.savez(tmp_path / "b.npz", x=GOOD, y=y["digit"], y_place=y["place"])
    with pytest.raises(DataError, match="y and y_place"):
        load(tmp_path / "b.npz", input_shapes=DIGITS)


def test_an_input_may_be_called_as_labels_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.zeros((3, 2)), y_before=np.ones((3, 2)))
    data = load(tmp_path / "a.npz", input_shapes={"y": (2,), "y_before": (2,)})
    assert data.labels is None
    assert data.read([0]).keys() == {"y", "y_before"}


@pytest.mark.parametrize(
    "names", [["dog", "cat", "dog"], np.array(["dog", "cat", "dog"], object), np.array([[b"dog"], [b"cat"], [b"dog"]])]
)
def test_names_become_class_numbers(names: Any) -> None:
    data = load((GOOD, names), input_shapes=DIGITS)
    assert data.classes is not None
    assert (data.classes.tolist(), data.class_names, data.labels_by_name) == ([1, 0, 1], ("cat", "dog"), True)
    known = load((GOOD, names), input_shapes=DIGITS, class_names=["dog", "fish", "cat"])
    assert known.classes is not None
    assert (known.classes.tolist(), known.class_names) == ([0, 2, 0], ("dog", "fish", "cat"))
    with pytest.raises(DataError, match=r"named as in --labels, got dog"):
        load((GOOD, names), input_shapes=DIGITS, class_names=["cat", "fish"])


class Pickled:
    def __reduce__(self) -> Any:
        return (os.abort, ())  # a test that unpickled this would not come back


def test_a_pickled_object_is_refused_and_not_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([Pickled()], dtype=object))
    with pytest.raises(DataError, match="pickle"):
        load(tmp_path / "a.npz", input_shapes=DIGITS)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(20, 8, 8, 1)))
    whole = (tmp_path / "a.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (b"", b"hello", whole[: len(whole) // 2], bytes(flipped)):
        (tmp_path / "b.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"b\.npz"):
            load(tmp_path / "b.npz", input_shapes=DIGITS)
    np.savez(tmp_path / "c.npz", x_train=GOOD, y_train=[0, 1, 2])
    with pytest.raises(DataError, match="got x_train"):
        load(tmp_path / "c.npz", input_shapes=DIGITS)


@pytest.mark.parametrize("batched", [False, True])
def test_a_tf_data_dataset(batched: bool) -> None:
    from edgeswap.frameworks import tf

    x = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)
    y = np.arange(7) % 3
    for value, labelled in ((x, False), ((x, y), True), (({"image": x}, y), True)):
        dataset = tf.data.Dataset.from_tensor_slices(value)
        data = load(dataset.batch(3) if batched else dataset, input_shapes=DIGITS, classes=3)
        np.testing.assert_array_equal(data.read(range(7)), x)
        assert (data.labels is not None) == labelled
        assert data.labels is None or data.labels.tolist() == y.tolist()


def test_tf_data_that_cannot_be_read_whole() -> None:
    from edgeswap.frameworks import tf

    dataset = tf.data.Dataset.from_tensor_slices((GOOD, [0, 1, 2]))
    with pytest.raises(DataError, match="endless"):
        load(dataset.repeat(), input_shapes=DIGITS)
    with pytest.raises(DataError, match="got none"):
        load(dataset.take(0), input_shapes=DIGITS)
    with pytest.raises(DataError, match="3 parts"):
        load(dataset.map(lambda x, y: (x, y, 1.0)), input_shapes=DIGITS)


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((3, 3, 8, 9), r"x.transpose\(0, 2, 3, 1\)"),  # PyTorch's order
        ((3, 8, 9), r"Reshape or resize"),
        ((3, 9, 8, 3), r"Reshape or resize"),
    ],
)
def test_what_to_do_with_samples_of_another_shape(shape: tuple[int, ...], remedy: str) -> None:
    with pytest.raises(DataError, match=r"as the model takes, got \(3,") as caught:
        load(np.zeros(shape, np.float32), input_shapes={"x": (8, 9, 3)})
    assert re.search(remedy, caught.value.remedy)


def test_a_grayscale_image_without_its_channel() -> None:
    with pytest.raises(DataError, match="newaxis"):
        load(GOOD[..., 0], input_shapes=DIGITS)


def test_a_list_of_arrays_is_in_the_order_of_several_inputs() -> None:
    shapes, a, b = {"a": (2,), "b": (3,)}, np.zeros((4, 2)), np.ones((4, 3))
    data = load(([a, b], np.arange(4)), input_shapes=shapes)
    assert {name: array.shape for name, array in data.read([0, 1]).items()} == {"a": (2, 2), "b": (2, 3)}
    assert len(load([a, b], input_shapes=shapes)) == 4
    with pytest.raises(DataError, match="Expected a, b and optionally y in tuple") as raised:
        load((a, b), input_shapes=shapes)
    assert "a list of one array for each input in this order" in raised.value.remedy


def test_a_list_of_labels_for_several_outputs_is_answered_with_a_dict() -> None:
    labels = [np.zeros(12), np.zeros((12, 3))]
    with pytest.raises(DataError, match="got a list of 2 arrays") as raised:
        load((np.zeros((12, 4), np.float32), labels), input_shapes={"x": (4,)})
    assert "a dict of the arrays by the names of the outputs" in raised.value.remedy
