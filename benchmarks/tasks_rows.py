"""The rows of `benchmarks.tasks`: each network of each seed, exported by one method, and what was measured of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

import edgeswap
from benchmarks import cifar
from benchmarks.cells import cell, weights_of, with_weights
from benchmarks.compare import trained
from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.frameworks import tf
from edgeswap.model.zoo import digits
from edgeswap.tasks.fidelity import Fidelity
from edgeswap.training import digits_recipe, zoo_recipe
from edgeswap.training.zoo_recipe import RECIPES, Samples

CALIBRATION_SAMPLES = 300
PHOTOGRAPHS = ("mobilenetv2", "resnet8")  # the networks that take CIFAR-10
PHOTOGRAPHS_DRAWN = (2000, 1000)  # to train on, and for the figures
TEST_SEED = 1000  # test canvases are the same for every seed
NETWORKS = ("digits", "autoencoder", "keypoints", "two_outputs", "two_digits", "unet", "ssd", *PHOTOGRAPHS)
SEEDS = (0, 1, 2)

Method = Literal["ptq", "qat"]
METHODS: tuple[Method, ...] = ("ptq", "qat")
Array = npt.NDArray[Any]


class Row(NamedTuple):
    """One network of one seed, and the method of its export."""

    network: str
    seed: int
    method: Method


class Figures(NamedTuple):
    """What one export shows. Metrics are as in report.json.

    Attributes:
        task: the one that was judged.
        metric: the primary one.
        higher_is_better: of the metric.
        float32: of the model as it was given.
        control: of the float model with the same training; the same as `float32` for PTQ, which trains nothing.
        int8: of the `.tflite`.
        gain: int8 minus float32, positive is better, and both ends of its paired 95 % interval.
        snr_db: of the worst output.
        converter_snr_db: likewise of TFLiteConverter's PTQ of the same float model.
        float_tensors: of the int8 model.
        speedup: float32 latency over int8 latency on this machine.
        samples: that the figures were measured on.
    """

    task: str
    metric: str
    higher_is_better: bool
    float32: float
    control: float
    int8: float
    gain: tuple[float, float, float]
    snr_db: float
    converter_snr_db: float
    float_tensors: int
    speedup: float
    samples: int


def found(row: Row, folder: Path) -> Figures | None:
    """The figures that were measured of a row; None where it was not run."""
    file = _file(row, folder)
    if not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    return Figures(**{**stored, "gain": tuple(stored["gain"])})


def measure(row: Row, folder: Path) -> Figures:
    """The figures of a row: those that are in `folder`, or measured and written to it."""
    stored = found(row, folder)
    if stored is not None:
        return stored
    print(f"{row.network}, seed {row.seed}, {row.method} ...", flush=True)
    model, (train, test) = float_model(row.network, row.seed, folder), data_of(row.network, row.seed)
    rows = np.random.default_rng(row.seed).permutation(len(train.x))[:CALIBRATION_SAMPLES]
    preprocess = "raw" if row.network == "resnet8" else zoo_recipe.PREPROCESS
    report = edgeswap.export(
        model,
        data=tuple(train),
        test_data=tuple(test),
        calibration=train.x[rows],
        preprocess=preprocess,
        method=row.method,
        seed=row.seed,
        cache=False,
        **_options(row.network),
    ).report

    def converted() -> dict[str, Array]:
        mapped = from_name(preprocess)
        return {"snr_db": np.array(converter_snr_db(model, mapped(train.x[rows]), mapped(test.x)))}

    name = f"{row.network}-seed{row.seed}-converter"
    stock = cell(folder, name, recipe_of(row.network), converted)["snr_db"]
    figures = _figures(report, float(stock))
    folder.mkdir(parents=True, exist_ok=True)
    _file(row, folder).write_text(json.dumps(figures._asdict()), encoding="utf-8")
    return figures


def _figures(report: Any, converter_db: float) -> Figures:
    quality, drop = report.int8.quality, report.comparison
    share = 100 if drop.unit == "share" else 1
    low, high = drop.drop_ci95 or (float("nan"), float("nan"))
    control = report.float32_finetuned or report.float32
    ratios = [output.snr_db for output in drop.outputs if output.snr_db is not None]
    return Figures(
        task=quality.task,
        metric=quality.metric,
        higher_is_better=quality.higher_is_better,
        float32=report.float32.quality.value,
        control=control.quality.value,
        int8=quality.value,
        gain=(-drop.drop / share, -high / share, -low / share),
        snr_db=min(ratios, default=float("inf")),
        converter_snr_db=converter_db,
        float_tensors=report.int8.float_tensors,
        speedup=report.targets[0].speedup_p50,
        samples=quality.samples,
    )


def float_model(network: str, seed: int, folder: Path) -> Any:
    """The trained float network: from `folder`, or trained and written to it; ResNet8 as it was given."""
    if network in PHOTOGRAPHS:  # those that `benchmarks.compare` holds against other tools
        return trained.float_model(network, seed, folder)
    model = digits.build(seed=seed) if network == "digits" else RECIPES[network].build(seed=seed)

    def make() -> dict[str, Array]:
        if network != "digits":
            return with_weights({}, zoo_recipe.train(network, seed=seed).get_weights())
        data = load("digits", input_shapes={"image": (8, 8, 1)}, classes=10)
        return with_weights({}, digits_recipe.train(model, data, seed=seed).get_weights())

    model.set_weights(weights_of(cell(folder, f"{network}-seed{seed}", recipe_of(network), make)))
    return model


@cache
def data_of(network: str, seed: int) -> tuple[Samples, Samples]:
    """Training and test samples."""
    if network in PHOTOGRAPHS:
        both = cifar.load_cifar()
        train, test = (
            Samples(part.read(np.arange(count)), _classes(part)[:count])
            for part, count in zip((_mixed(both.train), _mixed(both.figures)), PHOTOGRAPHS_DRAWN, strict=True)
        )
        return train, test
    if network == "digits":
        parts = [load(part, input_shapes={"image": (8, 8, 1)}, classes=10) for part in ("digits", "digits/test")]
        train, test = (Samples(part.read(np.arange(len(part))), _classes(part)) for part in parts)
        return train, test
    samples = RECIPES[network].samples
    return (
        samples("digits", zoo_recipe.RECIPES[network].drawn, seed),
        samples("digits/test", zoo_recipe.TEST_SAMPLES, TEST_SEED),
    )


def _mixed(data: Any) -> Any:
    return data.subset(np.random.default_rng(0).permutation(len(data)))


def _classes(data: Any) -> Array:
    assert data.classes is not None
    return np.asarray(data.classes)


def _options(network: str) -> Mapping[str, Any]:
    return RECIPES[network].options if network in RECIPES else {}


def converter_snr_db(model: Any, calibration: Array, test: Array) -> float:
    """The signal-to-noise ratio of the worst output of TFLiteConverter's full-integer PTQ, in dB.

    Args:
        model: Keras 3 or tf_keras, one input.
        calibration: float32 (N, ...), as the model takes it.
        test: likewise.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in calibration.astype(np.float32))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    given = model(test.astype(np.float32), training=False)
    wanted = [np.asarray(output) for output in (given if isinstance(given, (list, tuple)) else [given])]
    got = _run(converter.convert(), test, [output.shape[1:] for output in wanted])
    ratios = [Fidelity.of(one, other, None).snr_db for one, other in zip(wanted, got, strict=True)]
    return min((ratio for ratio in ratios if ratio is not None), default=float("inf"))


