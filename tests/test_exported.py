"""What `commands.export.export` gives to Python: the models that the report speaks of, written or not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgeswap.commands.export import export
from edgeswap.config.export import export_config
from tests.models import classifier, digits


def run_tflite(tflite_model: bytes, *inputs: np.ndarray) -> np.ndarray:
    """The int8 outputs (N, C) of a full-integer model for float32 inputs, one sample at a time."""
    interpreter = Interpreter(model_content=tflite_model)
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()
    found = []
    for sample in zip(*inputs, strict=True):
        for array, detail in zip(sample, interpreter.get_input_details(), strict=True):
            scale, zero_point = detail["quantization"]
            steps = np.clip(np.round(array / scale) + zero_point, -128, 127).astype(np.int8)
            interpreter.set_tensor(detail["index"], steps[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0])
    return np.stack(found)


def test_without_an_output_nothing_is_written_and_all_models_are_given(place, tiny):
    settings = {"data": tiny / "train.npz", "test_data": tiny / "test.npz", "preprocess": "unit"}
    trained = {"activation": "relu6", "recover_epochs": 1, "epochs": 1, "target": "host"}
    config = export_config({"model": str(tiny / "tiny.keras"), **settings, **trained})
    result = export(config.model_copy(update={"output": None}))
    assert result.folder is None
    assert list(place.iterdir()) == []
    assert not list(Path(tempfile.gettempdir()).glob("edgeswap-scratch-*"))
    pixels, labels = digits("test")
    images = (pixels / 255).astype(np.float32)

    def top1(outputs):
        return float(np.mean(np.asarray(outputs).argmax(axis=1) == labels))

    assert top1(result.float_model(images)) == result.report.float32_recovered.accuracy.top1
    assert "ReLU" in [type(layer).__name__ for layer in result.float_model.layers]
    int8 = run_tflite(result.tflite, images)
    assert len(result.tflite) == result.report.int8.size_bytes
    # A tie in int8 may fall either way.
    assert abs(top1(int8) - result.report.int8.accuracy.top1) <= 1 / len(labels)
    simulated = np.asarray(result.qat_model(images))
    assert np.mean(simulated.argmax(axis=1) == int8.argmax(axis=1)) > 0.95


def test_with_an_output_the_folder_holds_the_bytes_that_are_given(place):
    from edgeswap.frameworks import tf_keras

    model = classifier(tf_keras, rescaling=True)
    x, y = digits("train")
    config = export_config({"model": model, "data": (x, y), "preprocess": "raw", "method": "ptq", "output": "made"})
    result = export(config)
    assert result.folder == Path("made")
    assert (result.folder / "model_int8.tflite").read_bytes() == result.tflite
    assert result.qat_model is None
    given = x.astype(np.float32)
    # Nothing was swapped, so it is the model as it was given; layer by layer, the same arithmetic.
    np.testing.assert_allclose(result.float_model(given), model(given), atol=1e-5)


def test_the_result_s_class_is_there_without_tensorflow():
    code = "import sys; from edgeswap.report.exported import ExportResult; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
