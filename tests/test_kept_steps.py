"""The steps of a fitting in the run store: what comes from there is what was found, to the bit."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras
from edgeswap.graph import shared_weights
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.progress import Silent
from edgeswap.quantization import fitted
from edgeswap.quantization.fitted import Fitting
from edgeswap.store.kept_steps import KeptSteps
from edgeswap.store.run_store import NO_STORE, open_store

SAMPLES = np.random.default_rng(0).normal(0, 1, (16, 6, 6, 4)).astype(np.float32)
STEPS = ("calibrate", "search_ranges", "channel_sizes", "reconstruct")


def fitting(store, samples=SAMPLES):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 4), name="image")
    tensor = keras.layers.Conv2D(8, 3, activation="relu", name="first")(image)
    tensor = keras.layers.Conv2D(8, 3, activation="relu", name="second")(tensor)
    tensor = keras.layers.Dense(3, name="last")(keras.layers.Flatten(name="flat")(tensor))
    graph = canonicalize(read(keras.Model(image, tensor, name="network")))
    way = Fitting(
        graph, [samples], {"image": None}, "auto", per_channel=False, per_channel_dense=False, progress=Silent()
    )
    return replace(way, kept=KeptSteps(store, way.samples))


def found(way):
    """Weights and ranges of every rung that needs no labels, as bytes and text."""
    begun = [way.calibrated, way.searched, way.alike]
    rungs = [*begun, *map(way.corrected, begun), *map(way.rounded, begun)]
    return [
        (
            {n: [w.tobytes() for w in layer.weights] for n, layer in rung.placement.graph.layers.items()},
            {name: (repr(ends.low), repr(ends.high), ends.least) for name, ends in rung.ranges.items()},
        )
        for rung in rungs
    ]


def store_at(tmp_path):
    return open_store(tmp_path / "store", devices=[], progress=Silent())


@pytest.mark.slow
def test_a_second_fitting_looks_for_nothing_and_finds_the_same_to_the_bit(tmp_path, monkeypatch):
    first = found(fitting(store_at(tmp_path)))
    assert first == found(fitting(NO_STORE))
    assert len({str(rung) for rung in first}) > 2  # the rungs differ, so that one cannot stand for another

    def refuse(*_, **__):
        raise AssertionError("looked for again")

    for name in STEPS:
        monkeypatch.setattr(fitted, name, refuse)
    assert found(fitting(store_at(tmp_path))) == first


@pytest.mark.slow
def test_other_samples_are_looked_at_anew(tmp_path):
    first = fitting(store_at(tmp_path)).calibrated.ranges
    others = fitting(store_at(tmp_path), SAMPLES * 2).calibrated.ranges
    assert first["image_range"].high.value * 2 == others["image_range"].high.value


@pytest.mark.slow
def test_networks_share_the_weights_that_were_corrected(monkeypatch):
    monkeypatch.setattr(shared_weights, "SHARED_FROM_BYTES", 0)
    way = fitting(NO_STORE)
    graph = way.rounded(way.alike).placement.graph
    built = build(graph)
    for name in ("first", "second", "last"):
        for mine, yours in zip(
            graph.layers[name].weights, shared_weights.arrays_of(built.get_layer(name)), strict=True
        ):
            assert mine.__array_interface__["data"] == yours.__array_interface__["data"]
