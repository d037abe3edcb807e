"""The machines that train together, as the environment variable TF_CONFIG names them: read without TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeswap.errors import ConfigError

ENVIRONMENT = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'
# Of TensorFlow's jobs those that train; a `ps` or an `evaluator` does not.
JOBS = ("chief", "worker")


@dataclass(frozen=True)
class Cluster:
    """The workers of a training, and which of them this process is.

    Attributes:
        addresses: host and port of each worker, the chief first.
        number: of this one, from 0.
    """

    addresses: tuple[str, ...]
    number: int

    @property
    def is_chief(self) -> bool:
        """Whether this worker alone writes the results."""
        return self.number == 0

    def __str__(self) -> str:
        """Such as `worker 2 of 3`."""
        return f"worker {self.number + 1} of {len(self.addresses)}"


def read_cluster(environment: Mapping[str, str]) -> Cluster:
    """The cluster that TF_CONFIG names.

    Raises:
        ConfigError: there is none, or it is not as TensorFlow defines it.
    """
    text = environment.get(ENVIRONMENT)
    if not text:
        raise _wrong("got none")
    try:
        told = json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(f"got text that is not JSON ({error})") from error
    cluster = told.get("cluster") if isinstance(told, dict) else None
    task = told.get("task") if isinstance(told, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _wrong(f"got {text!r} without 'cluster' or 'task'")
    if others := sorted(cluster.keys() - set(JOBS)):
        raise _wrong(f"got the job {others[0]!r}, which does not train")
    jobs = {job: _addresses(job, cluster[job]) for job in JOBS if job in cluster}
    kind, index = task.get("type"), task.get("index")
    if kind not in jobs:
        raise _wrong(f"got a task of type {kind!r}, which the cluster does not have")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(jobs[kind]):
        raise _wrong(f"got the task index {index!r} for {len(jobs[kind])} of type {kind!r}")
    addresses = tuple(address for job in jobs.values() for address in job)
    if len(set(addresses)) != len(addresses):
        raise _wrong("got one address twice")
    return Cluster(addresses, index + (len(jobs["chief"]) if kind == "worker" and "chief" in jobs else 0))


def _addresses(job: str, given: Any) -> list[str]:
    if not isinstance(given, list) or not given or not all(map(_is_address, given)):
        raise _wrong(f"got {given!r} for the job {job!r}, which is not a list of HOST:PORT")
    if job == "chief" and len(given) > 1:
        raise _wrong(f"got {len(given)} chiefs")
    return given


def _is_address(value: Any) -> bool:
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 2**16


def _wrong(got: str) -> ConfigError:
    return ConfigError(
        f"Expected {ENVIRONMENT} in the environment for --strategy multiworker, {got}.",
        f"Set it on every machine, with the index of that machine: {ENVIRONMENT}='{EXAMPLE}'",
    )
