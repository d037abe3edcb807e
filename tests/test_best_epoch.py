"""Which epoch a training keeps, and when it ends early."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.frameworks import tf_keras
from edgeswap.training.best_epoch import BestEpoch, Judges
from edgeswap.training.fit import train

GENERATOR = np.random.default_rng(0)
INPUTS = GENERATOR.normal(size=(120, 6)).astype(np.float32)
LABELS = (INPUTS[:, 0] + 0.3 * INPUTS[:, 1] > 0).astype(np.int64)
UNSEEN = GENERATOR.normal(size=(70, 6)).astype(np.float32)  # three batches, the last one smaller
SEEN = Judges(lambda rows: (INPUTS[rows],), len(INPUTS), {0: LABELS})


def network():
    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    inputs = tf_keras.Input((6,), name="x")
    x = layers.BatchNormalization(name="bn")(layers.Dense(12, name="hidden")(inputs))
    x = layers.Dropout(0.3, name="dropout")(layers.ReLU(name="relu")(x))
    return tf_keras.Model(inputs, layers.Softmax(name="head")(layers.Dense(2, name="out")(x)))


def run(judges, **how):
    given = {"labels": {0: LABELS}, "epochs": 4, "learning_rate": 1e-2, "seed": 0, "batch_size": 32, **how}
    return train(network(), read=lambda rows: (INPUTS[rows],), count=len(INPUTS), judges=judges, **given)


def same(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all((one == other).all() for one, other in pairs)


@pytest.mark.parametrize(
    ("losses", "planned", "trained", "best"),
    [
        ([3, 2, 1, 1.5], 3, 3, 2),  # the best is kept, not the last
        ([1, 2, 2, 2], 3, 3, 0),  # the start, where training only harms
        ([1, 1, 2], 2, 2, 1),  # of equal ones the later
        ([3, 2, 9, 9, 9, 9, 9, 0], 20, 6, 1),  # 5 epochs without a better one are enough
        ([3, 2, 9, 9, 9, 9, 9, 0], 40, 7, 7),  # of many planned ones a quarter is
    ],
)
def test_the_best_epoch_is_kept_and_patience_ends(losses, planned, trained, best):
    model = tf_keras.Sequential([tf_keras.Input((1,)), tf_keras.layers.Dense(1, use_bias=False)])
    said = iter(losses)
    epochs = BestEpoch(model, lambda: float(next(said)), planned)
    model.set_weights([np.zeros((1, 1))])
    first = BestEpoch(model, lambda: float(losses[0]), planned)
    assert first.restore().best == 0
    for epoch in range(1, len(losses)):
        model.set_weights([np.full((1, 1), float(epoch))])
        if epochs.judge():
            break
    went = epochs.restore()
    assert (went.planned, len(went.losses) - 1, went.best) == (planned, trained, best)
    if best:
        assert model.get_weights()[0] == best


@pytest.mark.slow
def test_training_that_only_harms_changes_nothing():
    start = network()
    judges = Judges(lambda rows: (UNSEEN[rows],), len(UNSEEN), {})
    went = run(judges, teacher=start, learning_rate=1.0)  # nothing says what the teacher does better than itself
    assert went.epochs.best == 0
    assert same(went.model, start)


@pytest.mark.slow
def test_judging_leaves_the_training_as_it_is():
    plain = run(None, batch_norm="updated")
    judged = run(SEEN, batch_norm="updated")
    assert plain.epochs is None
    assert judged.epochs.best == 4
    assert judged.epochs.losses[4] < judged.epochs.losses[0]
    assert same(plain.model, judged.model)


@pytest.mark.slow
def test_the_loss_is_that_of_the_judging_samples_without_dropout():
    wanted = GENERATOR.integers(0, 2, len(UNSEEN))
    went = run(Judges(lambda rows: (UNSEEN[rows],), len(UNSEEN), {0: wanted}), epochs=1)
    said = network()(UNSEEN).numpy()
    assert went.epochs.losses[0] == pytest.approx(-np.log(said[np.arange(len(UNSEEN)), wanted]).mean(), rel=1e-5)


@pytest.mark.slow
def test_a_long_training_without_a_better_epoch_ends_early():
    went = run(Judges(lambda rows: (UNSEEN[rows],), len(UNSEEN), {}), teacher=network(), learning_rate=0.5, epochs=12)
    assert (went.epochs.best, len(went.epochs.losses) - 1) == (0, 5)
    assert same(went.model, network())


@pytest.mark.slow
def test_an_epoch_that_is_named_is_kept_whatever_its_loss():
    judges = Judges(lambda rows: (UNSEEN[rows],), len(UNSEEN), {})
    went = run(replace(judges, epoch=2), teacher=network(), learning_rate=1.0)
    assert (went.epochs.best, len(went.epochs.losses) - 1) == (2, 2)
    assert went.epochs.losses[2] > went.epochs.losses[0]
