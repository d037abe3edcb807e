"""Machines that train together: how TF_CONFIG is read, and that they wait for each other for a bounded time."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from edgeswap.config.export import export_config
from edgeswap.config.sweep import plan
from edgeswap.errors import ConfigError, WorkerError
from edgeswap.system.cluster import EXAMPLE, Cluster, read_cluster
from edgeswap.system.meeting import meet

TWO = ["10.0.0.1:2222", "10.0.0.2:2222"]
DATA = {"model": "m.keras", "data": "d.npz", "strategy": "multiworker"}


def tf_config(cluster: object, kind: object = "worker", index: object = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_the_first_worker_is_the_chief() -> None:
    assert read_cluster(tf_config({"worker": TWO})) == Cluster(tuple(TWO), 0)
    second = read_cluster(tf_config({"worker": TWO}, index=1))
    assert (second.number, second.is_chief, str(second)) == (1, False, "worker 2 of 2")
    with_chief = {"worker": TWO, "chief": ["10.0.0.9:2222"]}
    assert read_cluster(tf_config(with_chief, "chief")).is_chief
    assert read_cluster(tf_config(with_chief, "worker", 1)) == Cluster(("10.0.0.9:2222", *TWO), 2)
    assert read_cluster({"TF_CONFIG": EXAMPLE}).is_chief  # what an error tells people to write


@pytest.mark.parametrize(
    ("environment", "got"),
    [
        ({}, "got none"),
        ({"TF_CONFIG": "worker"}, "not JSON"),
        ({"TF_CONFIG": "[]"}, "without 'cluster' or 'task'"),
        (tf_config({"worker": TWO, "ps": TWO}), "the job 'ps', which does not train"),
        (tf_config({"worker": TWO}, "chief"), "a task of type 'chief', which the cluster does not have"),
        (tf_config({"worker": TWO}, index=2), "the task index 2 for 2 of type 'worker'"),
        (tf_config({"worker": TWO}, index=True), "the task index True"),
        (tf_config({"worker": ["10.0.0.1"]}), "not a list of HOST:PORT"),
        (tf_config({"worker": ["10.0.0.1:http"]}), "not a list of HOST:PORT"),
        (tf_config({"worker": [TWO[0], TWO[0]]}), "one address twice"),
        (tf_config({"worker": TWO, "chief": TWO}), "2 chiefs"),
    ],
)
def test_a_tf_config_that_cannot_be_is_refused_with_an_example(environment: dict[str, str], got: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_cluster(environment)
    assert got in error.value.problem
    assert error.value.remedy.endswith(f"TF_CONFIG='{EXAMPLE}'")


def test_a_strategy_needs_something_to_train() -> None:
    assert export_config(DATA).batch_size == 32
    with pytest.raises(ConfigError, match="something to train for --strategy multiworker"):
        export_config({**DATA, "method": "ptq"})
    with pytest.raises(ConfigError, match="got auto, by which two machines could decide differently"):
        export_config({**DATA, "method": "auto"})
    assert export_config({**DATA, "method": "auto", "strategy": "mirrored"}).strategy == "mirrored"
    with pytest.raises(ConfigError, match="one machine for each export of a sweep"):
        plan({"method": ["qat"]}, DATA)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_machines_go_on_once_all_are_here() -> None:
    addresses = tuple(f"127.0.0.1:{free_port()}" for _ in range(3))
    gone_on: list[int] = []

    def start(number: int) -> threading.Thread:
        def run() -> None:
            meet(Cluster(addresses, number), 30)
            gone_on.append(number)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [start(2), start(0)]
    threads[0].join(0.3)
    assert not gone_on  # the second worker is not here yet
    threads.append(start(1))
    for thread in threads:
        thread.join()
    assert sorted(gone_on) == [0, 1, 2]
    with socket.create_server(("127.0.0.1", int(addresses[0].rpartition(":")[2]))):
        pass  # the port is free for TensorFlow at once


def test_whoever_waits_in_vain_says_for_whom() -> None:
    addresses = tuple(f"127.0.0.1:{free_port()}" for _ in range(2))
    with pytest.raises(WorkerError, match=rf"2 workers within 0 s, got 1: {addresses[1]} did not come"):
        meet(Cluster(addresses, 0), 0.1)
    with pytest.raises(WorkerError, match=rf"the first worker at {addresses[0]} within 0 s, got no answer"):
        meet(Cluster(addresses, 1), 0.1)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("", 0)) as taken:
        addresses = (f"127.0.0.1:{taken.getsockname()[1]}", "127.0.0.1:1")
        with pytest.raises(WorkerError, match=f"listen on {addresses[0]}.*in use"):
            meet(Cluster(addresses, 0), 1)
