"""What people write without edgeswap: load, convert to float32 and int8, and run both over the test images.

`python -m benchmarks.stock_export MODEL DATA TEST MAPPING`: the folders hold one folder a class; the mapping is `raw`
(0..255) or `symmetric` (-1..1). It prints how often both are right.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
CALIBRATION_SAMPLES = 500


def images(folder: Path, size: tuple[int, int], mapping: str) -> tuple[Any, list[str]]:
    """Float32 (N, H, W, C) as the model takes it, and the class of each."""
    paths = sorted(folder.rglob("*.jpg"))
    pixels = np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize(size, Image.Resampling.BILINEAR)) for path in paths]
    ).astype(np.float32)
    return pixels if mapping == "raw" else pixels / 127.5 - 1, [path.parent.name for path in paths]


def main(model_path: str, data: str, test: str, mapping: str) -> None:
    """Do all of it in one process."""
    import keras  # noqa: PLC0415  (the environment is to be set first)
    import tensorflow as tf  # noqa: PLC0415
    import tf_keras  # noqa: PLC0415

    framework: Any = tf_keras if model_path.endswith(".h5") else keras
    model = framework.models.load_model(model_path, compile=False)
    height, width = model.inputs[0].shape[1:3]
    train, _ = images(Path(data), (width, height), mapping)
    step = max(1, len(train) // CALIBRATION_SAMPLES)
    representative = train[::step][:CALIBRATION_SAMPLES]

    def converted(*, to_int8: bool) -> Any:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if to_int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([image[None]] for image in representative)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return converter.convert()

    files = [converted(to_int8=False), converted(to_int8=True)]
    samples, _ = images(Path(test), (width, height), mapping)
    said = []
    for content in files:
        interpreter = tf.lite.Interpreter(model_content=content)
        interpreter.allocate_tensors()
        (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
        scale, zero_point = taken["quantization"]
        classes = []
        for sample in samples:
            value = np.clip(np.rint(sample / scale + zero_point), -128, 127).astype(np.int8) if scale else sample
            interpreter.set_tensor(taken["index"], value[None])
            interpreter.invoke()
            classes.append(interpreter.get_tensor(given["index"])[0].argmax())
        said.append(np.array(classes))
    print(f"both models give the same class on {np.mean(said[0] == said[1]):.1%} of {len(samples)} images")


if __name__ == "__main__":
    main(*sys.argv[1:])
