"""The files that the package ships beside its code: the device script and the built-in sample."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def path(name: str) -> Path:
    """Where a shipped file lies.

    Args:
        name: its path in the repository, such as `deploy/benchmark.py` or `calibration/digits.npz`.

    Returns:
        In a checkout the original; in a wheel its copy, which `edgeswap/_data` holds under the file's bare name.

    Raises:
        FileNotFoundError: neither exists: the installation is broken.
    """
    carried = PACKAGE / "_data" / Path(name).name
    original = PACKAGE.parent / name
    for place in (carried, original):
        if place.is_file():
            return place
    raise FileNotFoundError(f"Expected {name} at {original} or {carried}. Install edgeswap again.")
