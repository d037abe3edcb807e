"""TensorFlow's own converter: full-integer PTQ, or dynamic range (int8 weights, float activations)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def main() -> None:
    """Convert what the job names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with np.load(job["samples"]) as samples:
        calibration = samples["calibration"]

    def representative() -> Iterator[list[Any]]:
        return ([sample[None]] for sample in calibration)

    converter = tf.lite.TFLiteConverter.from_keras_model(keras.saving.load_model(job["keras"], compile=False))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if job["options"]["activations"] == "int8":
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if job["weight_scales"] == "per-tensor":
        converter._experimental_disable_per_channel = True  # there is no public switch
    Path(job["output"]).write_bytes(converter.convert())


if __name__ == "__main__":
    main()
