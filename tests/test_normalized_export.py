"""Features of very different size, normalized by the model itself: int8 keeps what float32 knows."""

import json

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras


@pytest.mark.slow
def test_features_of_very_different_size_keep_the_quality_of_the_float_model(edgeswap, place):
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    sizes = np.array([1, 10, 100, 1, 0.1, 1])
    x = (random.normal(size=(400, 6)) * sizes).astype(np.float32)
    y = (x[:, 0] + x[:, 1] / 10 > 0).astype(int) + (x[:, 2] > 50)
    normalization = keras.layers.Normalization()
    normalization.adapt(x)
    dense = keras.layers.Dense
    layers = [keras.Input((6,), name="weather"), normalization, dense(16, "relu"), dense(3, "softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x, y, epochs=30, verbose=0)
    model.save(place / "model.keras")
    np.savez(place / "data.npz", x=x, y=y)
    edgeswap("export", "model.keras", "--data", "data.npz", "--method", "ptq", "--output", "out")
    report = json.loads((place / "out" / "report.json").read_text())
    assert report["normalized_by_app"] == ["weather"]
    assert not [warning for warning in report["warnings"] if warning["kind"] == "input_scale"]
    assert report["float32"]["quality"]["value"] > 0.9
    # One scale for all features left 54 % here; of 80 samples 4 may turn.
    assert report["comparison"]["agreement"] >= 0.95
    edgeswap("bundle", "verify", "out/bundle.zip")
