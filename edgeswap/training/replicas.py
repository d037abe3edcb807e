"""The devices that one training uses together, by `tf.distribute`; without a strategy there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from edgeswap.errors import DataError, WorkerError
from edgeswap.frameworks import tf
from edgeswap.system.cluster import Cluster

StrategyName = Literal["mirrored", "multiworker"]
Rows = npt.NDArray[np.int64]
_WORD_BYTES = 8


class Replicas(Protocol):
    """Where a training computes.

    Attributes:
        count: of replicas on all machines.
        name: of the strategy with its replicas: their number changes the order of sums. None for one device.
        first: number of the first replica of this process.
        is_chief: whether this process keeps what is trained.
    """

    count: int
    name: str | None
    first: int
    is_chief: bool

    def scope(self) -> AbstractContextManager[None]:
        """Where model and optimizer are made."""

    def part(self, rows: Rows) -> Rows:
        """Of the rows of a batch those that this process trains on."""

    def stepping(self, step: Callable[..., Any]) -> Callable[..., float]:
        """A step of one replica, from inputs, labels and teacher's outputs to its part of the loss, as one of all.

        What comes back takes the values of `part` as arrays and gives the whole loss.
        """

    def from_chief(self, data: bytes) -> bytes:
        """What the chief gives here, in every process."""


class OneDevice:
    """One replica: TensorFlow as it is."""

    count: int = 1
    name: str | None = None
    first: int = 0
    is_chief: bool = True

    def scope(self) -> AbstractContextManager[None]:
        """See `Replicas`."""
        return nullcontext()

    def part(self, rows: Rows) -> Rows:
        """Likewise."""
        return rows

    def stepping(self, step: Callable[..., Any]) -> Callable[..., float]:
        """Likewise."""
        traced = tf.function(step, autograph=False)
        return lambda *batch: float(traced(*batch))

    def from_chief(self, data: bytes) -> bytes:
        """Likewise."""
        return data


class Distributed:
    """The replicas of a strategy.

    Args:
        strategy: a MirroredStrategy or MultiWorkerMirroredStrategy.
        cluster: of the latter.
    """

    def __init__(self, strategy: Any, cluster: Cluster | None = None) -> None:
        self._strategy, self._cluster = strategy, cluster
        self.count: int = strategy.num_replicas_in_sync
        self._here = len(strategy.extended.worker_devices)
        workers = 1 if cluster is None else len(cluster.addresses)
        self.first = 0 if cluster is None else cluster.number * self._here
        self.is_chief = cluster is None or cluster.is_chief
        kind = "mirrored" if cluster is None else "multiworker"
        self.name: str | None = f"{kind}, {workers} x {self._here} replicas"

    @contextmanager
    def scope(self) -> Iterator[None]:
        """See `Replicas`.

        Batch normalization asks for statistics that are averaged over the replicas whenever they are read, which is a
        message to all machines. All replicas move them by the same figures (`global_batch`), so each has its own copy.
        """

        def alike(create: Callable[..., Any], **how: Any) -> Any:
            if how.get("synchronization") == tf.VariableSynchronization.ON_READ:
                how |= {"synchronization": tf.VariableSynchronization.AUTO}
                how |= {"aggregation": tf.VariableAggregation.NONE}
            return create(**how)

        with self._strategy.scope(), tf.variable_creator_scope(alike):
            yield

    def part(self, rows: Rows) -> Rows:
        """Likewise."""
        if len(rows) < self.count:
            raise DataError(
                f"Expected at least one sample for each of {self.count} replicas in a batch, got {len(rows)} samples.",
                "Pass a greater --batch-size, give more samples, or train on fewer devices.",
            )
        return rows[self._start(self.first, len(rows)) : self._start(self.first + self._here, len(rows))]

    def stepping(self, step: Callable[..., Any]) -> Callable[..., float]:
        """Likewise."""
        strategy = self._strategy

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def all_replicas(*batch: Any) -> Any:
            return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, batch), axis=None)

        def stepped(*batch: Any) -> float:
            return float(self._told(lambda: all_replicas(*self._spread(batch))))

        return stepped

    def from_chief(self, data: bytes) -> bytes:
        """Likewise."""
        if self._cluster is None:
            return data
        length = int(self._sum(np.array([len(data)]))[0])
        words = np.zeros(-(-length // _WORD_BYTES), np.int64)
        if self.is_chief:
            words = np.frombuffer(data.ljust(len(words) * _WORD_BYTES, b"\0"), np.int64)
        return self._sum(words).tobytes()[:length] if length else b""

    def _start(self, replica: int, samples: int) -> int:
        return replica * samples // self.count

    def _spread(self, batch: Any) -> Any:
        """The values of this process' rows as one for each of its replicas."""
        count = len(tf.nest.flatten(batch)[0])
        # The rows of this process are contiguous in those of the whole batch, which its share tells.
        cuts = [number * count // self._here for number in range(self._here + 1)]

        def of(context: Any) -> Any:
            at = context.replica_id_in_sync_group - self.first
            return tf.nest.map_structure(lambda array: tf.constant(array[cuts[at] : cuts[at + 1]]), batch)

        return self._strategy.experimental_distribute_values_from_function(of)

    def _sum(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The chief's numbers in every process: those of all others are zeros."""
        strategy = self._strategy

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def total(values: Any) -> Any:
            return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(tf.identity, (values,)), axis=None)

        def of(context: Any) -> Any:
            gives = self.is_chief and context.replica_id_in_sync_group == 0
            return tf.constant(numbers if gives else np.zeros_like(numbers))

        found: npt.NDArray[np.int64] = self._told(
            lambda: total(strategy.experimental_distribute_values_from_function(of))
        ).numpy()
        return found

    def _told(self, ask: Callable[[], Any]) -> Any:
        """What `ask` gives; the loss of another machine as an error that says so."""
        try:
            return ask()
        except (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.FailedPreconditionError,
            tf.errors.InternalError,
        ) as error:
            if self._cluster is None:
                raise
            raise lost_worker(self._cluster, error) from error


def lost_worker(cluster: Cluster, error: Exception) -> WorkerError:
    """The error that a worker of a training is gone, with what TensorFlow's own says of it."""
    message = str(getattr(error, "message", error))
    told = (message.partition("aborted by: ")[2] or message).strip().splitlines() or [type(error).__name__]
    return WorkerError(
        f"Expected all {len(cluster.addresses)} workers to train on, but {cluster} lost another one: {told[0]}",
        "Start the same command on every machine again.",
    )


ONE_DEVICE = OneDevice()
