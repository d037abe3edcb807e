"""16-bit activations: what the converter does not take is refused before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import edgeswap as api
from edgeswap.activations.catalog import CATALOG, parse
from edgeswap.activations.layers import activation_layer
from edgeswap.conversion.convert import convert
from edgeswap.errors import ConversionError, ModelError
from edgeswap.frameworks import keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.int16x8 import NOT_IN_16_BITS, require_int16x8
from edgeswap.tflite.required_precision import require_precision
from tests.models import classifier, digits
from tests.test_splits import Recorder

SAMPLES = np.random.default_rng(0).random((10, 8, 8, 3), dtype=np.float32)


def chain(*kinds):
    """A convolution, each activation behind one of its own, and a dense layer."""
    layers, image = keras.layers, keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(image)
    for index, kind in enumerate(kinds):
        x = activation_layer(parse(kind), keras, name=f"act{index}")(x)
        x = layers.Conv2D(4, 1, name=f"conv{index}")(x)
    x = layers.Dense(3, activation="softmax", name="out")(layers.GlobalAveragePooling2D(name="pool")(x))
    return canonicalize(read(keras.Model(image, x)))


def test_each_kind_is_named_with_its_layers_and_what_to_choose():
    with pytest.raises(ModelError) as refused:
        require_int16x8(chain("hard_swish", "relu6", "hard_swish", "elu", "hard_swish", "hard_swish"))
    assert "got hard_swish in 'act0', 'act2', 'act4' and 1 more; elu in 'act3'." in refused.value.problem
    assert "--swap hard_swish=swish --swap elu=leaky_relu, or pass --precision int8" in refused.value.remedy


def test_what_is_suggested_is_not_refused_itself():
    assert not set(NOT_IN_16_BITS.values()) & set(NOT_IN_16_BITS)
    require_int16x8(chain(*set(NOT_IN_16_BITS.values()), "clipped_elu(min_value=0)"))  # the last is a ReLU6


@pytest.mark.slow
def test_an_export_is_refused_before_it_trains(tmp_path):
    x, y = digits("train")
    seen = []
    how = {"data": (x, y), "preprocess": "unit", "precision": "int16x8", "output": tmp_path / "out"}
    with pytest.raises(ModelError, match=r"hard_swish in 'act'\."):
        api.export(classifier(keras), activation="hard_swish", progress=Recorder(seen), **how)
    assert not [title for title in seen if "Recover" in title or "Test" in title]
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_every_other_kind_of_the_catalog_converts():
    kinds = [kind for kind in CATALOG if kind not in NOT_IN_16_BITS]
    graph = chain(*kinds)
    require_precision(convert(build(graph), precision="int16x8", representative=[SAMPLES]), "int16x8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",  # the others are an ELU
    ["elu", *(pytest.param(kind, marks=pytest.mark.rare) for kind in ("hard_swish", "prelu"))],
)
def test_the_converter_refuses_what_is_refused(kind):
    with pytest.raises(ConversionError, match="16x8-bit not yet supported"):
        convert(build(chain(kind)), precision="int16x8", representative=[SAMPLES])
