"""Keys of stages: whatever changes a result changes its key."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from edgeswap.data.dataset import ArraySamples, Dataset
from edgeswap.data.images import ImageFiles
from edgeswap.data.preprocess import NAMED, Preprocess, from_name
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.store import keys
from edgeswap.store.digest import digest
from tests import graphs_for_keys

X = np.arange(12, dtype=np.uint8).reshape(4, 3)


def dataset(x=X, y=(0, 1, 0, 1), **changes) -> Dataset:
    data = Dataset("mine", ArraySamples({"x": np.asarray(x)}), np.arange(len(x)), np.asarray(y))
    return replace(data, **changes)


def own(x):
    return x / 255


def other_loss(outputs, taught, labels):
    return 1.0


TRAINED = {
    "start": graphs_for_keys.graph(),
    "teacher": graphs_for_keys.graph(),
    "train": dataset(),
    "targets": {0: np.array([0, 1, 0, 1])},
    "judges": dataset(),
    "judge_targets": {0: np.array([0, 1, 0, 1])},
    "preprocess": NAMED["unit"],
    "representative": [X.astype(np.float32)],
    "heads": ("softmax",),
    "loss": None,
    "epochs": 3,
    "learning_rate": 1e-4,
    "seed": 0,
    "epoch": None,
    "batch_norm": "frozen",
    "batch_size": 32,
    "replicas": None,
    "judged_on": "validation",
    "stage": "int8",
}
OTHERS = {
    "start": graphs_for_keys.others(),
    "teacher": graphs_for_keys.others(),
    "train": [
        dataset(X + 1),
        dataset(X.astype(np.float32)),
        dataset(y=(0, 1, 1, 1)),
        dataset(labels=None),
        dataset().subset([0, 1, 2]),
        dataset().subset([1, 0, 2, 3]),
    ],
    "targets": [None, {0: np.array([0, 1, 1, 1])}, {1: np.array([0, 1, 0, 1])}],
    "judges": [dataset(X + 1)],
    "judge_targets": [None, {0: np.array([0, 1, 1, 1])}],
    "preprocess": [
        NAMED["raw"],
        NAMED["symmetric"],
        from_name("mean-std:1,2,3/4,5,6"),
        from_name("mean-std:1,2,3/4,5,7"),
        Preprocess("mine:own", own),
        Preprocess("mine:own", lambda x: x / 254),
        replace(NAMED["unit"], normalizations={"x": FeatureNormalization((0.0,), (1.0,))}),
        replace(NAMED["unit"], normalizations={"x": FeatureNormalization((0.0,), (2.0,))}),
    ],
    "representative": [],  # it tells a user's own mapping alone, see below
    "heads": [("sigmoid",), ("softmax", "linear")],
    "loss": [own, other_loss],
    "epochs": [4],
    "learning_rate": [1e-3],
    "seed": [1],
    "epoch": [0, 2],
    "batch_norm": ["updated"],
    "batch_size": [64],
    "replicas": ["mirrored, 1 x 2 replicas"],
    "judged_on": ["training"],
    "stage": ["float32_finetuned"],
}


def key(made_of) -> str:
    return digest([made_of.stage, made_of.parts])


def test_every_input_of_a_training_is_in_its_key():
    assert set(OTHERS) == set(inspect.signature(keys.trained_weights).parameters)
    found = [key(keys.trained_weights(**TRAINED))]
    for name, values in OTHERS.items():
        found += [key(keys.trained_weights(**{**TRAINED, name: value})) for value in values]
    assert len(set(found)) == len(found)
    assert key(keys.trained_weights(**TRAINED)) == found[0]


def test_a_mapping_of_the_user_s_own_is_told_by_what_it_gives_too():
    mine = {**TRAINED, "preprocess": Preprocess("mine:own", own)}
    first = key(keys.trained_weights(**mine))
    assert key(keys.trained_weights(**{**mine, "representative": [X.astype(np.float32) + 1]})) != first


def test_how_image_files_become_arrays_is_in_the_key(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def found(**changes):
        images = replace(ImageFiles(tmp_path, ("a.png",), (4, 4, 3)), **changes)
        data = Dataset("photos", images, np.arange(1), np.zeros(1, np.int64))
        return key(keys.trained_weights(**{**TRAINED, "train": data}))

    assert len({found(), found(resize="keras"), found(resize="crop"), found(shape=(4, 4, 1))}) == 4


# What `train` is given, and the part of the key that tells it.
TOLD_BY = {
    "model": "start", "read": "train preprocess", "count": "train", "labels": "targets", "epochs": "epochs",
    "learning_rate": "learning_rate", "seed": "seed", "batch_size": "batch_size", "teacher": "teacher",
    "heads": "heads", "own_loss": "loss", "judges": "judges judge_targets epoch", "batch_norm": "batch_norm",
    "replicas": "replicas", "checkpoints": "changes nothing", "title": "changes nothing", "progress": "changes nothing",
}  # fmt: skip


@pytest.mark.slow  # it imports TensorFlow
def test_nothing_that_training_is_given_is_left_out():
    from edgeswap.training.fit import train

    assert set(TOLD_BY) == set(inspect.signature(train).parameters)


class _Model:
    def __init__(self, weights):
        self.get_weights = lambda: weights


def test_every_input_of_a_conversion_is_in_its_key():
    pytest.importorskip("tensorflow")
    from dataclasses import fields

    from edgeswap.conversion.convert import Conversion

    given = Conversion(_Model([X]), "int8", [X.astype(np.float32)])
    others = {
        "model": _Model([X + 1]),
        "precision": "float32",
        "representative": [X.astype(np.float32) + 1],
        "per_channel_dense": True,
        "per_channel": False,
    }
    assert set(others) == {field.name for field in fields(Conversion)}
    graph = graphs_for_keys.graph()
    found = [key(keys.converted_model(graph, given))]
    found += [key(keys.converted_model(graph, replace(given, **{name: value}))) for name, value in others.items()]
    found += [key(keys.converted_model(other, given)) for other in graphs_for_keys.others()]
    assert len(set(found)) == len(found)
