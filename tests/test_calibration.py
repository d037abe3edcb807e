"""The representative dataset: chosen evenly, and refused where its ranges would mean nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.data.calibration import checked, choose, representative_dataset
from edgeswap.data.load import ArraySamples, Dataset
from edgeswap.errors import DataError

SHAPES = {"image": (4, 4, 1)}


def dataset(pixels: np.ndarray, labels: np.ndarray | None = None) -> Dataset:
    return Dataset("test data", ArraySamples({"image": pixels}), np.arange(len(pixels)), labels)


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


def unit(raw: np.ndarray) -> np.ndarray:
    return (raw / np.float32(255)).astype(np.float32)


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60), share=st.floats(0.05, 1.5), seed=st.integers(0, 99))
def test_classes_are_chosen_as_evenly_as_they_allow(labels, share, seed):
    classes = np.array(labels)
    count = max(1, int(share * len(classes)))
    chosen = choose(len(classes), classes, count, seed)
    assert len(set(chosen)) == len(chosen) == min(count, len(classes))
    got = np.bincount(classes[chosen], minlength=5)
    there = np.bincount(classes, minlength=5)
    # Whoever has fewer than the best-served class, less the one of an unfinished round, has none left to give.
    assert all(got[label] == there[label] for label in range(5) if got[label] < got.max() - 1)


def test_the_choice_is_the_seeds():
    assert (choose(100, None, 10, 3) == choose(100, None, 10, 3)).all()
    assert (choose(100, None, 10, 3) != choose(100, None, 10, 4)).any()


def test_samples_come_preprocessed_in_order_of_the_data():
    raw = pixels(30)
    (samples,) = representative_dataset(dataset(raw), unit, shapes=SHAPES, count=20)
    assert samples.shape == (20, 4, 4, 1)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, unit(raw[choose(30, None, 20, 0)]))


def test_inputs_come_in_the_order_of_the_model():
    arrays = {"b": pixels(12), "a": pixels(12, seed=1)}
    two = Dataset("two", ArraySamples(arrays), np.arange(12))
    first, second = representative_dataset(
        two, lambda raw: {name: unit(array) for name, array in raw.items()}, shapes={"a": (4, 4, 1), "b": (4, 4, None)}
    )
    np.testing.assert_array_equal(first, unit(arrays["a"]))
    np.testing.assert_array_equal(second, unit(arrays["b"]))


@pytest.mark.parametrize("count", [0, 9])
def test_too_few(count):
    with pytest.raises(DataError, match=f"at least 10 samples to calibrate on, got {count} from test data"):
        representative_dataset(dataset(pixels(count)), unit, shapes=SHAPES)


def test_samples_of_the_test_split_are_counted():
    raw, other = pixels(30), pixels(20, seed=1)
    test = dataset(np.concatenate([other, raw[:7]]))
    with pytest.raises(DataError, match="got 7 of 30 from test data"):
        representative_dataset(dataset(raw), unit, shapes=SHAPES, test=test)
    representative_dataset(dataset(raw), unit, shapes=SHAPES, test=dataset(other))


def test_only_the_chosen_samples_must_not_be_in_the_test_split():
    raw = pixels(30)
    left_out = np.setdiff1d(np.arange(30), choose(30, None, 15, 0))
    representative_dataset(dataset(raw), unit, shapes=SHAPES, count=15, test=dataset(raw[left_out]))


def test_wrong_inputs_are_named():
    with pytest.raises(DataError, match="inputs left, right, got left"):
        representative_dataset(dataset(pixels(12)), unit, shapes={"left": (4, 4, 1), "right": (4, 4, 1)})


GOOD = unit(pixels(12))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (GOOD[:, :3], r"shape \(4, 4, 1\) for input 'image', got \(3, 4, 1\)"),
        (GOOD[..., 0], r"shape \(4, 4, 1\) for input 'image', got \(4, 4\)"),
        (GOOD.astype(np.float64), "float32 .* got float64"),
        (np.where(np.arange(12)[:, None, None, None] < 2, np.nan, GOOD), "NaN or infinity in 2"),
        (np.where(np.arange(12)[:, None, None, None] == 5, np.inf, GOOD), "NaN or infinity in 1"),
        (np.repeat(GOOD[:1], 12, axis=0), "12 times the same"),
        (np.broadcast_to(np.arange(12, dtype=np.float32)[:, None, None, None], GOOD.shape), "12 of 12 that are blank"),
    ],
)
def test_samples_that_mean_nothing(samples, message):
    with pytest.raises(DataError, match=message):
        checked("image", samples, (4, 4, 1))


def test_vectors_of_one_number_are_not_blank():
    vectors = np.arange(12, dtype=np.float32)[:, None]
    assert checked("x", vectors, (1,)) is vectors
