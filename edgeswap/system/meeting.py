"""The machines of a cluster wait for each other, for a bounded time: TensorFlow itself waits without an end.

The first one listens on its address of TF_CONFIG, which TensorFlow takes over afterwards; the others say there who they
are and wait for its word.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from edgeswap.errors import WorkerError, shortened
from edgeswap.system.cluster import Cluster

_GO = b"go"
_RETRY_S = 0.2
_ANSWER_S = 10.0  # for one that has connected to say who it is


def meet(cluster: Cluster, timeout_s: float) -> None:
    """Wait until all workers are here.

    Raises:
        WorkerError: some did not come in time, or this one cannot listen on its address.
    """
    until = time.monotonic() + timeout_s
    if cluster.is_chief:
        _wait_for_others(cluster, until, timeout_s)
    else:
        _wait_for_chief(cluster, until, timeout_s)


def _wait_for_others(cluster: Cluster, until: float, timeout_s: float) -> None:
    here: dict[int, socket.socket] = {}
    with ExitStack() as open_ones:
        try:
            listening = open_ones.enter_context(
                socket.create_server(("", _port(cluster.addresses[0])), backlog=len(cluster.addresses))
            )
        except OSError as error:
            raise WorkerError(
                f"Expected to listen on {cluster.addresses[0]}, the first address of TF_CONFIG, got: {error.strerror}.",
                "Name a free port of this machine there, on every machine.",
            ) from error
        while len(here) < len(cluster.addresses) - 1:
            listening.settimeout(max(until - time.monotonic(), 0.001))
            try:
                connection = open_ones.enter_context(listening.accept()[0])
                connection.settimeout(_ANSWER_S)
                said = connection.recv(16)
            except TimeoutError as error:
                if time.monotonic() < until:  # somebody else connected, who says nothing
                    continue
                missing = [each for number, each in enumerate(cluster.addresses) if number and number not in here]
                raise WorkerError(
                    f"Expected {len(cluster.addresses)} workers within {timeout_s:.0f} s, got {1 + len(here)}: "
                    f"{shortened(missing)} did not come.",
                    "Start the same command on every machine, each with its own index in TF_CONFIG.",
                ) from error
            if said.isdigit() and 0 < int(said) < len(cluster.addresses):
                here[int(said)] = connection  # one that was started again takes the place of the one before
        for connection in here.values():
            connection.sendall(_GO)
        for connection in here.values():
            connection.recv(1)  # nothing: they close first, so that the port is free at once


def _wait_for_chief(cluster: Cluster, until: float, timeout_s: float) -> None:
    host = cluster.addresses[0].rpartition(":")[0].strip("[]")
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise WorkerError(
                f"Expected the first worker at {cluster.addresses[0]} within {timeout_s:.0f} s, got no answer.",
                "Start the same command there too, with index 0 in TF_CONFIG.",
            )
        try:
            with socket.create_connection((host, _port(cluster.addresses[0])), timeout=left) as connection:
                connection.sendall(str(cluster.number).encode())
                connection.settimeout(left)
                if connection.recv(len(_GO)) == _GO:
                    return
        except OSError:  # it is not there yet, or went away
            pass
        time.sleep(_RETRY_S)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
