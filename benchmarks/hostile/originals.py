"""The sound files that are broken: small models of both frameworks, their .tflite and bundle, and samples."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hostile.npz_mutators import saved
from benchmarks.hostile.zip_mutators import members, packed
from edgeswap import forks

SHAPE = (8, 8, 1)
CLASSES = 10
SAMPLES = 40
EXPORTED = ("model_float32.tflite", "model_int8.tflite", "bundle.zip")
MADE = "complete"


def originals(folder: Path) -> Path:
    """The folder of the sound files, which a process of its own makes where it is not whole: it imports TensorFlow."""
    if not (folder / MADE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "benchmarks.hostile.originals", str(folder)], check=True)
    return folder


def make(folder: Path) -> None:
    """Write all sound files into `folder`."""
    from edgeswap.frameworks import keras, tf_keras  # noqa: PLC0415  (seconds)

    pixels, labels = samples()
    (folder / "data.npz").write_bytes(saved({"x": pixels, "y": labels}))
    (folder / "unlabelled.npz").write_bytes(saved({"x": pixels}))
    pictures(folder / "pictures", pixels, labels)
    functional(keras, operations=False).save(folder / "functional.keras")
    sequential(keras).save(folder / "sequential.keras")
    functional(tf_keras, operations=True).save(folder / "old.keras")
    old = functional(tf_keras, operations=False)
    old.save(folder / "old.h5", save_format="h5")
    sequential(tf_keras).save(folder / "sequential.h5", save_format="h5")
    old.save(folder / "saved_model", save_format="tf")
    for name in ("functional.keras", "sequential.keras", "old.keras"):
        (folder / name).write_bytes(undated((folder / name).read_bytes()))
    _export(folder)
    (folder / MADE).touch()


def functional(k: Any, *, operations: bool) -> Any:
    """Convolution, batch normalization, a branch, an addition and a head; as `operations` some are bare functions."""
    from edgeswap.frameworks import tf  # noqa: PLC0415

    k.utils.set_random_seed(0)
    layers = k.layers
    image = k.Input(SHAPE, name="image")
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = tf.nn.silu(x) if operations else layers.Activation("swish", name="act")(x)
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = (x + y) * 0.5 if operations else layers.Add(name="add")([x, y])
    x = layers.ReLU(6.0, name="relu6")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return k.Model(image, layers.Dense(CLASSES, activation="softmax", name="head")(x), name="functional")


def sequential(k: Any) -> Any:
    """A few layers in a row, some nested in a model of their own."""
    k.utils.set_random_seed(0)
    layers = k.layers
    base = k.Sequential(
        [k.Input(SHAPE), layers.Conv2D(4, 3, strides=2, activation="relu", name="base_conv")], name="base"
    )
    head = [layers.Flatten(name="flat"), layers.Dense(8, activation="elu", name="hidden")]
    return k.Sequential([k.Input(SHAPE), base, *head, layers.Dense(CLASSES, name="logits")], name="sequential")


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 (40, 8, 8, 1) and class numbers int64 (40,)."""
    return np.random.default_rng(0).integers(0, 256, (SAMPLES, *SHAPE)).astype(np.uint8), np.arange(SAMPLES) % CLASSES


def pictures(folder: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    """The samples as pictures, one folder a class."""
    from PIL import Image  # noqa: PLC0415

    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        file = folder / f"class{label}" / f"{number:02}.{'jpg' if number % 2 else 'png'}"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(file)


def undated(content: bytes) -> bytes:
    """A .keras file without the time at which it was written, in its entries and in its metadata."""
    files = members(content)
    metadata = json.loads(files["metadata.json"])
    files["metadata.json"] = json.dumps({**metadata, "date_saved": "2026-01-01@00:00:00"}).encode()
    files["config.json"] = re.sub(rb'"shared_object_id": \d+', b'"shared_object_id": 1', files["config.json"])
    return packed(files)


def _export(folder: Path) -> None:
    from edgeswap.cli.main import run  # noqa: PLC0415  (seconds)

    out = folder / "out"
    arguments = ["export", folder / "functional.keras", "--data", folder / "unlabelled.npz", "--preprocess", "unit"]
    if run([*map(str, arguments), "--method", "ptq", "--output", str(out), "--overwrite"]):
        raise RuntimeError("Expected the sound model to be exported; it was not, see above.")
    for name in EXPORTED:
        (folder / name).write_bytes((out / name).read_bytes())


if __name__ == "__main__":
    forks.allow()  # as the command line does: its children need not import TensorFlow once more
    make(Path(sys.argv[1]))
