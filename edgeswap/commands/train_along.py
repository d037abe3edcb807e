"""What an export does on a machine that only trains along: the chief alone writes, measures and bundles."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgeswap.commands.started import start_tensorflow
from edgeswap.commands.stored import opened_store
from edgeswap.config.export import ExportConfig
from edgeswap.model.rehearsal import preview
from edgeswap.progress import Progress
from edgeswap.system.cluster import Cluster, read_cluster


def helper(config: ExportConfig, environment: Mapping[str, str]) -> Cluster | None:
    """The cluster, where this process only trains along; None for the chief, and without a cluster.

    Raises:
        ConfigError: TF_CONFIG is missing or wrong.
    """
    cluster = read_cluster(environment) if config.strategy == "multiworker" else None
    return None if cluster is None or cluster.is_chief else cluster


def train_along(config: ExportConfig, cluster: Cluster, *, progress: Progress) -> str:
    """Train as the chief does, on this machine's part of every batch; a sentence that says so.

    All stages up to the last training are the chief's own, so that all machines train the same models in the same
    order. Nothing is written but what those stages keep in the run store.

    Args:
        config: the same as the chief's, but for the output.
        cluster: which worker this is.
        progress: told of every step.

    Raises:
        EdgeswapError: as `edgeswap.commands.export.export`.
    """
    config = config.model_copy(update={"output": None, "save_qat": False, "track": None})
    if isinstance(config.model, (str, Path)):
        preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
    start_tensorflow(config, progress=progress)
    from edgeswap.commands.from_scratch import train_models  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="edgeswap-") as folder:
        train_models(config, Path(folder), store=opened_store(config, progress=progress), progress=progress)
    return f"This was {cluster}, which trained along. The results are with the first one, {cluster.addresses[0]}."
