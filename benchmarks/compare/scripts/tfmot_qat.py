"""tfmot's default QAT: `quantize_model` of the tf_keras model, trained, and TensorFlow's converter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

LEARNING_RATE = 1e-4
BATCH_SIZE = 32


def main() -> None:
    """Train and convert what the job names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tf_keras.utils.set_random_seed(job["seed"])
    with np.load(job["samples"]) as samples:
        x, y = samples["train"], samples["train_labels"]
    model = tfmot.quantization.keras.quantize_model(tf_keras.models.load_model(job["tf_keras"], compile=False))
    steps = job["epochs"] * (len(x) // BATCH_SIZE)
    optimizer = tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps))
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=not job["softmax"])
    model.compile(optimizer, loss)
    model.fit(x, y, batch_size=BATCH_SIZE, epochs=job["epochs"], verbose=0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in x[:100])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    Path(job["output"]).write_bytes(converter.convert())


if __name__ == "__main__":
    main()
