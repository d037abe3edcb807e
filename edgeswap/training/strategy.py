"""A named strategy begun: `mirrored` on the devices of this machine, `multiworker` with other machines."""

from __future__ import annotations

import functools
import os
import signal
import threading
from typing import Any

from edgeswap.errors import ConfigError, WorkerError
from edgeswap.frameworks import tf
from edgeswap.system.cluster import Cluster, read_cluster
from edgeswap.system.meeting import meet
from edgeswap.training.replicas import ONE_DEVICE, Distributed, Replicas, StrategyName

JOIN_S = 600  # how long a worker waits for the others to start
# How long a worker waits for a figure of the others in training, which a machine that only hangs never sends.
STEP_S = 600


def begin(name: StrategyName | None) -> Replicas:
    """The replicas to train on; those of a strategy that this process has begun already are the same ones.

    Args:
        name: of the strategy; None is one device.

    Raises:
        ConfigError: TF_CONFIG is missing or wrong, or TensorFlow has started in this process before a cluster could be
            joined.
        WorkerError: the other machines did not come.
    """
    if name is None:
        return ONE_DEVICE
    return _mirrored() if name == "mirrored" else _joined(read_cluster(os.environ))


@functools.cache
def _mirrored() -> Replicas:
    return Distributed(tf.distribute.MirroredStrategy())


@functools.cache
def _joined(cluster: Cluster) -> Replicas:
    # Here, so that TensorFlow is first imported by `frameworks`, quietly.
    from tensorflow.python.eager import context  # noqa: PLC0415

    if context.context()._context_handle is not None:
        raise ConfigError(
            "Expected to join the cluster of TF_CONFIG before TensorFlow computes anything, but it has already.",
            "Name the model by its path, and export before anything else uses TensorFlow in this process.",
        )
    meet(cluster, JOIN_S)
    options: Any = tf.distribute.experimental.CommunicationOptions(timeout_seconds=STEP_S)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except tf.errors.OpError as error:
        raise WorkerError(
            f"Expected to join the cluster as {cluster} at {cluster.addresses[cluster.number]}, got: "
            f"{' '.join(str(error.message).split())[:200]}",
            "Start the same command on every machine again, each with an address of its own.",
        ) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)  # TensorFlow has put one of its own there, which goes on
    return Distributed(strategy, cluster)
