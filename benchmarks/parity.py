"""Fake-quant against int8: on how many photographs both give the same class, by edgeswap's QAT and by stock tfmot.

The network is MLPerf Tiny's ResNet8 with its own ReLU. Each training is a cell with a file of its own in a cache
folder, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from benchmarks import cifar
from benchmarks.cells import Arrays, cell
from benchmarks.said import tflite_classes
from benchmarks.section import cpu, wrapped, write_section
from edgeswap import __version__
from edgeswap.commands.fine_tuning import QAT_LEARNING_RATE
from edgeswap.conversion.convert import convert
from edgeswap.data.calibration import choose
from edgeswap.data.load import Dataset
from edgeswap.data.preprocess import from_name
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.frameworks import tf, tf_keras, tfmot
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tflite.lower import lower
from edgeswap.tflite.required_precision import require_precision
from edgeswap.training.fit import train

Tool = Literal["edgeswap", "stock"]
TOOLS: tuple[Tool, ...] = ("edgeswap", "stock")
SEEDS = (0, 1, 2)
TRAINED = 10_000  # photographs
CALIBRATED = 500
EPOCHS = 1
BATCH_SIZE = 32
EVALUATED_AT_ONCE = 250
PREPROCESS = from_name("raw")

Classes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Cell(NamedTuple):
    """One tool's training with one seed.

    Attributes:
        outputs: of the fake-quant model, float32 (5000, 10).
        tflite_model: what the tool's own way made of it, full-integer.
    """

    outputs: Floats
    tflite_model: bytes


class Agreement(NamedTuple):
    """One tool and seed.

    Attributes:
        float32_top1: of the network as it was given, in percent; so are the two below.
        fake_quant_top1: of the trained fake-quant model.
        int8_top1: of the `.tflite`.
        agreed: photographs without a tie on which both give the same class.
        decided: photographs without a tie.
    """

    float32_top1: float
    fake_quant_top1: float
    int8_top1: float
    agreed: int
    decided: int

    @property
    def percent(self) -> float:
        """The share of the photographs without a tie."""
        return 100 * self.agreed / self.decided


def ours(seed: int) -> Cell:
    """The stages of `edgeswap export`, trained with `seed`."""
    graph = canonicalize(read(_network()))
    data = _training_data()
    assert PREPROCESS.quantization is not None
    placement = place(graph, input_ranges={ref.node: PREPROCESS.quantization.range for ref in graph.inputs})
    observed = calibrate(placement, model_inputs(data, PREPROCESS, np.arange(CALIBRATED), as_app=True))
    model = train(
        quantize(placement, resolve(placement, observed)),
        read=lambda indices: model_inputs(data, PREPROCESS, indices, as_app=True),
        count=len(data),
        labels=data.classes,
        epochs=EPOCHS,
        learning_rate=QAT_LEARNING_RATE,
        seed=seed,
        batch_size=BATCH_SIZE,
    ).model
    one = model_inputs(data, PREPROCESS, [0], as_app=True)
    return Cell(_outputs(model), lower(convert(model, representative=one), runtime="ai-edge-litert"))


def stock(seed: int) -> Cell:
    """tfmot's `quantize_model` on the file's network and the TFLiteConverter, trained as `ours` is.

    The same images in the same order, cross-entropy (which tf_keras takes on what enters the softmax), Adam with the
    same schedule, batch normalization by its moving statistics.
    """
    data = _training_data()
    model = tfmot.quantization.keras.quantize_model(_network())
    for layer in model.layers:
        if isinstance(getattr(layer, "layer", None), tf_keras.layers.BatchNormalization):
            layer.layer.trainable = False
    steps = len(data) // BATCH_SIZE
    schedule = tf_keras.optimizers.schedules.CosineDecay(QAT_LEARNING_RATE, EPOCHS * steps)
    model.compile(tf_keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    tf.random.set_seed(seed)
    generator = np.random.default_rng(seed)
    (images,) = model_inputs(data, PREPROCESS, np.arange(len(data)), as_app=True)
    labels = data.classes
    assert labels is not None
    for _ in range(EPOCHS):
        order = generator.permutation(len(data))[: steps * BATCH_SIZE]
        model.fit(images[order], labels[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([[images[:1]]])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return Cell(_outputs(model), converter.convert())


def run(cache_folder: Path) -> dict[tuple[Tool, int], Agreement]:
    """Train what the cache does not hold, and measure all."""
    makers: dict[Tool, Callable[[int], Cell]] = {"edgeswap": ours, "stock": stock}
    figures = _data().figures
    assert figures.classes is not None
    float32 = _top1(_outputs(_network()).argmax(axis=1), figures.classes)
    found: dict[tuple[Tool, int], Agreement] = {}
    for seed in SEEDS:
        cells = {tool: _stored(cache_folder, tool, seed, makers[tool]) for tool in TOOLS}
        int8 = _int8_classes([cells[tool].tflite_model for tool in TOOLS], figures)
        for tool, classes in zip(TOOLS, int8, strict=True):
            fake_quant, is_tied = decide(cells[tool].outputs, *_output_steps(cells[tool].tflite_model))
            agreed = np.count_nonzero((fake_quant == classes) & ~is_tied)
            top1 = (_top1(fake_quant, figures.classes), _top1(classes, figures.classes))
            found[tool, seed] = Agreement(float32, *top1, int(agreed), int(np.count_nonzero(~is_tied)))
    return found


def decide(outputs: Floats, scale: float, zero_point: int) -> tuple[Classes, npt.NDArray[np.bool_]]:
    """The class of each sample by the fake-quant outputs in steps of the int8 output, and where several are highest.

    Args:
        outputs: float32 (samples, classes).
        scale: of the int8 output.
        zero_point: of the int8 output.
    """
    steps = np.clip(np.rint(outputs / np.float32(scale)) + zero_point, -128, 127)
    is_highest = steps == steps.max(axis=1, keepdims=True)
    return steps.argmax(axis=1), np.count_nonzero(is_highest, axis=1) > 1


@cache
def _data() -> cifar.Cifar:
    return cifar.load_cifar()


@cache
def _training_data() -> Dataset:
    data = _data().train
    return data.subset(choose(len(data), data.classes, TRAINED, seed=0))


def _network() -> Any:
    folder = Path(os.environ.get("EDGESWAP_SHARED", "../shared")) / "models"
    return tf_keras.models.load_model(folder / "mlperf_tiny_resnet8.h5", compile=False)


def _outputs(model: Any) -> Floats:
    figures = _data().figures
    starts = range(0, len(figures), EVALUATED_AT_ONCE)
    rows = (np.arange(start, min(start + EVALUATED_AT_ONCE, len(figures))) for start in starts)
    return np.concatenate(
        [np.asarray(model(*model_inputs(figures, PREPROCESS, some, as_app=True), training=False)) for some in rows]
    )


def _output_steps(tflite_model: bytes) -> tuple[float, int]:
    (detail,) = Interpreter(model_content=tflite_model).get_output_details()
    scale, zero_point = detail["quantization"]
    return float(scale), int(zero_point)


def _int8_classes(tflite_models: Sequence[bytes], figures: Dataset) -> tuple[Classes, Classes]:
    """What two int8 models say of the photographs, by the device script in one run."""
    for tflite_model in tflite_models:
        require_precision(tflite_model, "int8")
    return tflite_classes(tflite_models, figures, PREPROCESS)


def _top1(classes: Classes, labels: Classes) -> float:
    return float(100 * np.mean(classes == labels))


def _stored(folder: Path, tool: Tool, seed: int, make: Callable[[int], Cell]) -> Cell:
    recipe = {
        "trained": TRAINED,
        "calibrated": CALIBRATED,
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "learning_rate": QAT_LEARNING_RATE,
    }

    def arrays() -> Arrays:
        made = make(seed)
        return {"outputs": made.outputs, "tflite_model": np.frombuffer(made.tflite_model, np.uint8)}

    stored = cell(folder, f"{tool}-seed{seed}", recipe, arrays)
    return Cell(stored["outputs"], stored["tflite_model"].tobytes())


def section(found: dict[tuple[Tool, int], Agreement], samples: int) -> tuple[str, list[str]]:
    """The section of benchmarks/README.md, and where it misses what it must show."""
    total = {tool: _together([found[tool, seed] for seed in SEEDS]) for tool in TOOLS}
    missed = []
    if total["edgeswap"] < total["stock"]:
        missed.append(f"edgeswap {total['edgeswap']:.2f} %, stock {total['stock']:.2f} %")
    headers = ["tool", "seed", "fake-quant top-1", "int8 top-1", "ties", "agreed", "agreement"]
    rows = [headers, ["---", *["---:"] * 6]]
    for tool in TOOLS:
        for seed in SEEDS:
            one = found[tool, seed]
            ties = samples - one.decided
            top1 = [f"{one.fake_quant_top1:.2f}", f"{one.int8_top1:.2f}"]
            rows.append([tool, str(seed), *top1, str(ties), f"{one.agreed} of {one.decided}", f"{one.percent:.2f} %"])
        rows.append([tool, "all", "", "", "", "", f"{total[tool]:.2f} %"])
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    verdict = f"Missed: {'; '.join(missed)}." if missed else "It holds."
    float32 = found["edgeswap", 0].float32_top1
    what = f"""MLPerf Tiny's ResNet8 with its own ReLU (float32 top-1 {float32:.2f} %), trained with fake-quant for
        {EPOCHS} epoch on {TRAINED:,} training photographs of CIFAR-10 and converted to int8; then both, fake-quant and
        int8, on {samples:,} photographs that served for nothing else. `stock` is tfmot's `quantize_model` and the
        TFLiteConverter; both tools trained on the same photographs in the same order, with Adam from
        {QAT_LEARNING_RATE} by a cosine to 0, batches of {BATCH_SIZE}, batch normalization by its moving statistics, and
        the same seed. A tie is a photograph to which the fake-quant model, its outputs rounded to the int8 model's
        steps, gives several highest classes; these are counted apart for both. edgeswap's agreement over all seeds
        shall be at least stock's. {verdict}"""
    gap = total["edgeswap"] - total["stock"]
    spread = max(np.ptp([found[tool, seed].percent for seed in SEEDS]) for tool in TOOLS)
    shown = "more than chance" if gap > spread else "so that neither is shown to be better"
    limits = f"""The tools lie {gap:+.2f} points apart, while one tool's seeds lie up to {spread:.2f} apart: {shown}.
        edgeswap writes the mean of the whole image with a scale of its own, where the converter's pooling rounds it to
        the steps of what it reads, which no fake-quant model shows. What this does not show: {EPOCHS} epoch is short,
        and it is one network with an activation that stock tfmot knows; of most others it has no figure to compare
        with."""
    text = f"""```sh
python -m benchmarks.parity
```

{wrapped(what)}

{table}

{wrapped(limits)}

CPU: {cpu()}, one thread. edgeswap {__version__}, Python {platform.python_version()},
{datetime.now(timezone.utc).date()}.
"""
    return text, missed


def _together(agreements: Sequence[Agreement]) -> float:
    return 100 * sum(one.agreed for one in agreements) / sum(one.decided for one in agreements)


def main() -> int:
    """Run all cells and write the section; 1 where it misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/parity"), help="where the cells are kept")
    arguments = parser.parse_args()
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # read as the worker starts
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(run, arguments.cache).result()
    text, missed = section(found, len(_data().figures))
    write_section(Path(__file__).with_name("README.md"), "parity", text)
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
