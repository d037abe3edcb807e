"""The search for the layer that brings a failure about, with failures made up: no converter runs."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.conversion.bisect import bisect
from edgeswap.frameworks import tf_keras

LAYERS = tf_keras.layers


def branching():
    """Two inputs, a shared layer, branches that meet again, two outputs of which one is read on."""
    left, right = tf_keras.Input((4,), name="left"), tf_keras.Input((4,), name="right")
    shared = LAYERS.Dense(3, name="shared")
    a = LAYERS.ReLU(name="a")(shared(left))
    b = LAYERS.Dense(3, name="b")(shared(right))
    early = LAYERS.Add(name="early")([a, b])
    late = LAYERS.Concatenate(name="late")([early, LAYERS.Softmax(name="soft")(b)])
    return tf_keras.Model([right, left], [LAYERS.Dense(2, name="out")(late), early], name="net")


def names(model):
    return {layer.name for layer in model.layers}


@pytest.mark.parametrize("culprit", ["shared", "a", "b", "early", "soft", "late", "out"])
def test_every_layer_is_found(culprit):
    asked = []

    def fails(model):
        asked.append(model)
        return culprit in names(model)

    (found,) = bisect(branching(), fails)
    assert found.name == culprit
    assert len(asked) <= 5  # of 8 calls
    assert names(asked[0]) < names(branching())


def test_the_parts_compute_what_the_whole_does():
    model = branching()
    samples = {name: np.random.default_rng(0).random((5, 4), dtype=np.float32) for name in ("left", "right")}
    parts = []

    def fails(part):
        parts.append(part)
        return len(parts) % 2 == 0

    bisect(model, fails)
    assert len(parts) >= 3
    for part in parts:
        assert part.input_names == [name for name in model.input_names if name in part.input_names]
        inner = tf_keras.Model(model.inputs, {layer.name: layer.get_output_at(0) for layer in model.layers})
        wanted = inner([samples["right"], samples["left"]])
        got = part([samples[name] for name in part.input_names])
        for name, value in zip(part.output_names, got if isinstance(got, list) else [got], strict=True):
            if name in ("a", "b", "early", "soft", "late", "out"):
                np.testing.assert_array_equal(value.numpy(), wanted[name].numpy())


def test_a_failure_of_two_layers_together_is_that_of_the_later():
    (found,) = bisect(branching(), lambda model: {"a", "late"} <= names(model))
    assert found.name == "late"


def test_where_it_cannot_be_told_the_rest_is_named():
    found = bisect(branching(), lambda model: None)
    assert len(found) == 7  # the shared layer once
    asked = iter([True, None])
    assert 1 < len(bisect(branching(), lambda model: next(asked))) < 7


def test_nothing_is_blamed_where_the_whole_works_or_the_empty_model_fails():
    assert bisect(branching(), lambda model: False) == ()
    assert bisect(branching(), lambda model: True) == ()


def test_the_layer_inside_a_fake_quant_wrapper_is_named():
    from edgeswap.frameworks import tfmot
    from edgeswap.quantization.quantizers import LayerQuantizers

    inputs = tf_keras.Input((4,))
    wrapped = tfmot.quantization.keras.QuantizeWrapperV2(LAYERS.Dense(2, name="inner"), LayerQuantizers())
    model = tf_keras.Model(inputs, LAYERS.ReLU(name="end")(wrapped(inputs)))
    (found,) = bisect(model, lambda part: any("inner" in name for name in names(part)))
    assert (found.name, found.__class__) == ("inner", LAYERS.Dense)
