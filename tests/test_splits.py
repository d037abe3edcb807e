"""Train, calibration and test are disjoint, to the byte."""

from __future__ import annotations

import os

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import edgeswap as api
from edgeswap.commands.samples import data_specs
from edgeswap.commands.source import open_source
from edgeswap.config.export import export_config
from edgeswap.data.checked_images import check_images
from edgeswap.data.splits import CALIBRATION_SAMPLES, split
from edgeswap.errors import DataError
from edgeswap.frameworks import keras
from edgeswap.progress import Silent
from edgeswap.tasks.outputs import named_classes
from tests.image_data import encoded, picture, write_folder
from tests.models import classifier, digits, means


@pytest.fixture(scope="module")
def source():
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1), name="image"), layers.Flatten(), layers.Dense(10)])
    return open_source(model, seed=0, progress=Silent())


def splits(source, **settings):
    config = export_config({"model": object(), "preprocess": "unit", **settings})
    progress = settings.pop("progress", Silent())
    return split(
        data_specs(config),
        input_shapes=source.input_shapes,
        classes=named_classes(source.signature),
        takes_raw_pixels=source.takes_raw_pixels,
        trains=config.may_train,
        seed=config.seed,
        measures=config.measure,
        holds_out=config.method == "auto",
        trains_last=config.may_train and not config.trains,
        progress=progress,
    )


def digests(dataset):
    return set(dataset.digests)


def test_a_fifth_is_set_aside(source):
    x, y = digits("train")
    found = splits(source, data=(x, y))
    assert (len(found.train), len(found.test)) == (192, 48)
    assert not digests(found.train) & digests(found.test)
    assert not digests(found.calibration) & digests(found.test)
    assert digests(found.calibration) <= digests(found.train)
    assert set(found.test.labels) == set(range(10))
    assert found.representative[0].shape == (192, 8, 8, 1)
    assert found.representative[0].max() <= 1
    assert found.record.preprocess == "unit"


def test_without_figures_nothing_is_set_aside(source):
    x, y = digits("train")
    found = splits(source, data=(x, y), measure=False)
    assert (len(found.train), len(found.calibration), found.validation) == (240, 240, None)
    assert len(found.test) == 240  # for the examples of the report and the bundle
    assert found.record.test is None
    assert found.cautions == ()
    alone = splits(source, data=(x[:200], y[:200]), calibration=x[:100], measure=False)
    assert (len(alone.train), len(alone.calibration)) == (200, 100)
    apart = splits(source, data=(x[:200], y[:200]), test_data=(x[200:], y[200:]), measure=False)
    assert (len(apart.train), apart.record.test.samples) == (200, 40)
    held = splits(source, data=(x, y), measure=False, method="auto")  # auto chooses by them
    assert len(held.held_out) == 120
    assert not digests(held.held_out) & digests(held.train)


@pytest.mark.parametrize(
    ("fill", "says", "remedy"),
    [(0, ", with 0 as every value.", "never filled"), (None, "all the same.", "one sample again and again")],
)
@pytest.mark.parametrize("tested", [False, True])
def test_data_of_one_sample_say_so(source, fill, says, remedy, tested):
    x, y = digits("train")
    same = np.repeat(x[:1], 60, axis=0) if fill is None else np.full((60, *x.shape[1:]), fill, x.dtype)
    given = {"test_data": (x[200:], y[200:])} if tested else {}
    roles_of_them = [{"data": same}, {"data": x[:200], "calibration": same}]
    if not tested:
        roles_of_them.append({"data": x[:200], "test_data": same})
    for roles in roles_of_them:
        with pytest.raises(DataError) as caught:
            splits(source, **roles, **given)
        assert "Expected samples that differ in " in caught.value.problem
        assert "got 60 that are all the same" in caught.value.problem
        assert caught.value.problem.endswith(says)
        assert remedy in caught.value.remedy


def test_a_photograph_that_is_there_twice_never_serves_both_sides(source):
    x, y = digits("train")
    x, y = np.concatenate([x, x[:100]]), np.concatenate([y, y[:100]])
    found = splits(source, data=(x, y))
    assert not digests(found.train) & digests(found.test)
    assert len(found.train) + len(found.test) < 340


