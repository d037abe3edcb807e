"""The models of a run in the store: what they are kept under, and that they come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from edgeswap.commands.from_store import ASIDE, TOLD_OTHERWISE, class_order, models_key
from edgeswap.commands.samples import ModelFacts, open_samples
from edgeswap.config.export import ExportConfig, export_config
from edgeswap.evaluation.scoring import Scores
from edgeswap.progress import Silent
from edgeswap.store.known_model import find_facts, keep_facts
from edgeswap.store.made_models import MODELS, MadeModels, can_be_kept
from edgeswap.store.run_store import RunStore
from edgeswap.system.devices import devices
from edgeswap.tasks.outputs import ModelOutput, Signature

SIGNATURE = Signature({"x": (4, 4, 1)}, (ModelOutput("scores", (3,), "softmax", ("other",)),))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "store", 2**20, [], Silent())


@pytest.fixture
def found(tmp_path, store):
    """The key of a run's models, in which some settings are changed."""
    rng = np.random.default_rng(0)
    for name in ("data", "other"):
        pixels = rng.integers(0, 256, (60, 4, 4, 1), np.uint8)
        np.savez(tmp_path / f"{name}.npz", x=pixels, y=np.arange(60) % 3)
    (tmp_path / "model.keras").write_bytes(b"a model")
    given = {"model": tmp_path / "model.keras", "data": str(tmp_path / "data.npz"), "preprocess": "unit"}

    def key(**changes) -> str | None:
        config = export_config({**given, **changes})
        samples = open_samples(config, ModelFacts(SIGNATURE, False), progress=Silent())
        key = models_key(config, samples, store=store)
        return key and key.digest

    return key


def test_whatever_changes_models_changes_their_key(found, tmp_path):
    before = found()
    assert before is not None
    others = [
        {"model": None, "activation": "relu6"}, {"data": str(tmp_path / "other.npz")}, {"seed": 1}, {"epochs": 4},
        {"preprocess": "symmetric"}, {"method": "ptq"}, {"method": "auto"}, {"method": "auto", "max_drop": 1},
        {"activation": "relu6"}, {"activation": "relu6", "recover_epochs": 1}, {"swap": ("relu=relu6",)},
        {"precision": "float16"}, {"ranges": "fixed"}, {"weight_scales": "per-tensor"}, {"dense_scales": "per-channel"},
        {"dense_scales": "per-tensor"}, {"compare": "dynamic"}, {"metric": ("macro_f1",)}, {"task": "outputs"},
        {"calibration": str(tmp_path / "other.npz")}, {"test_data": str(tmp_path / "other.npz")},
        {"io": "float32"}, {"io": "float32", "target": ("host", "ethos-u55-128")},
    ]  # fmt: skip
    keys = [found(**changes) for changes in others]
    same = [changes for changes, key in zip(others, keys, strict=True) if key == before]
    assert same in ([{"dense_scales": "per-channel"}], [{"dense_scales": "per-tensor"}])  # whichever is the default
    assert len(set(keys)) == len(keys)
    (tmp_path / "model.keras").write_bytes(b"another model")
    assert found() != before


def test_what_is_said_and_measured_of_models_changes_no_key(found, tmp_path):
    assert set(ExportConfig.model_fields) >= ASIDE | TOLD_OTHERWISE
    assert not ASIDE & TOLD_OTHERWISE
    same = found()
    for changes in ({"max_drop": 1}, {"author": "A"}, {"api": "compiled"}, {"license": "MIT"}, {"threads": 2},
                    {"output": tmp_path / "out"}, {"max_latency_ms": 1}, {"target_samples": 5},
                    {"target": ("host", "emulator:pi5")}):  # fmt: skip
        assert found(**changes) == same


@pytest.mark.parametrize("changes", [{"trust": True}, {"custom_objects": ("json:JSONEncoder",)}, {"model": object()}])
def test_models_with_code_of_their_own_have_no_key(changes, found):
    assert found(**changes) is None


def test_models_come_back_as_they_were(tmp_path):
    scores = {
        "float32_finetuned": Scores(3, {"top1": np.array([True, False, True])}, np.array([1, 2, 0])),
        "float32_swapped": Scores(3, {"a/b": np.eye(3)}, None),
    }
    made = MadeModels('{"a": 1}', scores, {"baseline": b"1", "candidate": b"2"})
    MODELS.write(made, tmp_path)
    read = MODELS.read(tmp_path)
    assert (read.told, read.tflite) == (made.told, made.tflite)
    for name, one in scores.items():
        other = read.scores[name]
        assert other.samples == one.samples
        for part, array in one.parts.items():
            np.testing.assert_array_equal(other.parts[part], array, strict=True)
        assert (one.decisions is None) == (other.decisions is None)
    assert can_be_kept(scores)
    assert not can_be_kept({"float32": Scores(1, {"own": np.array([{}])}, None)})


def test_what_a_model_takes_is_known_of_the_same_file_alone(tmp_path, store):
    file = tmp_path / "model.keras"
    file.write_bytes(b"a model")
    assert find_facts(store, file) is None
    keep_facts(store, file, SIGNATURE, takes_raw_pixels=True)
    assert find_facts(store, file) == (SIGNATURE, True)
    file.write_bytes(b"another")
    assert find_facts(store, file) is None
    assert find_facts(store, object()) is None


def test_classes_are_put_in_order_by_their_numbers():
    assert class_order(["1", "10", "2"], ["1", "2", "10"]) == (0, 2, 1)
    assert class_order(("a", "b"), ("a", "b")) is None
    assert class_order(None, None) is None


def test_a_gpu_s_node_and_the_packages_for_it_are_told(tmp_path):
    before = devices(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert devices(tmp_path) == sorted([str(tmp_path / "nvidia0")]) + before