def _run(tflite_model: bytes, test: Array, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """What an int8 model gives, in real values, in the order of `shapes`, which must differ from each other."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  (as edgeswap: only where a model runs)

    interpreter = Interpreter(model_content=tflite_model, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
    in_order = [next(one for one in given if tuple(one["shape"][1:]) == shape) for shape in shapes]
    scale, zero_point = taken["quantization"]
    steps = np.clip(np.rint(test / scale) + zero_point, -128, 127).astype(np.int8)
    found: list[list[Array]] = [[] for _ in shapes]
    for sample in steps:
        interpreter.set_tensor(taken["index"], sample[None])
        interpreter.invoke()
        for outputs, one in zip(found, in_order, strict=True):
            output_scale, output_zero = one["quantization"]
            outputs.append((interpreter.get_tensor(one["index"])[0].astype(np.float32) - output_zero) * output_scale)
    return [np.stack(outputs) for outputs in found]


def _file(row: Row, folder: Path) -> Path:
    recipe = {**recipe_of(row.network), "edgeswap": edgeswap.__version__}
    fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    return folder / f"{row.network}-seed{row.seed}-{row.method}-{fingerprint}.json"


def recipe_of(network: str) -> dict[str, Any]:
    """All that the figures hang on, but the code of the networks."""
    if network in RECIPES:
        shapes = [weight.shape for weight in RECIPES[network].build(seed=0).get_weights()]
        how: Any = (RECIPES[network].epochs, RECIPES[network].drawn, shapes)
    else:
        how = PHOTOGRAPHS_DRAWN if network in PHOTOGRAPHS else "digits_recipe"
    return {"trained": how, "calibration": CALIBRATION_SAMPLES, "test": zoo_recipe.TEST_SAMPLES}