def test_calibration_data_lose_what_was_set_aside_of_the_same_data(source):
    x, y = digits("train")
    found = splits(source, data=(x, y), calibration=x[:100])
    assert not digests(found.calibration) & digests(found.test)
    assert 50 < len(found.calibration) < 100


def test_calibration_data_that_were_all_set_aside(source):
    x, y = digits("train")
    held = splits(source, data=(x, y)).test
    with pytest.raises(DataError, match="other than those set aside"):
        splits(source, data=(x, y), calibration=held.read(np.arange(len(held))))


def test_named_test_data_that_overlap_are_refused(source):
    x, y = digits("train")
    with pytest.raises(DataError, match="got 10 of 200 from tuple in both"):
        splits(source, data=(x[:200], y[:200]), test_data=(x[190:], y[190:]))
    with pytest.raises(DataError, match="in the test samples"):
        splits(source, data=(x[:200], y[:200]), test_data=(x[200:], y[200:]), calibration=x[200:])


def test_ptq_needs_no_training_data(source):
    x, y = digits("train")
    found = splits(source, calibration=x[:100], test_data=(x[100:], y[100:]), method="ptq")
    assert found.train is None
    assert found.record.train is None
    assert found.record.calibration.samples == 100


def test_many_samples_calibrate_by_some_of_each_class(source):
    found = splits(source, data="digits", test_data="digits/test")
    assert len(found.train) == 1257
    assert len(found.calibration) == CALIBRATION_SAMPLES
    assert np.bincount(found.calibration.labels).tolist() == [50] * 10


@pytest.mark.parametrize(("dtype", "expected"), [(np.float32, "none"), (np.float64, "none"), (bool, "none")])
def test_floats_are_what_the_model_takes(dtype, expected, source):
    x, y = digits("train")
    found = splits(source, data=((x / 16).astype(dtype), y), preprocess=None)
    assert found.preprocess.name == expected


def test_a_model_with_its_own_rescaling_takes_pixels():
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10)])
    own = open_source(model, seed=0, progress=Silent())
    assert own.takes_raw_pixels
    assert splits(own, data=digits("train"), preprocess=None).preprocess.name == "raw"


@pytest.mark.slow
def test_of_two_inputs_the_pixels_alone_have_the_range_of_pixels(tmp_path):
    x, y = digits("train")
    mean = means((x / 255).astype(np.float32))
    given = ({"image": x, "mean": mean}, y)
    model = classifier(keras, inputs=2)
    report = api.export(model, data=given, preprocess="unit", method="ptq", output=tmp_path / "out").report
    assert report.comparison.agreement > 0.9
    inputs = Interpreter(model_path=str(tmp_path / "out" / "model_int8.tflite")).get_input_details()
    scales = {detail["name"]: detail["quantization"][0] for detail in inputs}
    assert scales["image"] == np.float32(1 / 255)
    assert scales["mean"] == pytest.approx(mean.max() / 255, rel=0.2)  # what was observed is a part of all


def floats(pixel=None, blank=0, count=240):
    """Digits in 0..1 and their labels; with `pixel` in one corner of each, or so many of a single grey."""
    x, y = digits("train")
    images = (x / np.float32(255))[:count]
    if pixel is not None:
        images[:, 0, 0] = pixel
    images[:blank] = np.linspace(0, 1, blank, dtype=np.float32)[:, None, None, None]
    return images, y[:count]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (lambda: floats(np.nan), "got NaN or infinity, first in sample 0"),
        (lambda: floats(-np.inf), "got NaN or infinity, first in sample 0"),
        (lambda: (floats()[0][:, :7], floats()[1]), r"8, 8, 1\), as the model takes, got \(240, 7, 8, 1\)"),
        (lambda: (np.full((40, 8, 8, 1), "no"), np.arange(40) % 10), "got .*U2"),
        (lambda: floats(count=11), "at least 10 samples to calibrate on, got 9"),
        (lambda: floats(blank=200), "that are blank"),
        (lambda: (np.ones((40, 8, 8, 1), np.float32), np.arange(40) % 10), "all the same, with 1 as every"),
    ],
    ids=["nan", "infinity", "shape", "dtype", "few", "blank", "the same"],
)
def test_data_whose_ranges_would_mean_nothing_end_an_export_before_it_trains(data, problem, tmp_path):
    seen = []
    with pytest.raises(DataError, match=problem):
        api.export(small(), data=data(), output=tmp_path / "out", progress=Recorder(seen))
    assert not (tmp_path / "out").exists()
    assert not [title for title in seen if "rain" in title]


