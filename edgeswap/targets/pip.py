"""Is pip here, which fetches wheels for boards and for the emulator?"""

from __future__ import annotations

from importlib import metadata


def has_pip() -> bool:
    """Whether this Python has pip. It is not imported: setuptools warns when pip is looked up after distutils."""
    try:
        metadata.distribution("pip")
    except metadata.PackageNotFoundError:
        return False
    return True
