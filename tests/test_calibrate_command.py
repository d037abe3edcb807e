"""`edgeswap calibrate`: the samples cover ranges and classes, are none of the test's, and export takes them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgeswap.cli.main import run
from edgeswap.commands.calibrate import calibrate
from edgeswap.config.calibrate import calibrate_config
from edgeswap.data.coverage import choose_covering, coverage
from edgeswap.errors import ConfigError, DataError, OutputError
from edgeswap.records import CalibrationManifest
from edgeswap.report.schema import schema

RANDOM = np.random.default_rng(0)


def write(path, count=200, classes=4, seed=0):
    random = np.random.default_rng(seed)
    x = random.uniform(0, 1, (count, 4, 4, 3)).astype(np.float32)
    for channel in range(3):  # one sample in each channel reaches as far as no other
        x[10 + channel, 0, 0, channel] = 5.0
    y = np.sort(random.integers(0, classes, count))
    np.savez(path, x=x, y=y)
    return x, y


def chosen(tmp_path, **settings):
    given = {"data": str(tmp_path / "all.npz"), "output": tmp_path / "some.npz", "count": 20, **settings}
    return calibrate(calibrate_config(given), command=["edgeswap"])


def test_extremes_are_chosen_and_classes_are_even(tmp_path):
    x, y = write(tmp_path / "all.npz")
    manifest = chosen(tmp_path)
    assert {10, 11, 12} <= set(manifest.indices)
    assert manifest.chosen.mean == pytest.approx(1.0, abs=0.01)
    assert manifest.random.mean < 0.5
    assert manifest.chosen.classes == 4
    assert manifest.for_ranges + manifest.at_random == manifest.samples == 20
    assert manifest.for_ranges <= 10
    with np.load(tmp_path / "some.npz") as archive:
        np.testing.assert_array_equal(archive["x"], x[manifest.indices])
        np.testing.assert_array_equal(archive["y"], y[manifest.indices])
    beside = json.loads((tmp_path / "some.json").read_text())
    assert beside["schema"] == "edgeswap.calibration/1"
    assert len(beside["sha256"]) == 20
    assert len(set(beside["sha256"])) == 20


def test_the_same_seed_chooses_the_same(tmp_path):
    write(tmp_path / "all.npz")
    first = chosen(tmp_path).indices
    assert chosen(tmp_path, overwrite=True).indices == first
    assert chosen(tmp_path, overwrite=True, seed=1).indices != first


def test_test_samples_are_refused_and_nothing_is_written(tmp_path):
    x, _ = write(tmp_path / "all.npz")
    np.savez(tmp_path / "test.npz", x=np.concatenate([RANDOM.random((5, 4, 4, 3), dtype=np.float32), x[7:8]]))
    with pytest.raises(DataError, match="Expected no calibration sample in the test samples, got 1 of 200"):
        chosen(tmp_path, test_data=str(tmp_path / "test.npz"))
    assert not (tmp_path / "some.npz").exists()
    assert not (tmp_path / "some.json").exists()


def test_samples_that_are_all_zeros_cover_nothing(tmp_path):
    np.savez(tmp_path / "all.npz", x=np.zeros((40, 4, 4, 3), np.float32))
    with pytest.raises(DataError, match="got 40 that are all the same, with 0 as every value"):
        chosen(tmp_path)


def test_it_replaces_nothing_unasked(tmp_path):
    write(tmp_path / "all.npz")
    (tmp_path / "some.json").write_text("mine")
    with pytest.raises(OutputError, match=r"some\.json"):
        chosen(tmp_path)
    assert not (tmp_path / "some.npz").exists()


def test_images_need_a_model_that_tells_their_size(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"Expected --model.*images get the size that the model takes"):
        chosen(tmp_path, data=str(tmp_path / "photos"))
    (tmp_path / "table.csv").write_text("a,b,label\n1,2,0\n")
    with pytest.raises(DataError, match="which columns are its inputs"):
        chosen(tmp_path, data=f"csv:{tmp_path / 'table.csv'}")
    with pytest.raises(ConfigError, match=r"ends in \.npz"):
        chosen(tmp_path, output=tmp_path / "some.zip")
    with pytest.raises(ConfigError, match="at least 10 for -n"):
        chosen(tmp_path, count=3)


def test_the_command_prints_coverage_or_the_manifest(tmp_path, capsys):
    write(tmp_path / "all.npz")
    words = ["calibrate", "--data", str(tmp_path / "all.npz"), "-n", "20", "-o", str(tmp_path / "some.npz")]
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "20 samples of 200 chosen" in shown
    assert "--calibration" in shown
    assert run([*words, "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 20


def test_the_manifest_fits_its_schema(tmp_path):
    import jsonschema

    write(tmp_path / "all.npz")
    validator = jsonschema.Draft202012Validator(schema(CalibrationManifest))
    chosen(tmp_path)
    document = json.loads((tmp_path / "some.json").read_text())
    validator.validate(document)
    assert not validator.is_valid({**document, "stranger": 1})


def test_from_python_arrays_need_no_model_and_test_samples_are_refused(tmp_path):
    import edgeswap as api

    x, y = write(tmp_path / "all.npz")
    manifest = api.calibrate(data=(x, y), output=tmp_path / "some.npz", count=20)
    assert manifest.indices == chosen(tmp_path, overwrite=True).indices
    assert manifest.model is None
    two = {"left": x.reshape(len(x), -1), "right": y[:, None].astype(np.float32)}
    assert api.calibrate(data=two, output=tmp_path / "two.npz", count=20).ranges == 49
    with np.load(tmp_path / "two.npz") as archive:
        assert set(archive) == {"left", "right"}
    with pytest.raises(DataError, match="Expected no calibration sample in the test samples, got 3 of 200"):
        api.calibrate(data=x, test_data=x[:3], output=tmp_path / "third.npz", count=20)
    assert not (tmp_path / "third.npz").exists()
    with pytest.raises(DataError, match=r"Expected model=\.\.\. for"):
        api.calibrate(data=str(tmp_path), output=tmp_path / "third.npz")
    with pytest.raises(ConfigError):
        api.calibrate(data=x, output=tmp_path / "third.npz", count=True)


def test_farthest_first_and_its_coverage():
    low, high = np.zeros((6, 2), np.float32), np.array([[1, 0], [3, 0], [0, 2], [2, 1], [0, 0], [1, 1]], np.float32)
    found = choose_covering(low, high, None, 4, seed=0)
    assert found.for_ranges.tolist() == [3, 2]  # the widest, then what adds half of the second range
    assert len(found.indices) == 4
    np.testing.assert_allclose(coverage(low, high, found.for_ranges), [2 / 3, 1.0])


@pytest.mark.slow
def test_ranges_of_a_model_and_what_export_reads(tmp_path):
    pytest.importorskip("tensorflow")
    import edgeswap as api
    from edgeswap.frameworks import keras

    keras.utils.set_random_seed(0)
    x, _ = write(tmp_path / "all.npz")
    image = keras.Input((4, 4, 3), name="image")
    features = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    model = keras.Model(image, keras.layers.Dense(2, name="head")(keras.layers.Flatten()(features)))
    model.save(tmp_path / "model.keras")
    manifest = chosen(tmp_path, model=tmp_path / "model.keras")
    assert manifest.ranges == 3  # the input, the convolution with its ReLU, and the head
    assert manifest.chosen.mean > manifest.random.mean
    report = api.analyze(
        model, data=x, test_data=RANDOM.random((20, 4, 4, 3), dtype=np.float32), samples=8, preprocess="none",
        calibration=str(tmp_path / "some.npz"), task="outputs",
    )  # fmt: skip
    assert report.data.calibration.samples == 20
