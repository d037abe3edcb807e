"""What can go wrong, as sentences. They become text and an exit code in `cli/main.py` alone."""

from __future__ import annotations

from collections.abc import Sequence


class EdgeswapError(Exception):
    """A failure that its reader can act on.

    Args:
        problem: one sentence: what was expected and what was got.
        remedy: one sentence: what to do about it.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}"


class ConfigError(EdgeswapError):
    """An option has a value that cannot be meant: wrong usage."""

    exit_code = 2


class ModelError(EdgeswapError):
    """The model cannot be read, or holds something that edgeswap cannot carry over."""


class DataError(EdgeswapError):
    """A dataset is missing, malformed or does not fit the model."""


class ConversionError(EdgeswapError):
    """The TFLite converter failed, crashed or did not end."""


class VerificationError(EdgeswapError):
    """A `.tflite` is not what it must be, such as full-integer."""


class TargetError(EdgeswapError):
    """A target could not run what it was asked to."""


class WorkerError(EdgeswapError):
    """Another machine that trains along is gone."""


class OutputError(EdgeswapError):
    """The output cannot be written or shown: it exists, the disk is full, the path is a file, there is no browser."""


def add_note(error: BaseException, sentence: str) -> None:
    """Have `error`, of whatever kind, also say `sentence`; a traceback shows it below the message.

    As `BaseException.add_note`, which Python 3.10 has not.
    """
    error.__notes__ = [*notes(error), sentence]


def notes(error: BaseException) -> list[str]:
    """What `add_note` added, to the error or to one that it was raised from."""
    own: list[str] = getattr(error, "__notes__", [])
    return own or (notes(error.__cause__) if error.__cause__ is not None else [])


def shortened(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
