"""What TensorFlow may compute on beside the processor, as far as it can be told without starting TensorFlow."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

# Nodes of GPUs by CUDA, ROCm and Windows' subsystem for Linux; a driver of another version may compute otherwise.
NODES = ("nvidia[0-9]*", "kfd", "dri/renderD*", "dxg")
DRIVER = Path("/proc/driver/nvidia/version")
# Wheels that bring a device's libraries, without which TensorFlow does not use it, or a device as a plugin.
PACKAGES = ("nvidia-", "tensorflow-metal", "tensorflow-rocm", "tensorflow-plugins", "intel-extension-for-tensorflow")


def devices(nodes: Path = Path("/dev")) -> list[str]:
    """Nodes of GPUs, the driver, and the installed packages that bring their libraries; empty without any of these."""
    found = sorted(str(path) for pattern in NODES for path in nodes.glob(pattern))
    if DRIVER.is_file():
        found.append(DRIVER.read_text(errors="replace"))
    named = ((each.metadata["Name"] or "", each.version) for each in distributions())
    return found + sorted({f"{name} {version}" for name, version in named if name.lower().startswith(PACKAGES)})
