"""Which version of a package this Python has, told in milliseconds: `importlib.metadata` takes 90 to import alone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# `name-version.dist-info`, by the specification "Recording installed projects" of the Python Packaging Authority.
_FOLDER = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)\.(?:dist|egg)-info")


def installed_version(package: str) -> str | None:
    """The version of an installed package, off the name of its folder; None where it is not installed.

    Args:
        package: as a requirement names it, in any spelling that is the same to pip.
    """
    wanted = _normal(package)
    for place in sys.path:
        for folder in Path(place).glob("*-info"):
            found = _FOLDER.fullmatch(folder.name)
            if found and _normal(found["name"]) == wanted:
                return found["version"]
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
