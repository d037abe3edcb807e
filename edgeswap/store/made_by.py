"""What a result depends on beside its inputs: the code that made it, and the machine that it ran on."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from edgeswap.system import shipped
from edgeswap.system.installed import installed_version
from edgeswap.version import __version__

# What computes anything that is kept; Pillow decodes and resizes images, and scipy searches ranges.
PACKAGES = (
    "tensorflow", "keras", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "flatbuffers", "numpy",
    "scipy", "Pillow",
)  # fmt: skip
# Each can change what TensorFlow computes, in the last bits or in which device it uses.
ENVIRONMENT = (
    "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
)  # fmt: skip
DEFAULTS = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # `frameworks.py` sets it once it is imported
_CPUINFO = Path("/proc/cpuinfo")


def made_by() -> dict[str, str | None]:
    """Versions of edgeswap, Python and packages, edgeswap's own source text, the processor, its cores, the environment.

    The source text is in it because a version is not: it stays the same while somebody works on edgeswap.
    """
    return {
        "edgeswap": __version__,
        "source": _source(),
        "python": platform.python_version(),
        **_packages(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": str(_cores()),
        **{name: os.environ.get(name, DEFAULTS.get(name)) for name in ENVIRONMENT},
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that are installed, for a report."""
    return {"python": platform.python_version(), **{name: told for name, told in _packages().items() if told}}


@functools.cache
def _source() -> str:
    digest = hashlib.sha256()
    for path in sorted(shipped.PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(shipped.PACKAGE).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@functools.cache
def _packages() -> Mapping[str, str | None]:
    return {name: installed_version(name) for name in PACKAGES}


def _cores() -> int | None:
    """That this process may use: TensorFlow's sums go by the number of threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor() -> str:
    """Its name: kernels are chosen by what it can do, and another one adds in another order."""
    if not _CPUINFO.is_file():
        return platform.processor()
    lines = _CPUINFO.read_text(errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
