"""What can go wrong, as sentences. They become text and an exit code in `cli.py` alone."""


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


class OutputError(EdgeswapError):
    """The output cannot be written: it exists, the disk is full, the path is a file."""
