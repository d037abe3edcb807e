"""A model that runs call by call, in parts of some samples, gives what it gives at once."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import tf_keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization import layer_by_layer
from edgeswap.quantization.layer_by_layer import LayerByLayer

SAMPLES = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


def test_parts_are_all_samples_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_by_layer, "PART_BYTES", 3 * SAMPLES[0].nbytes)
    inputs = tf_keras.Input((4,), name="features")
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2, name="dense")(inputs))
    graph = canonicalize(read(model))
    run = LayerByLayer(graph, [SAMPLES])
    features, dense = graph.nodes
    given = run.compute(features)
    assert [len(part) for part in given] == [3, 3, 1]
    run.keep(features, given)
    np.testing.assert_array_equal(np.concatenate(run.input(dense)), SAMPLES)
    # The same sums in float32, of other rows at once.
    np.testing.assert_allclose(np.concatenate(run.compute(dense)), model(SAMPLES), rtol=1e-5, atol=1e-6)


def test_every_input_has_samples_of_its_own() -> None:
    one, other = (tf_keras.Input((4,), name=name) for name in ("one", "other"))
    graph = canonicalize(read(tf_keras.Model([one, other], tf_keras.layers.Add()([one, other]))))
    with pytest.raises(ValueError, match="shorter"):
        LayerByLayer(graph, [SAMPLES])
