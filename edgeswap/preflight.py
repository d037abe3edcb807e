"""What can be told of an export without TensorFlow is told first, in well under a second."""

from __future__ import annotations

from pathlib import Path

from edgeswap.config import ExportConfig
from edgeswap.data import require_there
from edgeswap.errors import DataError
from edgeswap.model_file import inspect
from edgeswap.output import check_folder


def preflight(config: ExportConfig) -> None:
    """Refuse what the stages would refuse much later; they check it again, and more.

    Raises:
        OutputError: the output folder cannot be written, or exists.
        ModelError: the model file is missing, damaged, or holds code that is not trusted.
        DataError: a file of data or of labels is missing.
    """
    check_folder(config.output, overwrite=config.overwrite)
    if isinstance(config.model, (str, Path)):
        inspect(config.model, trust=config.trust)
    for spec in (config.data, config.test_data, config.calibration):
        if isinstance(spec, (str, Path)):
            require_there(spec)
    if config.labels is not None and not config.labels.is_file():
        raise DataError(
            f"Expected a file of class names, but {str(config.labels)!r} is not there.", "Write one name a line."
        )
