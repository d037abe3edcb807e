"""`edgeswap analyze`: a cause that was planted is found, named first, and a clean network is told of none."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap as api
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras
from edgeswap.system.output import check_folder

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 1, (400, 8, 8, 3)).astype(np.float32)
FEATURES = RANDOM.normal(size=(400, 6)).astype(np.float32)


def analyzed(model, samples, **settings):
    return api.analyze(model, data=samples, preprocess="none", samples=16, **settings)


def images_network(edit=lambda kernel, bias: None, activation="relu"):
    """Two convolutions and a head; `edit` may change the weights of the first, which has the activation."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation=activation, name="first")(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="second")(x)
    model = keras.Model(image, layers.Dense(4, name="head")(layers.Flatten(name="flat")(x)))
    kernel, bias = model.get_layer("first").get_weights()
    edit(kernel, bias)
    model.get_layer("first").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("analyze") / "found"


@pytest.fixture(scope="module")
def clean(out):
    return analyzed(images_network(), IMAGES, output=out)


@pytest.mark.slow
def test_a_clean_network_is_told_of_no_cause(clean):
    assert [layer.cause for layer in clean.layers] == [None] * 4
    assert {layer.layer for layer in clean.layers} == {"image", "first", "second", "head"}
    assert {layer.layer: layer.output_layer for layer in clean.layers}["first"] == "first_activation"


def test_layers_stand_in_the_order_of_what_they_cost_alone(clean):
    alone = [layer.only.snr_db for layer in clean.layers]
    assert alone == sorted(alone)
    for layer in clean.layers:
        assert layer.only.snr_db > clean.all.snr_db
        assert layer.all_but.snr_db > clean.all.snr_db - 1  # errors may cancel out by a little
        assert layer.only.drop is None


@pytest.mark.slow
def test_an_outlier_channel():
    def edit(kernel, bias):
        kernel[..., 5] *= 60.0
        bias[5] = 20.0

    model = images_network(edit, "swish")  # behind a relu it would have been brought to the size of the others
    # What follows reads the channel no more than the others, so that only the lost steps count.
    kernel, bias = model.get_layer("second").get_weights()
    kernel[:, :, 5] = 0.0
    model.get_layer("second").set_weights([kernel, bias])
    first = analyzed(model, IMAGES).layers[0]
    assert first.layer == "first_activation"
    assert first.cause.kind == "outlier_channel"
    assert "Channel 5 of 'first_activation'" in first.cause.problem
    assert "--swap 'first_activation=relu6'" in first.cause.remedy
    assert first.channels.worst[0] == 5


@pytest.mark.slow
def test_outlier_values():
    samples = IMAGES.copy()
    samples[::20, 0, 0, 0] = 60.0  # one value in 3,840
    first = analyzed(images_network(), samples).layers[0]
    assert first.layer == "image"
    assert first.cause.kind == "outlier_values"
    assert first.range.wasted > 0.9


@pytest.mark.slow
def test_calibration_samples_that_miss_the_range():
    model = images_network()
    report = api.analyze(model, data=IMAGES / 2, test_data=IMAGES[:40], preprocess="none", samples=16)
    first = report.layers[0]
    assert first.cause.kind == "narrow_range"
    assert "edgeswap calibrate" in first.cause.remedy


@pytest.mark.slow
def test_a_bound_far_beyond_the_values():
    keras.utils.set_random_seed(5)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, activation="relu6", name="first")(image)
    model = keras.Model(image, layers.Dense(4, name="head")(layers.Flatten(name="flat")(x)))
    model.get_layer("first").set_weights([weights / 20 for weights in model.get_layer("first").get_weights()])
    first = analyzed(model, IMAGES, ranges="fixed").layers[0]
    assert first.layer == "first"
    assert first.cause.kind == "unused_range"
    assert first.range.high == 6
    assert "--ranges observed" in first.cause.remedy
    assert analyzed(model, IMAGES).layers[0].cause is None  # the remedy


@pytest.mark.slow
def test_an_activation_that_is_flat_over_most_of_a_range_that_something_else_reads():
    keras.utils.set_random_seed(6)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="first")(image)
    active = layers.Activation("hard_silu", name="active")(x)  # 0 for all below -3
    elsewhere = layers.Conv2D(1, 1, name="elsewhere")(x)

    def network(*outputs):
        model = keras.Model(image, layers.Dense(4, name="head")(layers.Flatten(name="flat")(outputs[0])))
        return keras.Model(image, [model.output, *outputs[1:]])

    model = network(active, elsewhere)
    kernel, bias = model.get_layer("first").get_weights()
    model.get_layer("first").set_weights([-25 * np.abs(kernel), bias + 2.0])  # 2 in the dark, -40 in full light
    kernel, bias = model.get_layer("elsewhere").get_weights()
    model.get_layer("elsewhere").set_weights([kernel / 100, bias + 1.0])
    samples = IMAGES * RANDOM.permutation(np.linspace(0, 1, 400, dtype=np.float32))[:, None, None, None]
    found = {layer.layer: layer for layer in analyzed(model, samples, task="outputs").layers}
    assert found["first"].cause.kind == "flat_region"
    assert "alone read" in found["first"].cause.remedy
    alone = {layer.layer: layer for layer in analyzed(network(active), samples, task="outputs").layers}
    assert alone["first"].cause is None  # the remedy
    assert alone["first"].only.snr_db > found["first"].only.snr_db + 6


