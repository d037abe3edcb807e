"""Batch normalizations that are written into the weights before them leave the function as it is."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.quantization.folding import OUTPUT_AXES, fold_batch_norms

IMAGES = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype(np.float32)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", OUTPUT_AXES)
def test_every_kind_of_weights_takes_on_a_batch_normalization(kind: str, use_bias: bool) -> None:
    samples = IMAGES[:, 0] if kind.endswith("1D") else IMAGES
    made = getattr(keras.layers, kind)(
        **({"depth_multiplier": 2} if kind.startswith("Depthwise") else {"units" if kind == "Dense" else "filters": 5}),
        **({} if kind == "Dense" else {"kernel_size": 3}),
        use_bias=use_bias,
        name="before",
    )
    inputs = keras.Input(samples.shape[1:])
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(made(inputs)))
    random = np.random.default_rng(1)
    for layer in model.layers[1:]:
        layer.set_weights([random.uniform(0.5, 2.0, array.shape) for array in layer.get_weights()])
    folded = fold_batch_norms(canonicalize(read(model)))
    assert "BatchNormalization" not in {layer.class_name for layer in folded.layers.values()}
    wanted = np.asarray(model(samples))
    # The weights are rounded to float32 once more, and sums of up to 27 products come in another order.
    np.testing.assert_allclose(build(folded, tf_keras)(samples), wanted, atol=1e-5 * np.abs(wanted).max())
