"""Channels of one tensor that differ far: made alike where that saves a bit, and the network gives what it gave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.quantization.channel_scaling import scaled_outputs
from edgeswap.quantization.channel_sizes import channel_sizes
from edgeswap.quantization.level_unequal_channels import level_unequal_channels

layers = keras.layers
SAMPLES = [np.random.default_rng(0).normal(size=(16, 6, 6, 3)).astype(np.float32)]
CHANNELS = 6
OUTLIER = np.where(np.arange(CHANNELS) == 2, 32.0, 1.0)


def bottleneck(*, normalized: bool, reader: str = "conv", **options: Any) -> Graph:
    """A linear bottleneck of six channels, written by a convolution or the batch normalization behind it."""
    keras.utils.set_random_seed(1)
    image = keras.Input((6, 6, 3), name="image")
    x = layers.Conv2D(CHANNELS, 3, use_bias=not normalized, name="narrow")(image)
    if normalized:
        x = layers.BatchNormalization(name="normalized", **options)(x)
    if reader == "depthwise":
        x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    else:
        x = layers.Conv2D(12, 1, name="wide")(x)
    x = layers.ReLU(6.0)(x)
    model = keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x)))
    generator = np.random.default_rng(1)
    if normalized:
        norm = model.get_layer("normalized")
        norm.set_weights([generator.uniform(0.7, 1.4, weight.shape) for weight in norm.get_weights()])
    return canonicalize(read(model))


def spoilt(graph: Graph, factors: Any) -> Graph:
    """The same function with the channels multiplied by these, and divided where they are read."""
    writer = "normalized" if "normalized" in graph.layers else "narrow"
    (reader,) = {"wide", "depthwise"} & set(graph.layers)
    kernel, *rest = graph.layers[reader].weights
    divided = (kernel / np.asarray(factors, np.float32)[:, None]).astype(np.float32)
    return graph.with_layers(
        {
            writer: scaled_outputs(graph.layers[writer], np.asarray(factors, np.float32)),
            reader: replace(graph.layers[reader], weights=(divided, *rest)),
        }
    )


def outputs(graph: Graph) -> Any:
    return build(graph, tf_keras)(SAMPLES[0], training=False).numpy()


def spread(graph: Graph) -> float:
    name = "normalized" if "normalized" in graph.layers else "narrow"
    sizes = channel_sizes(graph, [name], SAMPLES)[name]
    return float(sizes.max() / sizes.min())


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["conv", "depthwise"])
@pytest.mark.parametrize("normalized", [True, False])
def test_an_outlier_comes_back_and_the_function_stays(normalized: bool, reader: str) -> None:
    graph = bottleneck(normalized=normalized, reader=reader)
    hard = spoilt(graph, OUTLIER)
    leveled = level_unequal_channels(hard, SAMPLES)
    assert spread(hard) > 16
    assert spread(leveled) < 2 * spread(graph)
    # float32's rounding, over four layers whose channels were multiplied and divided
    np.testing.assert_allclose(outputs(leveled), outputs(graph), atol=1e-5 * np.abs(outputs(graph)).max())


def test_a_batch_normalization_stays_one_that_is_trained() -> None:
    leveled = level_unequal_channels(spoilt(bottleneck(normalized=True), OUTLIER), SAMPLES)
    assert leveled.layers["normalized"].class_name == "BatchNormalization"
    assert not leveled.layers["narrow"].config["use_bias"]


@pytest.mark.parametrize("normalized", [True, False])
def test_channels_of_a_trained_network_stay_as_they_are(normalized: bool) -> None:
    graph = bottleneck(normalized=normalized)
    assert level_unequal_channels(graph, SAMPLES) is graph


def test_samples_are_not_run_where_normalizations_tell_that_channels_are_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError("samples were run")

    monkeypatch.setattr("edgeswap.quantization.level_unequal_channels.channel_sizes", unwanted)
    graph = bottleneck(normalized=True)
    assert level_unequal_channels(graph, SAMPLES) is graph


@pytest.mark.parametrize("missing", ["scale", "center"])
def test_a_normalization_without_weights_of_both_kinds_holds_its_channels(missing: str) -> None:
    graph = bottleneck(normalized=True, **{missing: False})
    kernel = graph.layers["wide"].weights[0] / OUTLIER[:, None].astype(np.float32)
    uneven = graph.with_layers(
        {"wide": replace(graph.layers["wide"], weights=(kernel, *graph.layers["wide"].weights[1:]))}
    )
    assert level_unequal_channels(uneven, SAMPLES) is uneven


def test_such_a_normalization_holds_a_residual_chain_whose_other_writers_have_none() -> None:
    image = keras.Input((6, 6, 3), name="image")
    plain = layers.Conv2D(CHANNELS, 3, name="narrow")(image)
    plain = layers.Dropout(0.1)(layers.Dropout(0.1)(layers.Dropout(0.1)(plain)))  # so that it comes first
    branch = layers.Conv2D(CHANNELS, 3, use_bias=False, name="branch")(image)
    branch = layers.BatchNormalization(scale=False, name="normalized")(branch)
    x = layers.Add()([plain, branch])
    graph = canonicalize(read(keras.Model(image, layers.Conv2D(12, 1, name="wide")(x))))
    factors = OUTLIER.astype(np.float32)
    kernel, *rest = graph.layers["wide"].weights
    beta, mean, variance = graph.layers["normalized"].weights
    uneven = graph.with_layers(
        {
            "narrow": scaled_outputs(graph.layers["narrow"], factors),
            "normalized": replace(graph.layers["normalized"], weights=(beta * factors, mean, variance / factors**2)),
            "wide": replace(graph.layers["wide"], weights=(kernel / factors[:, None], *rest)),
        }
    )
    assert level_unequal_channels(uneven, SAMPLES) is uneven


def test_silent_channels_are_no_reason() -> None:
    """One channel that is next to nothing costs the others nothing."""
    graph = bottleneck(normalized=False)
    factors = np.where(np.arange(CHANNELS) == 2, 1e-6, 1.0)
    kernel, bias = graph.layers["narrow"].weights
    silent = graph.with_layers(
        {
            "narrow": replace(
                graph.layers["narrow"],
                weights=((kernel * factors).astype(np.float32), (bias * factors).astype(np.float32)),
            )
        }
    )
    assert level_unequal_channels(silent, SAMPLES) is silent


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=CHANNELS, max_size=CHANNELS), st.booleans(), st.booleans())
def test_the_function_stays_whatever_the_sizes_were(logs: list[float], normalized: bool, depthwise: bool) -> None:
    graph = bottleneck(normalized=normalized, reader="depthwise" if depthwise else "conv")
    leveled = level_unequal_channels(spoilt(graph, np.exp(logs)), SAMPLES)
    wanted = outputs(graph)
    np.testing.assert_allclose(outputs(leveled), wanted, atol=1e-5 * np.abs(wanted).max())
