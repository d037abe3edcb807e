"""The fake-quant model of an export, saved, loaded in another process, trained on and converted."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap as api
from edgeswap.config.export import export_config
from edgeswap.errors import ConfigError, ModelError, OutputError
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.progress import Silent
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.system.output import check_folder
from tests.test_qat import SAMPLES, fake_quant_model

# What a user writes: Keras' own fit, in a process that knows nothing of the export.
TRAIN_ON = """
import json, sys
from pathlib import Path
import numpy as np
import edgeswap

out = Path(sys.argv[1])
with np.load(sys.argv[2]) as data:
    x, y = data["x"].astype(np.float32) / 255, data["y"]
model = edgeswap.load_qat(out / "model_qat.zip")
as_exported = edgeswap.convert_qat(model, x[:1]) == (out / "model_int8.tflite").read_bytes()
before = [array.copy() for array in model.get_weights()]
import tf_keras
model.compile(tf_keras.optimizers.Adam(1e-3), tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
moved = sum(bool((a != b).any()) for a, b in zip(before, model.get_weights()))
edgeswap.save_qat(model, out.parent / "further.zip")
again = edgeswap.load_qat(out.parent / "further.zip")
same = all((a == b).all() for a, b in zip(model.get_weights(), again.get_weights()))
further = edgeswap.convert_qat(again, x[:1])
print(json.dumps({
    "as_exported": as_exported,
    "moved": moved,
    "saved": same and bool((np.asarray(model(x)) == np.asarray(again(x))).all()),
    "changed": further != (out / "model_int8.tflite").read_bytes(),
}))
"""


@pytest.mark.slow
def test_an_export_s_fake_quant_model_is_trained_on_in_another_process(tiny, edgeswap, place):
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    asked = ["--activation", "clipped_elu", "--recover-epochs", 0, "--epochs", 1, "--save-qat", "--no-measure"]
    ran = edgeswap("export", tiny / "tiny.keras", *data, *asked)
    assert ran.code == 0, ran.stderr
    command = [sys.executable, "-c", TRAIN_ON, str(place / "out"), str(tiny / "train.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("moved") >= 4  # kernels and biases of both layers
    assert found == {"as_exported": True, "saved": True, "changed": True}
    # An output with it is an export's own, so it may be replaced.
    check_folder(place / "out", overwrite=True)


@pytest.mark.slow
def test_a_zip_holds_what_the_folder_holds(tmp_path):
    model = fake_quant_model("clipped_elu(alpha=0.5)")
    for name in ("saved", "saved.zip"):
        api.save_qat(model, tmp_path / name)
        loaded = api.load_qat(str(tmp_path / name))
        np.testing.assert_array_equal(loaded(SAMPLES).numpy(), model(SAMPLES).numpy())
        with pytest.raises(OutputError, match=name):
            api.save_qat(model, tmp_path / name)


@pytest.mark.slow
def test_a_transposed_convolution_is_saved(tmp_path):
    # TensorFlow cannot write its fake-quant function: "captures graph tensor mul:0 from a parent function".
    layers = keras.layers
    network = keras.Sequential([layers.Input((4, 4, 2)), layers.Conv2DTranspose(3, 2, 2), layers.Flatten()])
    samples = np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype(np.float32)
    placement = place(canonicalize(read(network)), input_ranges={})
    model = quantize(placement, resolve(placement, calibrate(placement, [samples], progress=Silent())))
    api.save_qat(model, tmp_path / "saved.zip")
    np.testing.assert_array_equal(api.load_qat(tmp_path / "saved.zip")(samples).numpy(), model(samples).numpy())


@pytest.mark.slow
def test_a_layer_of_ones_own_is_loaded_by_its_class(tmp_path):
    class Doubled(tf_keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    features = tf_keras.Input((4,), name="features")
    network = tf_keras.Model(features, tf_keras.layers.Dense(2)(Doubled(name="own")(features)))
    samples = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    placement = place(canonicalize(read(network)), input_ranges={"features": None})
    model = quantize(placement, resolve(placement, calibrate(placement, [samples])))
    api.save_qat(model, tmp_path / "saved")
    loaded = api.load_qat(tmp_path / "saved", custom_objects={"Doubled": Doubled})
    np.testing.assert_array_equal(loaded(samples).numpy(), model(samples).numpy())


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "nothing")
    with pytest.raises(ModelError, match=r"fake-quant model, got .*other\.zip"):
        api.load_qat(tmp_path / "other.zip")


def test_without_training_there_is_no_fake_quant_model_to_save():
    with pytest.raises(ConfigError, match="--method qat for --save-qat, got ptq"):
        export_config({"model": "m.keras", "data": "x.npz", "method": "ptq", "save_qat": True})
    with pytest.raises(ConfigError, match="--method qat for --save-qat"):
        export_config({"model": "m.keras", "data": "x.npz", "precision": "float16", "save_qat": True})
