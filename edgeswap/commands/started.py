"""TensorFlow started, on the devices that a run trains on."""

from __future__ import annotations

from edgeswap.config.export import ExportConfig
from edgeswap.progress import Progress


def start_tensorflow(config: ExportConfig, *, progress: Progress) -> None:
    """Import TensorFlow and begin the strategy: other machines can be joined only before it computes anything.

    Some modules of edgeswap compute as they are imported, so this comes first.

    Raises:
        ConfigError: see `edgeswap.training.strategy.begin`.
        WorkerError: likewise.
    """
    joins = config.strategy == "multiworker"
    with progress.step("Start TensorFlow and join the others" if joins else "Start TensorFlow"):
        from edgeswap.training.strategy import begin  # noqa: PLC0415

        begin(config.strategy)
