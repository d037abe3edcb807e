"""The table that `edgeswap check --target emulator:pi4` tells by what int8 will gain there: instructions of operators.

Each operator is a model of its own, in float32 and in int8, whose instructions an emulated Raspberry Pi counts; what
its runtime does for any model at all, as counted with a model of one value, is taken off. Two shapes of an operator
count by all their work together. Networks that are not in the table are counted as well, to see how far the sum is off.
It needs what `edgeswap target build emulator` needs, and builds that; one Pi takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edgeswap.compatibility.expected_gain import TABLE
from edgeswap.compatibility.work import of_file
from edgeswap.frameworks import keras, tf
from edgeswap.progress import Plain
from edgeswap.system.installed import installed_version
from edgeswap.targets.emulator.pi import PIS
from edgeswap.targets.emulator.qemu import qemu_version
from edgeswap.targets.emulator.target import Emulator, build
from edgeswap.targets.emulator.wheels import RUNTIMES
from edgeswap.tflite.flatbuffer import read
from edgeswap.tflite.lower import lower

RUNTIME = RUNTIMES[0]
DTYPES = ("float32", "int8")
DOT_PRODUCTS = "asimddp"
SAMPLES = 8
IMAGE = (28, 28, 96)

layers = keras.layers


class Row(NamedTuple):
    """A model: the shape of each of its inputs, without the batch, what it makes of them, and how many there are."""

    shape: tuple[int, ...]
    make: Callable[..., Any]
    inputs: int = 1


def _pair(layer: Any) -> Row:
    """A layer that joins two tensors. Of one tensor with itself XNNPACK makes a table."""
    return Row(IMAGE, lambda *inputs: layer(list(inputs)), 2)


def _hard_swish(x: Any) -> Any:
    return keras.activations.hard_swish(x)


# What is measured: the kind of work as `edgeswap.compatibility.work` calls it, and for each shape how it is made.
ROWS: Mapping[str, Sequence[Row]] = {
    "CONV_2D 1x1": [Row((28, 28, 144), layers.Conv2D(32, 1)), Row((14, 14, 96), layers.Conv2D(576, 1))],
    "CONV_2D": [
        Row((28, 28, 32), layers.Conv2D(32, 3, padding="same")),
        Row((16, 16, 64), layers.Conv2D(64, 3, padding="same")),
    ],
    "CONV_2D of few channels": [Row((112, 112, 3), layers.Conv2D(32, 3, strides=2, padding="same"))],
    "DEPTHWISE_CONV_2D 3x3": [
        Row((28, 28, 192), layers.DepthwiseConv2D(3, padding="same")),
        Row((56, 56, 96), layers.DepthwiseConv2D(3, strides=2, padding="same")),
    ],
    "DEPTHWISE_CONV_2D": [Row(IMAGE, layers.DepthwiseConv2D(5, padding="same"))],
    "FULLY_CONNECTED": [Row((1280,), layers.Dense(1000))],
    "TRANSPOSE_CONV": [Row((28, 28, 32), layers.Conv2DTranspose(32, 3, strides=2, padding="same"))],
    "ADD": [_pair(layers.Add())],
    "SUB": [_pair(layers.Subtract())],
    "MUL": [_pair(layers.Multiply())],
    "MAX_POOL_2D": [Row(IMAGE, layers.MaxPooling2D(2))],
    "AVERAGE_POOL_2D": [Row(IMAGE, layers.AveragePooling2D(2))],
    "MEAN": [Row(IMAGE, layers.GlobalAveragePooling2D())],
    "CONCATENATION": [_pair(layers.Concatenate())],
    "PAD": [Row(IMAGE, layers.ZeroPadding2D(1))],
    "RESIZE_NEAREST_NEIGHBOR": [Row((28, 28, 32), layers.Lambda(lambda x: tf.image.resize(x, (56, 56), "nearest")))],
    "RESIZE_BILINEAR": [Row((28, 28, 32), layers.UpSampling2D(2, interpolation="bilinear"))],
    "SOFTMAX": [Row((32, 32, 16), layers.Softmax())],
    "LOGISTIC": [Row(IMAGE, layers.Activation("sigmoid"))],
    "TANH": [Row(IMAGE, layers.Activation("tanh"))],
    "ELU": [Row(IMAGE, layers.ELU())],
    "LEAKY_RELU": [Row(IMAGE, layers.LeakyReLU())],
    "PRELU": [Row(IMAGE, layers.PReLU(shared_axes=[1, 2]))],
    "RELU": [Row(IMAGE, layers.ReLU())],
    "RELU6": [Row(IMAGE, layers.ReLU(6.0))],
    "HARD_SWISH": [Row(IMAGE, layers.Activation(_hard_swish))],
}
NOTHING = "a model of one value"


def residual(x: Any) -> Any:
    """A small residual network with swish, of the size of MLPerf Tiny's."""
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = layers.Conv2D(channels, 3, stride, padding="same", activation="relu")(x)
        y = layers.Conv2D(channels, 3, padding="same")(y)
        x = layers.Add()([y, layers.Conv2D(channels, 1, stride)(x)])
        x = layers.Multiply()([x, layers.Activation("sigmoid")(x)])
    return layers.Dense(10)(layers.GlobalAveragePooling2D()(x))


