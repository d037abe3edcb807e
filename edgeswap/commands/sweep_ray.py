"""Exports of a sweep on the machines of a Ray cluster, each a task; one whose machine is lost runs again elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from edgeswap.commands.sweep_runs import log_file
from edgeswap.errors import ConfigError
from edgeswap.system.child import child_command, end_with_parent

RETRIES = 3  # of an export whose worker or machine is lost
LOST = 70  # exit code of an export that was lost that often; sysexits.h has it for failures that are nobody's input


class Done(NamedTuple):
    """What a worker sends back.

    Attributes:
        code: exit code of the export, or minus a signal.
        said: what it wrote to standard error.
        files: path within its output folder to content; empty where it has none.
    """

    code: int
    said: bytes
    files: dict[str, bytes]


def export_there(flags: Sequence[str], folder: str) -> Done:
    """Export on the machine that runs this: in a folder of the same name as the sweep's own, as a task of Ray.

    Args:
        flags: the arguments of `edgeswap export` but for the output.
        folder: the working folder, which relative paths and `edgeswap.toml` are found from.
    """
    if not Path(folder).is_dir():
        problem = f"Expected the folder {folder} on every machine of the cluster, got none on {os.uname().nodename}."
        remedy = "Share it among the machines, or start the sweep in a folder that all of them have."
        return Done(2, f"error: {problem}\n{remedy}\n".encode(), {})
    with tempfile.TemporaryDirectory(prefix="edgeswap-sweep-") as scratch:
        output = Path(scratch) / "out"
        command = [*child_command("edgeswap.cli.__main__"), "export", *flags, "--output", str(output)]
        ran = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=end_with_parent,
            check=False,
        )
        files = [path for path in output.rglob("*") if path.is_file()]
        return Done(ran.returncode, ran.stderr, {str(path.relative_to(output)): path.read_bytes() for path in files})


@dataclass(frozen=True)
class Task:
    """An export that runs on the cluster.

    Attributes:
        ray: the library.
        reference: to what it will send back.
        take: puts that into the sweep's folder.
    """

    ray: Any
    reference: Any
    take: Callable[[Done], None]

    def ended(self) -> int | None:
        """See `edgeswap.commands.sweep_runs.Export`."""
        ready, _ = self.ray.wait([self.reference], timeout=0)
        if not ready:
            return None
        try:
            done = Done(*self.ray.get(self.reference))
        except self.ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()[0]
            said = f"error: The cluster lost the export {RETRIES + 1} times: {first}\nStart the sweep again.\n"
            done = Done(LOST, said.encode(), {})
        self.take(done)
        return done.code

    def stop(self) -> None:
        """Likewise."""
        self.ray.cancel(self.reference, force=True)


class Cluster:
    """A Ray cluster as a place for exports. Every machine needs edgeswap, and the sweep's files at the same paths.

    Args:
        address: `auto` for the one that runs here, `local` for one of this machine alone, `HOST:PORT`, or `ray://...`.
        folder: of the sweep.
        jobs: exports at once; None takes as many as the cluster has processors.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at the address.
    """

    one_store = False

    def __init__(self, address: str, folder: Path, jobs: int | None) -> None:
        self._ray = _connected(address)
        self._folder = folder
        self.jobs = jobs or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._export = self._ray.remote(num_cpus=1, max_retries=RETRIES)(export_there)

    def start(self, name: str, flags: Sequence[str]) -> Task:
        """See `edgeswap.commands.sweep_runs.Place`."""
        reference = self._export.remote(list(flags), str(Path.cwd()))
        return Task(self._ray, reference, partial(_take, self._folder, name))

    def close(self) -> None:
        """Leave the cluster, which goes on."""
        self._ray.shutdown()


def _connected(address: str) -> Any:
    try:
        import ray  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigError(
            "Expected Ray for --ray, got none.", "Install it: pip install 'edgeswap[ray]', here and on every machine."
        ) from error
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"Expected a Ray cluster at {address}, got: {str(error).strip().splitlines()[0]}",
            "Start one with ray start --head and pass the address that it prints, or pass --ray local.",
        ) from error
    return ray


def _take(folder: Path, name: str, done: Done) -> None:
    """Put what a worker sent into the sweep's folder, whole or not at all."""
    log_file(folder, name).write_bytes(done.said)
    if not done.files:
        return
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as staged:
        for path, content in done.files.items():
            file = Path(staged) / "out" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        shutil.rmtree(folder / name, ignore_errors=True)
        (Path(staged) / "out").rename(folder / name)
