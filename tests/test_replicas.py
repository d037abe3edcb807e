"""Training on many devices gives what one device gives, and goes on after a machine is lost: with real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.errors import DataError
from edgeswap.frameworks import tf
from edgeswap.store.forms import Weights, weights_from_bytes, weights_to_bytes
from edgeswap.training.global_batch import extremes, per_share
from edgeswap.training.replicas import ONE_DEVICE, Distributed
from tests.replica_training import trained
from tests.test_cluster import free_port
from tests.test_report import training_run

CHECKOUT = Path(__file__).resolve().parent.parent
# Sums of float32 in another order differ by some 1e-7 of their size. Adam divides a gradient by its own size, so that
# weights whose gradient is nothing but rounding, as of a bias before batch normalization, move further apart: here are
# none.
APART = 1e-4


def test_without_a_strategy_figures_are_those_of_the_batch() -> None:
    assert [float(end) for end in extremes(tf.constant([[1.0, -2.0], [3.0, 0.5]]))] == [-2.0, 3.0]
    assert float(per_share(tf.constant(5.0), 8)) == 5.0
    assert ONE_DEVICE.from_chief(b"some") == b"some"


@pytest.mark.slow
def test_one_replica_of_a_strategy_trains_as_none() -> None:
    replicas = Distributed(tf.distribute.MirroredStrategy(["CPU:0"]))
    assert (replicas.count, replicas.name, replicas.is_chief) == (1, "mirrored, 1 x 1 replicas", True)
    for one, other in zip(trained(ONE_DEVICE), trained(replicas), strict=True):
        np.testing.assert_allclose(one, other, atol=APART)


def test_parts_of_processes_are_the_whole_batch_once() -> None:
    replicas = Distributed(tf.distribute.MirroredStrategy(["CPU:0"]))
    rows, parts = np.arange(10), []
    for replicas.first in range(3):  # as if there were three machines
        replicas.count = 3
        parts.append(replicas.part(rows))
    np.testing.assert_array_equal(np.concatenate(parts), rows)
    assert [len(part) for part in parts] == [3, 3, 4]
    with pytest.raises(DataError, match="at least one sample for each of 3 replicas"):
        replicas.part(rows[:2])


def test_a_result_of_the_chief_s_store_reaches_the_others_whole() -> None:
    assert weights_from_bytes(weights_to_bytes(None)) is None
    given = Weights([np.array([1.5], np.float32), np.arange(6.0).reshape(2, 3)], training_run("int8", [0.5, 0.4, 0.45]))
    found = weights_from_bytes(weights_to_bytes(given))
    assert found is not None
    assert found.run == given.run
    for one, other in zip(found.weights, given.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def process(*arguments: str, environment: dict[str, str], folder: Path, name: str) -> subprocess.Popen[bytes]:
    with (folder / name).open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.replica_training", *arguments],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "ignore", **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.slow
@pytest.mark.rare  # two machines, below, train as one device does by the same code
def test_two_devices_of_a_machine_train_as_one(tmp_path: Path) -> None:
    found = tmp_path / "weights.npz"
    # With TF_CONFIG edgeswap leaves TensorFlow as it is until a strategy begins, so the devices can be set.
    ran = process("mirrored", str(found), environment={"TF_CONFIG": "{}"}, folder=tmp_path, name="said")
    assert ran.wait(900) == 0, (tmp_path / "said").read_text()
    same_weights(found)


def same_weights(file: Path) -> None:
    with np.load(file) as arrays:
        found = [arrays[name] for name in arrays.files]
    for one, other in zip(trained(ONE_DEVICE), found, strict=True):
        np.testing.assert_allclose(one, other, atol=APART)


def int8_outputs(file: Path, images: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for image in images:
        interpreter.set_tensor(given["index"], (image.astype(np.int16) - 128).astype(np.int8)[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(told["index"])[0].astype(int))
    return np.array(found)


@pytest.mark.slow
def test_two_machines_train_as_one_and_go_on_after_one_is_killed(tiny: Path, tmp_path: Path, edgeswap) -> None:
    """One pair of workers exports undisturbed, then loses the second in QAT; another pair goes on from the epoch."""
    common = ["export", str(tiny / "tiny.keras"), "--data", str(tiny / "train.npz"), "--preprocess", "unit",
              "--activation", "relu6", "--recover-epochs", "0", "--epochs", "2", "--no-measure"]  # fmt: skip
    whole, cut = (
        "|".join([*common, "--strategy", "multiworker", "--cache-dir", str(tmp_path / f"{name}-store"),
                  "--output", str(tmp_path / name)])
        for name in ("whole", "cut")
    )  # fmt: skip
    weights = tmp_path / "weights.npz"

    def pair(*arguments: list[str]) -> list[tuple[int, str]]:
        addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        running = []
        for number, each in enumerate(arguments):
            told = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}
            environment = {"TF_CONFIG": json.dumps(told)}
            running.append(process("worker", *each, environment=environment, folder=tmp_path, name=f"said{number}"))
        try:
            codes = [each.wait(900) for each in running]
        finally:
            for each in running:
                each.kill()
        return [(code, (tmp_path / f"said{number}").read_text()) for number, code in enumerate(codes)]

    # The second worker judges two epochs, and dies in the last.
    chief, killed = pair([str(weights), "0", whole, cut], [str(weights), "2", whole, cut])
    assert killed[0] == -9, killed[1]
    assert "This was worker 2 of 2, which trained along. The results are with the first one, 127.0.0.1:" in killed[1]
    assert chief[0] == 1, chief[1]
    assert "Expected all 2 workers to train on, but worker 1 of 2 lost another one" in chief[1]
    assert "epoch 1 of 2 of the fake-quant model after QAT: the same command goes on from there." in chief[1]
    same_weights(weights)

    for code, said in pair([".", "0", cut], [".", "0", cut]):
        assert code == 0, said
    model = (tmp_path / "cut" / "model_int8.tflite").read_bytes()
    assert model == (tmp_path / "whole" / "model_int8.tflite").read_bytes()
    assert edgeswap(*common, "--output", tmp_path / "alone").code == 0
    samples = np.load(tiny / "test.npz")["x"]
    one, other = (int8_outputs(tmp_path / name / "model_int8.tflite", samples) for name in ("alone", "whole"))
    # A weight or a range that lies between two int8 values may round to the other one, which moves an output by a step.
    assert np.abs(one - other).max() <= 2
    assert np.abs(one - other).mean() < 0.1
