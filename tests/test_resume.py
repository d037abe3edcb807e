"""A training that ends early goes on from its last epoch, to the weights of one that nothing interrupted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import tf_keras
from edgeswap.progress import Silent
from edgeswap.store.epochs import StoredEpochs
from edgeswap.store.run_store import Key, RunStore
from edgeswap.training.best_epoch import Judges
from edgeswap.training.fit import train

X = np.random.default_rng(0).normal(size=(70, 4, 4, 1)).astype(np.float32)
Y = np.arange(70) % 3


def network():
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    inputs = tf_keras.Input((4, 4, 1))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(2, 3)(inputs)))
    x = layers.Dropout(0.3, seed=3)(layers.Dropout(0.3)(layers.Flatten()(x)))
    return tf_keras.Model(inputs, layers.Dense(3)(x))


class EndedError(Exception):
    pass


class EndingAt(StoredEpochs):
    epoch = 0

    def keep(self, state):
        super().keep(state)
        if state.epoch == self.epoch:
            raise EndedError


def trained(model, checkpoints):
    judges = Judges(lambda rows: [X[rows]], len(X), {0: Y})
    return train(
        model, read=lambda rows: [X[rows]], count=len(X), labels=Y, epochs=4, learning_rate=1e-2, seed=4,
        judges=judges, batch_norm="updated", checkpoints=checkpoints,
    )  # fmt: skip


@pytest.mark.slow
def test_a_training_with_dropout_goes_on_to_the_same_weights(tmp_path):
    model = network()
    whole = trained(model, None)
    store = RunStore(tmp_path, 10**9, [], Silent())
    key = Key("trained weights", "a" * 64, "the model")
    for EndingAt.epoch in (1, 3):
        with pytest.raises(EndedError):
            trained(model, EndingAt(store, key, 4))
        said = f"The run store has epoch {EndingAt.epoch} of 4 of the model: the same command goes on from there."
        assert store.how_to_go_on() == said
        assert len(list(tmp_path.iterdir())) == 2  # the state, and the tag of a cache folder
    epochs = StoredEpochs(RunStore(tmp_path, 10**9, [], Silent()), key, 4)
    again = trained(model, epochs)
    assert again.epochs == whole.epochs
    pairs = zip(again.model.get_weights(), whole.model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    epochs.done()
    assert [path.name for path in tmp_path.iterdir()] == ["CACHEDIR.TAG"]