@pytest.mark.slow
def test_unequal_concat_inputs():
    keras.utils.set_random_seed(2)
    layers = keras.layers
    small, large = keras.Input((4,), name="small"), keras.Input((4,), name="large")
    left = layers.Dense(6, activation="relu", name="left")(small)
    right = layers.Dense(6, activation="relu", name="right")(large)
    joined = layers.Concatenate(name="join")([left, right])
    head = layers.Dense(3, name="head")
    # An activation reads the concat, so it cannot be parted into a sum.
    model = keras.Model([small, large], head(layers.ReLU(name="again")(joined)))
    kernel, bias = head.get_weights()
    kernel[6:] /= 80.0  # the large input counts as much as the small one
    head.set_weights([kernel, bias])
    random = np.random.default_rng(0)  # the head's weights of one scale cost nearly as much: which is first is chance
    samples = {
        "small": random.normal(size=(400, 4)).astype(np.float32),
        "large": 80 * random.normal(size=(400, 4)).astype(np.float32),
    }
    first = next(layer for layer in analyzed(model, samples).layers if layer.layer == "join")
    assert first.only.snr_db < 15
    assert first.cause.kind == "unequal_concat_inputs"
    assert "'right" in first.cause.problem
    assert "'left" in first.cause.problem


@pytest.mark.slow
def test_unequal_features():
    keras.utils.set_random_seed(3)
    table = keras.Input((6,), name="table")
    dense = keras.layers.Dense(8, activation="relu", name="hidden")
    model = keras.Model(table, keras.layers.Dense(2, name="head")(dense(table)))
    kernel, bias = dense.get_weights()
    kernel[0] /= 1000.0
    dense.set_weights([kernel, bias])
    first = analyzed(model, FEATURES * np.float32([1000, 1, 1, 1, 1, 1])).layers[0]
    assert first.layer == "table"
    assert first.cause.kind == "unequal_features"
    assert "feature 1 keeps" in first.cause.problem


@pytest.mark.slow
def test_one_scale_for_unequal_dense_weights():
    keras.utils.set_random_seed(4)
    table = keras.Input((6,), name="table")
    dense = keras.layers.Dense(8, activation="relu", name="hidden")
    model = keras.Model(table, keras.layers.Dense(2, name="head")(dense(table)))
    kernel, bias = dense.get_weights()
    kernel[:, 3] *= 100.0
    bias[3] = -1e4  # never active, so that its output is no outlier
    dense.set_weights([kernel, bias])
    first = analyzed(model, FEATURES, dense_scales="per-tensor").layers[0]
    assert first.layer == "hidden"
    assert first.cause.kind == "per_tensor_weights"
    assert "--dense-scales per-channel" in first.cause.remedy


@pytest.mark.slow
def test_labels_give_drops():
    model = images_network()
    labels = np.asarray(model(IMAGES)).argmax(axis=1)
    report = analyzed(model, (IMAGES, labels), task="classification")
    assert report.metric == "top1"
    assert report.float32_value == 1.0
    assert all(layer.only.drop is not None and layer.all_but.drop is not None for layer in report.layers)


def test_the_folder_has_json_page_and_node_data(clean, out):
    assert sorted(path.name for path in out.iterdir()) == ["analysis.html", "analysis.json", "model_explorer.json"]
    assert json.loads((out / "analysis.json").read_text())["schema"] == "edgeswap.analyze/1"
    nodes = json.loads((out / "model_explorer.json").read_text())["main"]
    assert nodes["results"]["first_activation"]["value"] == pytest.approx(
        next(layer.only.snr_db for layer in clean.layers if layer.layer == "first"), abs=0.01
    )
    assert [stop["stop"] for stop in nodes["gradient"]] == [0, 0.5, 1]
    page = (out / "analysis.html").read_text()
    svg = page[page.index("<svg") : page.index("</svg>") + len("</svg>")]
    assert ET.fromstring(svg).attrib["viewBox"]
    assert "<code>second</code>" in page
    check_folder(out, overwrite=True)  # which refuses a folder that no earlier run wrote


def test_the_table_on_a_terminal(clean):
    from rich.console import Console

    from edgeswap.report import analyzed as rendering

    written = io.StringIO()
    rendering.render(clean, Console(width=100, file=written))
    text = written.getvalue()
    assert "All layers in int8 leave" in text
    assert "No layer has a range that explains" in text


def test_it_needs_a_model_and_samples(tmp_path):
    (tmp_path / "model.keras").touch()
    with pytest.raises(ConfigError, match="Expected a model to analyze"):
        api.analyze(None, data=IMAGES)
    with pytest.raises(ConfigError, match="Expected data"):
        api.analyze(tmp_path / "model.keras")
