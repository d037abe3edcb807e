"""What TensorFlow may compute on beside the processor, as far as it can be told without starting TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path

# Nodes of GPUs by CUDA, ROCm and Windows' subsystem for Linux; a driver of another version may compute otherwise.
NODES = ("nvidia[0-9]*", "kfd", "dri/renderD*", "dxg")
DRIVER = Path("/proc/driver/nvidia/version")
# Wheels that bring a device's libraries, without which TensorFlow does not use it, or a device as a plugin.
PACKAGES = ("nvidia_", "tensorflow_metal", "tensorflow_rocm", "tensorflow_plugins", "intel_extension_for_tensorflow")


def devices(nodes: Path = Path("/dev")) -> list[str]:
    """Nodes of GPUs, the driver, and the installed packages that bring their libraries; empty without any of these."""
    found = sorted(str(path) for pattern in NODES for path in nodes.glob(pattern))
    if DRIVER.is_file():
        found.append(DRIVER.read_text(errors="replace"))
    # The folder's name tells name and version; parsing the metadata of every package takes half a second.
    folders = {path.stem.lower() for entry in sys.path for path in Path(entry).glob("*.dist-info")}
    return found + sorted(folder for folder in folders if folder.startswith(PACKAGES))
