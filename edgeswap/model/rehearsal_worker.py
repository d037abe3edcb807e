"""The child process of `edgeswap.model.rehearsal`: `python -m edgeswap.model.rehearsal_worker`.

One job a line on standard input, JSON: `path`, `custom_objects` (MODULE:NAME), whether to `load` it, and the `folder`,
the `temporary` one and the `modules` (where Python looks for them) of the process that asks. Events are JSON lines on
standard output: `looking`, `looked`, `importing`, `loading`, `loaded`, or `refused` with `kind`, `problem` and
`remedy`. What a hostile file makes the HDF5 library or Keras do, be it a crash, an endless loop or endless memory, ends
this process, no other.
"""

from __future__ import annotations

import json
import os
import resource
import select
import sys
import tempfile
from pathlib import Path
from typing import Any

from edgeswap.errors import EdgeswapError, ModelError
from edgeswap.model.file import ModelFile, inspect
from edgeswap.system.child import IDLE_S, end_with_parent
from edgeswap.system.scratch import scratch_folder

# What a small model takes, generously, and what each part of a larger one adds.
LOOK_CPU_S, LOAD_CPU_S = 5.0, 25.0
CPU_S_PER_BYTE, CPU_S_PER_OBJECT = 1 / 20e6, 0.1
MEMORY_BYTES, MEMORY_PER_BYTE = 3 << 29, 6
STACK_BYTES = 8 << 20


def main() -> None:
    """Answer jobs until there is none for a while, or the process that asks is gone."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    end_with_parent()
    _limit(resource.RLIMIT_CORE, 0)

    def report(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    while select.select([0], [], [], IDLE_S)[0]:
        line = _line()
        if not line:
            return
        try:
            _rehearse(json.loads(line), report)
        except EdgeswapError as error:
            report(stage="refused", kind=type(error).__name__, problem=error.problem, remedy=error.remedy)


def _rehearse(job: dict[str, Any], report: Any) -> None:
    os.chdir(job["folder"])
    sys.path[:] = job["modules"]
    os.environ["TMPDIR"] = tempfile.tempdir = job["temporary"]
    path = Path(job["path"])
    size_bytes = sum(file.lstat().st_size for file in (path.rglob("*") if path.is_dir() else [path]))
    report(stage="looking")
    file = _limited(
        lambda: inspect(path, custom_objects=job["custom_objects"], weights=True),
        str(path),
        LOOK_CPU_S + size_bytes * CPU_S_PER_BYTE,
        MEMORY_BYTES + 3 * size_bytes,
    )
    report(stage="looked")
    if not job["load"]:
        return
    report(stage="importing")
    from edgeswap.model.load import build_model  # noqa: PLC0415  (takes seconds: the parent is told first)

    report(stage="loading")
    cpu_s = LOAD_CPU_S + size_bytes * CPU_S_PER_BYTE + _objects(file) * CPU_S_PER_OBJECT
    memory_bytes = MEMORY_BYTES + MEMORY_PER_BYTE * size_bytes
    with scratch_folder() as folder:  # Keras leaves folders behind where it fails
        tempfile.tempdir = str(folder)
        _limited(lambda: build_model(file, custom_objects=job["custom_objects"]), str(path), cpu_s, memory_bytes)
    tempfile.tempdir = job["temporary"]
    from edgeswap.frameworks import keras, tf_keras  # noqa: PLC0415

    keras.utils.clear_session()
    tf_keras.backend.clear_session()
    report(stage="loaded")


def _limited(work: Any, where: str, cpu_s: float, memory_bytes: int) -> Any:
    """What `work` returns; the system ends this process if it takes more processor time than that.

    Raises:
        ModelError: it took more memory than that, or raised an error of whatever kind: building somebody's config is
            all that it does.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
    # Threads that TensorFlow starts later reserve a stack each.
    memory_bytes += _data_bytes() + 8 * STACK_BYTES * (os.cpu_count() or 1)
    _limit(resource.RLIMIT_DATA, memory_bytes)
    try:
        return work()
    except EdgeswapError:
        raise
    except MemoryError as error:
        raise _too_large(where) from error
    except Exception as error:
        if type(error).__name__ == "ResourceExhaustedError":
            raise _too_large(where) from error
        words = " ".join(str(error).split())[:300].rstrip(".")
        raise ModelError(
            f"Expected Keras to build the model in {where!r}, got {type(error).__name__}: {words}.",
            "Check that the file is whole; name a layer class of your own with --custom-objects MODULE:NAME.",
        ) from error
    finally:
        _limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        _limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)


def _limit(kind: int, most: int) -> None:
    """Set a limit, within the one that the whole session may have."""
    hard = resource.getrlimit(kind)[1]
    within = most if hard == resource.RLIM_INFINITY else hard if most == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (within, hard))


def _too_large(where: str) -> ModelError:
    return ModelError(
        f"Expected a model of about the size of its file, but {where!r} takes far more memory.",
        "The file is damaged or made by hand; if it is right, --trust loads it without this limit.",
    )


def _objects(file: ModelFile) -> int:
    """How many objects, layers above all, the config has: each takes its time to build."""
    count, waiting = 0, [file.config]
    while waiting:
        value: Any = waiting.pop()
        if isinstance(value, dict):
            count += "inbound_nodes" in value or isinstance(value.get("layers"), list)
            waiting.extend(value.values())
        elif isinstance(value, list):
            count += bool(value) and isinstance(value[0], dict) and "class_name" in value[0]
            waiting.extend(value)
    return count


def _data_bytes() -> int:
    """How much of what RLIMIT_DATA counts this process has already."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 4 << 30
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData:"))


def _line() -> bytes:
    """One job; read by the byte, so that `select` sees what is left."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return b""
        line += byte
    return bytes(line)


if __name__ == "__main__":
    main()