def test_calibration_samples_that_are_in_the_test_data_end_an_export_with_their_count(tmp_path):
    images, labels = floats()
    parts = {"test_data": (images[:100], labels[:100]), "calibration": images[80:]}
    with pytest.raises(DataError, match="in the test samples, got 20 of 160"):
        api.export(small(), method="ptq", output=tmp_path / "out", **parts)


def small():
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 1), name="image"), layers.Flatten(), layers.Dense(10)])


class Recorder(Silent):
    """A progress that notes the titles of the steps."""

    def __init__(self, seen):
        self.seen = seen

    def step(self, title, *arguments, **settings):
        self.seen.append(title)
        return super().step(title, *arguments, **settings)


@pytest.fixture(scope="module")
def three():
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1), name="image"), layers.Flatten(), layers.Dense(3)])
    return open_source(model, seed=0, progress=Silent())


def animals(root, names, count=12, first=0):
    """A folder of images, one folder a class."""
    named = enumerate((name, number) for number in range(count) for name in names)
    return write_folder(
        root, {f"{name}/{number}.png": picture(first + seed, mode="L") for seed, (name, number) in named}
    )


def test_classes_that_one_side_spells_otherwise_are_refused_with_both(three, tmp_path):
    train = animals(tmp_path / "train", ["ant", "bee", "cat"])
    test = animals(tmp_path / "test", ["ant", "bee", "Cat"], first=100)
    with pytest.raises(DataError, match=r"named as in .*train, got Cat in .*test") as raised:
        splits(three, data=str(train), test_data=str(test))
    assert "ant, bee, cat" in raised.value.remedy
    with pytest.raises(DataError, match="got Cat in"):
        splits(
            three, data=str(train), test_data=str(animals(tmp_path / "t2", ["ant"], first=200)), calibration=str(test)
        )


def test_a_class_without_a_test_sample_keeps_the_numbers_of_the_others(three, tmp_path):
    train = animals(tmp_path / "train", ["ant", "bee", "cat"])
    test = animals(tmp_path / "test", ["bee", "cat"], first=100)
    found = splits(three, data=str(train), test_data=str(test))
    assert found.test.class_names == ("ant", "bee", "cat")
    assert set(found.test.labels) == {1, 2}


@pytest.mark.parametrize("named", ["data", "test_data"])
def test_names_come_from_whichever_side_has_them(named, three, tmp_path):
    folder = animals(tmp_path / "photos", ["ant", "bee", "cat"])
    x = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), dtype=np.uint8)
    arrays = (x, np.arange(30) % 3)
    given = {"data": arrays, "test_data": arrays} | {named: str(folder)}
    found = splits(three, **given)
    assert found.test.class_names == found.train.class_names == found.calibration.class_names == ("ant", "bee", "cat")
    assert set(found.test.labels) == {0, 1, 2}


def test_parts_in_folders_train_and_test(three, tmp_path):
    root = tmp_path / "dataset"
    for part, first in (("train", 0), ("test", 100), ("val", 200)):
        animals(root / part, ["ant", "bee", "cat"], first=first)
    found = splits(three, data=str(root))
    assert (found.train.source, found.test.source) == (str(root / "train"), str(root / "test"))
    assert len(found.train) == len(found.test) == 36
    (caution,) = found.cautions
    assert caution.kind == "split_folders"
    assert "test next to it for the figures; val was not used" in caution.problem


def test_what_the_float_model_may_know_is_said(source):
    x, y = digits("train")
    assert [caution.kind for caution in splits(source, data=(x, y)).cautions] == ["test_may_be_known"]
    assert not splits(source, data=(x[:200], y[:200]), test_data=(x[200:], y[200:])).cautions


def test_names_in_another_order_in_labels_number_the_folders(three, tmp_path):
    (tmp_path / "labels.txt").write_text("cat\nant\nbee\n")
    found = splits(three, data=str(animals(tmp_path / "p", ["ant", "bee", "cat"])), labels=tmp_path / "labels.txt")
    assert found.test.class_names == ("cat", "ant", "bee")
    files = found.test.samples.files
    for position, label in zip(found.test.positions, found.test.labels, strict=True):
        assert files[position].startswith(found.test.class_names[label])


