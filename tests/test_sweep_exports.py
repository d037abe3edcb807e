"""Sweeps that export: on a real Ray cluster that loses a machine in the middle, and then here, to go on."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray")
pytest.importorskip("tensorflow")
from edgeswap.commands.sweep_ray import Cluster, Done, Task, export_there
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small network and its samples."""
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((6, 6, 1))
    x = layers.Conv2D(4, 3, activation="swish")(inputs)
    keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))).save("m.keras")
    np.savez("d.npz", x=np.random.default_rng(0).uniform(size=(24, 6, 6, 1)).astype(np.float32))
    return tmp_path


def exports() -> list[int]:
    """Processes that export on a worker's behalf."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"export" in words and any(b"edgeswap-sweep-" in word for word in words):
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_sweep_on_a_cluster_that_loses_a_machine_and_on_here(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ray.cluster_utils import Cluster as Machines

    from edgeswap.cli.main import run

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    machines = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    some = [machines.add_node(num_cpus=1) for _ in range(2)]
    lost: list[list[int]] = []

    def lose_one() -> None:
        while len(exports()) < 2:  # one on each machine
            time.sleep(0.1)
        before = exports()
        machines.remove_node(some[0], allow_graceful=False)
        lost.append(before)

    loser = threading.Thread(target=lose_one, daemon=True)
    loser.start()
    words = ["m.keras", "--data", "d.npz", "--preprocess", "none", "--method", "ptq", "--recover-epochs", "0"]
    try:
        code = run(["sweep", *words, "--activation", "-,relu6", "--ray", machines.address, "--json"])
    finally:
        machines.shutdown()
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    names = ["none_ptq", "relu6_ptq"]
    assert {one["name"]: one["status"] for one in report["candidates"]} == dict.fromkeys(names, "done")
    assert lost
    assert all((place / "sweep" / name / "bundle.zip").is_file() for name in names)
    assert not list((place / "sweep").glob(".*"))
    assert exports() == []

    shutil.rmtree(place / "sweep" / "relu6_ptq")  # as if killed before it
    assert run(["sweep", *words, "--activation", "-,relu6", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["seconds"] is not None for one in report["candidates"]} == dict(
        zip(names, (False, True), strict=True)
    )
    assert report["pick"] in names
    assert all(one["int8"]["latency_ms"]["p50"] > 0 for one in report["candidates"])
    assert (place / "sweep" / "relu6_ptq" / "bundle.zip").is_file()
    assert "Pareto" in (place / "sweep" / "sweep.html").read_text()


@pytest.mark.slow
@pytest.mark.rare  # test_sweep.py has both without exports
def test_trials_take_some_and_what_is_hopeless_is_stopped(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from edgeswap.cli.main import run

    words = ["m.keras", "--data", "d.npz", "--preprocess", "none", "--method", "ptq", "--recover-epochs", "0"]
    assert run(["sweep", *words, "--activation", "-,relu6", "--trials", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["combinations"], len(report["candidates"])) == (2, 1)

    both = [*words, "--activation", "relu6", "--method", "ptq,qat", "--max-size", "100"]
    assert run(["sweep", *both, "--json"]) == 3
    done, stopped = json.loads(capsys.readouterr().out)["candidates"]
    assert (done["name"], done["status"], done["passed"]) == ("relu6_ptq", "done", False)
    assert (stopped["name"], stopped["status"], stopped["int8"]) == ("relu6_qat", "stopped", None)
    assert "Its graph is that of relu6_ptq, whose file has" in stopped["problem"]
    assert stopped["problem"] in (place / "sweep" / "sweep.html").read_text()
    assert not (place / "sweep" / "relu6_qat").exists()


def test_a_machine_without_the_folder_says_so(tmp_path: Path) -> None:
    done = export_there(["m.keras"], str(tmp_path / "elsewhere"))
    assert (done.code, done.files) == (2, {})
    assert b"error: Expected the folder" in done.said


def test_an_export_that_is_lost_too_often_has_failed() -> None:
    import ray

    class Lost:
        """Ray, whose workers are all lost."""

        exceptions = ray.exceptions

        def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
            return references, []

        def get(self, _reference: Any) -> Done:
            raise ray.exceptions.WorkerCrashedError

    taken: list[Done] = []
    assert Task(Lost(), object(), taken.append).ended() == 70
    assert b"error: The cluster lost the export 4 times" in taken[0].said


@pytest.mark.filterwarnings("ignore")
def test_an_address_without_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected a Ray cluster at nowhere"):
        Cluster("nowhere", tmp_path, None)