# Networks that the table is held against.
NETWORKS: Mapping[str, Row] = {"a residual network with swish, 32x32": Row((32, 32, 3), residual)}


def converted(row: Row) -> dict[str, bytes]:
    """The model in float32 and in int8, by the converter and lowered as an export does it."""
    keras.utils.set_random_seed(0)
    inputs = [keras.Input(batch_shape=(1, *row.shape)) for _ in range(row.inputs)]
    model = keras.Model(inputs, row.make(*inputs))
    samples = np.random.default_rng(0).normal(size=(SAMPLES, row.inputs, 1, *row.shape)).astype(np.float32)
    found = {}
    for dtype in DTYPES:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if dtype == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: (list(sample) for sample in samples)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        data = converter.convert()
        found[dtype] = lower(data, runtime=RUNTIME) if dtype == "int8" else data
    return found


def models() -> dict[tuple[str, int, str], bytes]:
    """By kind, number of the shape and dtype."""
    rows: dict[str, Sequence[Row]] = {**ROWS, **{name: [row] for name, row in NETWORKS.items()}}
    rows[NOTHING] = [Row((1,), lambda x: layers.Add()([x, x]))]
    return {
        (kind, number, dtype): data
        for kind, shapes in rows.items()
        for number, row in enumerate(shapes)
        for dtype, data in converted(row).items()
    }


def counted(pi: str, found: Mapping[tuple[str, int, str], bytes]) -> dict[tuple[str, int, str], int]:
    """Instructions of an inference of each model on that Pi."""
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as folder:
        files = {f"{index}.tflite": Path(folder) / f"{index}.tflite" for index in range(len(found))}
        for file, data in zip(files.values(), found.values(), strict=True):
            file.write_bytes(data)
        answer = Emulator(pi, RUNTIME).run(files, list(files), progress=Plain(sys.stderr))
    return {key: model["instructions"] for key, model in zip(found, answer["models"], strict=True)}


def rates(
    found: Mapping[tuple[str, int, str], bytes], counts: Mapping[tuple[str, int, str], int]
) -> dict[str, dict[str, float]]:
    """Instructions for each multiply-accumulate or value, by kind and dtype."""
    table: dict[str, dict[str, float]] = {}
    for kind in ROWS:
        spent: dict[str, int] = defaultdict(int)
        amount = 0
        for number in range(len(ROWS[kind])):
            works = [work.amount for work in of_file(read(found[kind, number, "float32"])) if work.kind == kind]
            amount += sum(works)
            for dtype in DTYPES:
                spent[dtype] += counts[kind, number, dtype] - counts[NOTHING, 0, dtype]
        table[kind] = {dtype: round(max(spent[dtype], 0) / amount, 5) for dtype in DTYPES}
    return table


def held(
    name: str,
    found: Mapping[tuple[str, int, str], bytes],
    counts: Mapping[tuple[str, int, str], int],
    table: Mapping[str, Mapping[str, float]],
) -> dict[str, float]:
    """Of a network: instructions as counted and as the table says, by dtype."""
    said = {}
    for dtype in DTYPES:
        works = of_file(read(found[name, 0, dtype]))
        said[f"{dtype} counted"] = float(counts[name, 0, dtype])
        said[f"{dtype} by the table"] = counts[NOTHING, 0, dtype] + sum(
            work.amount * table[work.kind][dtype] for work in works if work.kind in table
        )
    return said


def main() -> int:
    """Count, and write the table with what it says of the networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pi", action="append", choices=list(PIS), help="which; repeatable (default: all)")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    build(progress=Plain(sys.stderr))
    found = models()
    targets = {}
    if arguments.output.exists():
        targets = json.loads(arguments.output.read_text(encoding="utf-8"))["targets"]
    for pi in arguments.pi or list(PIS):
        counts = counted(pi, found)
        table = rates(found, counts)
        targets[Emulator(pi, RUNTIME).name] = {
            "core": PIS[pi].core,
            "dot_products": DOT_PRODUCTS in PIS[pi].features.split(),
            "base": {dtype: counts[NOTHING, 0, dtype] for dtype in DTYPES},
            "instructions": table,
            "networks": {name: held(name, found, counts, table) for name in NETWORKS},
        }
        about = {"runtime": f"{RUNTIME} {installed_version(RUNTIME)}", "emulator": f"QEMU {qemu_version()}"}
        text = json.dumps({**about, "targets": dict(sorted(targets.items()))}, indent=1) + "\n"
        arguments.output.write_text(text, encoding="utf-8")
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
