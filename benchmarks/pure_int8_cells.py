"""The cells of `benchmarks.pure_int8`: each network as it was given, trained back, trained on, and in int8."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from benchmarks import cifar, efficientnet
from benchmarks.cells import Arrays, cell, weights_of, with_weights
from benchmarks.said import keras_classes, tflite_classes
from edgeswap.activations.catalog import parse
from edgeswap.commands.fine_tuning import QAT_LEARNING_RATE, RECOVERY_LEARNING_RATE
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.data.load import Dataset
from edgeswap.data.preprocess import Preprocess, from_name
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build, with_weights_of
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.graph.swap import swap
from edgeswap.model.load import load_model
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.tflite.full_integer import verify
from edgeswap.tflite.lower import lower
from edgeswap.training import losses as objective
from edgeswap.training.fit import train

NetworkName = Literal["MobileNetV2", "ResNet8", "EfficientNet"]
CALIBRATION_SAMPLES = 500
ORIGINAL_EPOCHS = 8
TRAINED_ON = 10_000  # images, of recovery, QAT and its control


class Training(NamedTuple):
    """How a network is trained on, as `edgeswap export` does it."""

    epochs: int
    learning_rate: float
    batch_norm: Literal["frozen", "updated"]
    has_teacher: bool


RECOVERY = Training(1, RECOVERY_LEARNING_RATE, "updated", has_teacher=True)
QAT = Training(1, QAT_LEARNING_RATE, "frozen", has_teacher=False)


class Row(NamedTuple):
    """One network with one activation from one seed: what both methods are tried on."""

    network: NetworkName
    activation: str
    seed: int

    def __str__(self) -> str:
        return f"{self.network}-{self.activation}-seed{self.seed}"


class Network(NamedTuple):
    """A trained float network in tf_keras and how pixels reach it."""

    model: Any
    preprocess: Preprocess


def original(name: NetworkName, seed: int, cache_folder: Path) -> Network:
    """The trained network before any swap; ResNet8 is as it was given, whatever the seed is."""
    if name == "ResNet8":
        file = Path(os.environ.get("EDGESWAP_SHARED", "../shared")) / "models" / "mlperf_tiny_resnet8.h5"
        # Built anew from its graph, as an export does: the softmax within its last layer becomes a layer of its own.
        return Network(build(canonicalize(read(load_model(file))), tf_keras), from_name("raw"))
    model = cifar.network("swish", seed) if name == "MobileNetV2" else _efficientnet(seed)

    def make() -> Arrays:
        trained = cifar.train_until_flat(model, data().train, data().stopping, seed, most_epochs=ORIGINAL_EPOCHS)
        return with_weights({"stopping_top1": np.array(trained.stopping_top1)}, trained.model.get_weights())

    model.set_weights(weights_of(cell(cache_folder, f"{name}-seed{seed}", _original_recipe(name), make)))
    return Network(model, cifar.PREPROCESS)


def _efficientnet(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    return build(canonicalize(read(efficientnet.build(cifar.SHAPE, cifar.CLASSES))), tf_keras)


def recovered(row: Row, cache_folder: Path) -> Arrays:
    """The network after the swap, trained back: weights, and `classes` of the 5,000 images. PTQ is made of it."""

    def make() -> Arrays:
        network = original(row.network, row.seed, cache_folder)
        swapped = swap(canonicalize(read(network.model)), parse(row.activation))
        model = build(swapped.graph)
        if swapped.activations.swapped:
            model = _train(model, network, row.seed, RECOVERY)
        return with_weights({"classes": _classes(model, network)}, model.get_weights())

    return cell(cache_folder, f"{row}-recovered", _recipe(row), make)


def control(row: Row, cache_folder: Path) -> Arrays:
    """The recovered network trained on as QAT trains: `classes` of the 5,000 images."""

    def make() -> Arrays:
        network = original(row.network, row.seed, cache_folder)
        model = _train(build(_recovered_graph(row, network, cache_folder)), network, row.seed, QAT)
        return {"classes": _classes(model, network)}

    return cell(cache_folder, f"{row}-control", _recipe(row), make)


def quantized(row: Row, cache_folder: Path) -> Arrays:
    """The recovered network in int8, by both methods.

    Returns:
        Arrays by name, each for `ptq` and for `qat`: `ptq_classes` of the 5,000 images, by the device script on this
        machine; `ptq_float_tensors` in the file; `ptq_int8_ends`, whether all inputs and outputs are int8.
    """

    def make() -> Arrays:
        network = original(row.network, row.seed, cache_folder)
        graph, preprocess = _recovered_graph(row, network, cache_folder), network.preprocess
        representative = model_inputs(_calibration(), preprocess, np.arange(CALIBRATION_SAMPLES), as_app=True)
        quantization = preprocess.quantization
        assert quantization is not None
        placement = place(graph, input_ranges={ref.node: quantization.range for ref in graph.inputs})
        observed = calibrate(placement, representative)
        models = [
            quantize(placement, resolve(placement, observed, trains=False)),
            _train(quantize(placement, resolve(placement, observed)), network, row.seed, QAT),
        ]
        # Every range is placed: the converter asks for samples and needs but one.
        one = [array[:1] for array in representative]
        converted = convert_all([Conversion(model, "int8", one) for model in models])
        ptq, qat = (lower(data, runtime="ai-edge-litert") for data in converted)
        ptq_classes, qat_classes = _on_host(ptq, qat, network)
        return {**_found("ptq", ptq, ptq_classes), **_found("qat", qat, qat_classes)}

    return cell(cache_folder, f"{row}-int8", {**_recipe(row), "calibration": CALIBRATION_SAMPLES}, make)


def _found(method: str, tflite_model: bytes, classes: Any) -> Arrays:
    verdict = verify(tflite_model)
    return {
        f"{method}_classes": classes,
        f"{method}_float_tensors": np.array(len(verdict.float_tensors)),
        f"{method}_int8_ends": np.array({*verdict.input_dtypes, *verdict.output_dtypes} == {"INT8"}),
    }


def _original_recipe(name: NetworkName) -> dict[str, Any]:
    blocks = {"blocks": efficientnet.BLOCKS} if name == "EfficientNet" else {}
    return {**cifar.RECIPE, **blocks, "most_epochs": ORIGINAL_EPOCHS}


def _recipe(row: Row) -> dict[str, Any]:
    return {
        **_original_recipe(row.network),
        "trained on": TRAINED_ON,
        "recovery": (RECOVERY, objective.TEMPERATURE),
        "qat": QAT,
    }


def _recovered_graph(row: Row, network: Network, cache_folder: Path) -> Graph:
    graph = swap(canonicalize(read(network.model)), parse(row.activation)).graph
    model = build(graph)
    model.set_weights(weights_of(recovered(row, cache_folder)))
    return with_weights_of(graph, model)


@cache
def data() -> cifar.Cifar:
    """The photographs, read once a process."""
    return cifar.load_cifar()


@cache
def _shuffled() -> Dataset:
    """The training images in an order of chance: those of the file go by class."""
    return data().train.subset(np.random.default_rng(0).permutation(len(data().train)))


def _training_images() -> Dataset:
    return _shuffled().subset(np.arange(TRAINED_ON))


def _calibration() -> Dataset:
    return _shuffled().subset(np.arange(CALIBRATION_SAMPLES))


def _train(model: Any, network: Network, seed: int, training: Training) -> Any:
    data = _training_images()
    return train(
        model,
        read=lambda indices: model_inputs(data, network.preprocess, indices, as_app=True),
        count=len(data),
        labels=data.classes,
        seed=seed,
        epochs=training.epochs,
        learning_rate=training.learning_rate,
        batch_norm=training.batch_norm,
        teacher=network.model if training.has_teacher else None,
    ).model


def _classes(model: Any, network: Network) -> Any:
    return keras_classes(model, data().figures, network.preprocess)


def _on_host(ptq: bytes, qat: bytes, network: Network) -> tuple[Any, Any]:
    """The classes that both models give to all images, by the device script."""
    return tflite_classes([ptq, qat], data().figures, network.preprocess)


class Made(NamedTuple):
    """All cells of a row."""

    recovered: Arrays
    control: Arrays
    int8: Arrays


def make(row: Row, cache_folder: Path) -> Made:
    """All cells of a row, in the order in which they need each other."""
    return Made(recovered(row, cache_folder), control(row, cache_folder), quantized(row, cache_folder))


def given(name: NetworkName, seed: int, cache_folder: Path) -> Arrays:
    """What the network says before any swap: `classes` of the 5,000 images."""

    def make() -> Arrays:
        network = original(name, seed, cache_folder)
        return {"classes": _classes(network.model, network)}

    return cell(cache_folder, f"{name}-seed{seed}-given", _original_recipe(name), make)
