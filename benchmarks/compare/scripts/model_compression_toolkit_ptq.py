"""Sony's model-compression-toolkit: its PTQ for the target that the job names, exported as an int8 `.tflite`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import model_compression_toolkit as mct
import numpy as np

BATCH_SIZE = 50


def main() -> None:
    """Quantize what the job names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if job["weight_scales"] == "per-tensor":
        raise SystemExit("it has no switch for one scale a weight tensor")
    with np.load(job["samples"]) as samples:
        calibration = samples["calibration"]

    def representative() -> Iterator[list[Any]]:
        return ([calibration[start : start + BATCH_SIZE]] for start in range(0, len(calibration), BATCH_SIZE))

    model = _loaded(Path(job["tf_keras"]))
    target = mct.get_target_platform_capabilities(device_type=job["options"]["target"])
    quantized, _ = mct.ptq.keras_post_training_quantization(model, representative, target_platform_capabilities=target)
    mct.exporter.keras_export_model(
        model=quantized,
        save_model_path=job["output"],
        serialization_format=mct.exporter.KerasExportSerializationFormat.TFLITE,
        quantization_format=mct.exporter.QuantizationFormat.INT8,
    )


def _loaded(file: Path) -> Any:
    """The model of a file that a newer Keras 2 wrote: this one's inputs do not know `optional`."""
    with h5py.File(file) as stored:
        config = json.loads(stored.attrs["model_config"])
    for layer in config["config"]["layers"]:
        layer["config"].pop("optional", None)
    model = keras.models.model_from_json(json.dumps(config))
    model.load_weights(file)
    return model


if __name__ == "__main__":
    main()