def test_images_that_are_stored_turned_are_counted(three, tmp_path):
    root = animals(tmp_path / "p", ["ant", "bee", "cat"])
    pixels = np.random.default_rng(9).integers(0, 256, (8, 8), dtype=np.uint8)
    write_folder(root, {"ant/turned.jpg": encoded(pixels, "JPEG", orientation=6)})
    test = str(animals(tmp_path / "t", ["ant", "bee", "cat"], first=100))
    (caution,) = splits(three, data=str(root), test_data=test).cautions
    assert caution.kind == "exif_orientation"
    assert caution.problem.startswith("1 image is stored turned or mirrored by its EXIF and was turned upright")
    (caution,) = splits(three, data=str(root), test_data=test, resize="keras").cautions
    assert "stays so" in caution.problem


@pytest.mark.slow
def test_one_broken_image_of_many_is_told_before_anything_is_trained(three, tmp_path):
    root = animals(tmp_path / "p", ["ant", "bee", "cat"], count=200)
    whole = encoded(np.random.default_rng(9).integers(0, 256, (64, 64), dtype=np.uint8), "JPEG")
    write_folder(root, {"ant/zz1.jpg": whole[:900], "bee/zz2.jpg": whole[:900], "cat/zz3.jpg": whole[:900]})
    test = str(animals(tmp_path / "t", ["ant", "bee", "cat"], first=1000))
    with pytest.raises(DataError, match=r"got ant/zz1\.jpg .*; 2 more of 603 cannot be read") as raised:
        splits(three, data=str(root), test_data=test)
    assert "_io" not in str(raised.value)


@pytest.mark.slow
def test_images_that_may_never_be_trained_on_are_not_decoded(three, tmp_path):
    root = animals(tmp_path / "p", ["ant", "bee", "cat"], count=400)
    test = str(animals(tmp_path / "t", ["ant", "bee", "cat"], first=5000))
    given = {"data": str(root), "test_data": test, "method": "auto", "max_drop": 1.0}
    found = splits(three, **given)
    unused = set(found.train.positions) - set(found.calibration.positions) - set(found.held_out.positions)
    broken = root / found.train.samples.files[min(unused)]
    broken.write_bytes(broken.read_bytes()[:60])
    splits(three, **given)
    with pytest.raises(DataError, match=broken.name):
        check_images([splits(three, **given).train], "pillow")
    with pytest.raises(DataError, match=broken.name):
        splits(three, data=str(root), test_data=test)


def test_a_folder_whose_name_is_no_utf_8_can_be_reported(three, tmp_path):
    root = animals(tmp_path / os.fsdecode(b"caf\xe9"), ["ant", "bee", "cat"])
    text = splits(three, data=str(root)).record.model_dump_json()
    assert r"caf\\udce9" in text


def test_few_training_samples_all_train(source):
    x, y = digits("train")
    assert splits(source, data=(x, y)).validation is None


def test_of_many_training_samples_some_judge_the_epochs_and_serve_for_nothing_else(source):
    random = np.random.default_rng(0)
    x = random.integers(0, 255, (3000, 8, 8, 1)).astype(np.uint8)
    x[2900:] = x[:100]  # what is there twice is on one side alone
    found = splits(source, data=(x, np.arange(3000) % 10), seed=3)
    assert len(found.validation) == len(found.train) // 9 + 1 or abs(len(found.validation) - 235) < 15
    assert not digests(found.validation) & digests(found.train)
    assert not digests(found.validation) & digests(found.test)
    assert set(found.validation.labels) == set(range(10))
    again = splits(source, data=(x, np.arange(3000) % 10), seed=3)
    assert found.validation.digests == again.validation.digests
    assert found.record.validation.samples == len(found.validation)
    assert splits(source, data=(x, np.arange(3000) % 10), method="ptq").validation is None


def test_more_than_500_validation_samples_bring_nothing(source):
    x = np.random.default_rng(1).integers(0, 255, (7000, 8, 8, 1)).astype(np.uint8)
    found = splits(source, data=(x, np.arange(7000) % 10))
    assert len(found.validation) == 500
    assert len(found.train) + len(found.validation) + len(found.test) == 7000
