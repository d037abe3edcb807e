"""What can be told of an export without TensorFlow is told first, in well under a second."""

from __future__ import annotations

import os
from pathlib import Path

from edgeswap.config.export import ExportConfig
from edgeswap.config.settings import TargetSettings
from edgeswap.data.look import look
from edgeswap.errors import DataError, TargetError
from edgeswap.model.rehearsal import preview
from edgeswap.progress import Silent
from edgeswap.store.known_model import find_facts
from edgeswap.store.run_store import open_store
from edgeswap.system.cluster import read_cluster
from edgeswap.system.devices import devices
from edgeswap.system.output import check_folder
from edgeswap.targets.edgetpu import installed as coral
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.names import require_known
from edgeswap.targets.readiness import require_ready


def preflight(config: ExportConfig) -> None:
    """Refuse what the stages would refuse much later; they check it again, and more.

    Raises:
        OutputError: the output folder cannot be written, or exists.
        ModelError: the model file is missing, damaged, or holds code that is not trusted.
        DataError: data or labels are missing or cannot be read.
        ConfigError: TF_CONFIG, which names the machines of --strategy multiworker, is missing or wrong.
        TargetError: a tool of a target, or a delegate's library, is missing.
    """
    helps = config.strategy == "multiworker" and not read_cluster(os.environ).is_chief
    if config.output is not None and not helps:
        check_folder(config.output, overwrite=config.overwrite)
    require_readable(config)
    if helps:  # it measures nothing
        return
    require_targets(config)
    lacking = coral.missing() if config.delegate == EDGE_TPU and _delegates_here(config) else []
    if lacking == [coral.LIBRARY_MISSING]:  # without the compiler too nothing is run on an Edge TPU, which is said then
        raise TargetError(f"Expected {coral.LIBRARY} on this machine for --delegate {EDGE_TPU}, got none.", lacking[0])


def require_readable(config: ExportConfig) -> None:
    """Refuse a model or data that are not there or cannot be read.

    Raises:
        ModelError: the model file is missing, damaged, or holds code that is not trusted.
        DataError: data or labels are missing or cannot be read.
    """
    if isinstance(config.model, (str, Path)) and not _is_known(config):
        preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
    for spec in (config.data, config.test_data, config.calibration):
        look(spec)
    if config.labels is not None and not config.labels.is_file():
        raise DataError(
            f"Expected a file of class names, but {str(config.labels)!r} is not there.", "Write one name a line."
        )


def _is_known(config: ExportConfig) -> bool:
    """Whether an earlier run has loaded this very file, so that its results are perhaps all that is needed of it."""
    if config.trust or config.custom_objects:
        return False
    store = open_store(config.cache_dir, is_on=config.cache, devices=devices(), progress=Silent())
    try:
        return find_facts(store, config.model) is not None
    except OSError:
        return False  # the preview says why it cannot be read


def require_targets(config: TargetSettings) -> None:
    """Refuse what a target would refuse after the models are made: its tools are not here, or its delegate is not.

    Raises:
        TargetError: something is missing; the remedy says how to come by it.
    """
    require_ready(config.target)
    # On a board it is the board's own path, which only the board can look up.
    if config.library is not None and _delegates_here(config) and not Path(config.library).is_file():
        raise TargetError(
            f"Expected xnnpack, none, {EDGE_TPU} or a delegate's library for --delegate, but {config.library!r} is "
            "not there.",
            "Give the path of a library, such as /usr/lib/libmydelegate.so.",
        )


def _delegates_here(config: TargetSettings) -> bool:
    """Whether a delegate's library is to lie on this machine."""
    return any(require_known(name).delegates == "here" for name in config.target)
