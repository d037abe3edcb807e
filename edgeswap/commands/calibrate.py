"""`calibrate`: choose the samples that int8 ranges are set by, so that they cover classes and ranges."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

import numpy as np

from edgeswap.config.calibrate import CalibrateConfig
from edgeswap.data.calibration import FEWEST, choose, refuse_test_samples
from edgeswap.data.coverage import choose_covering, coverage, input_ranges
from edgeswap.data.dataset import Dataset
from edgeswap.data.load import load
from edgeswap.data.own_shapes import own_shapes
from edgeswap.data.unlike_samples import require_unlike
from edgeswap.errors import DataError
from edgeswap.progress import Progress, Silent
from edgeswap.records import CalibrationManifest, Coverage, DataSource
from edgeswap.system.output import check_file, staged_file
from edgeswap.version import __version__


def calibrate(
    config: CalibrateConfig, *, command: Sequence[str] = (), progress: Progress | None = None
) -> CalibrationManifest:
    """Write an .npz of chosen samples, raw as in the data, for `export --calibration`, and its manifest beside it.

    Args:
        config: what to choose from, how many, and where to write.
        command: what the user typed, for the manifest.
        progress: told of every step.

    Raises:
        EdgeswapError: of the kind that says what could not be done; DataError where a sample is in the test data.
    """
    progress = progress or Silent()
    for file in (config.output, config.manifest):
        check_file(file, overwrite=config.overwrite)
    by_model: Any = None if config.model is None else _with_tensorflow(progress)
    source = by_model and by_model.opened_model(
        config.model, trust=config.trust, custom_objects=config.custom_objects, progress=progress
    )
    shapes = source.input_shapes if source else own_shapes(config.data)
    data = load(config.data, input_shapes=shapes, resize=config.resize)
    if len(data) < FEWEST:
        raise DataError(f"Expected at least {FEWEST} samples in {data.source}, got {len(data)}.", "Give more samples.")
    require_unlike(data)
    test = None
    if config.test_data is not None:
        test = load(config.test_data, input_shapes=shapes, part="test", resize=config.resize)
        remedy = "Remove them from one of the two: samples that set the ranges cannot test them."
        refuse_test_samples(data, test, role="calibration", remedy=remedy)
    preprocess = source and by_model.preprocess_of(source, data, config.preprocess)
    if source:
        low, high = by_model.tensor_ranges(source, data, preprocess, progress=progress)
    else:
        low, high = input_ranges(data, progress=progress)
    chosen = choose_covering(low, high, data.classes, config.count, config.seed)
    at_random = choose(len(data), data.classes, config.count, config.seed)

    def covered(indices: Any) -> Coverage:
        shares = coverage(low, high, indices)
        classes = None if data.classes is None else len(np.unique(data.classes[indices]))
        return Coverage(mean=float(shares.mean()), lowest=float(shares.min()), classes=classes)

    picked = data.subset(chosen.indices)
    manifest = CalibrationManifest(
        edgeswap=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=list(command),
        file=config.output.name,
        data=_source(data),
        test_data=None if test is None else _source(test),
        model=source.record.source if source else None,
        preprocess=preprocess.name if preprocess else None,
        resize=data.resize,
        seed=config.seed,
        samples=len(picked),
        for_ranges=len(chosen.for_ranges),
        at_random=len(chosen.at_random),
        ranges=low.shape[1],
        chosen=covered(chosen.indices),
        random=covered(at_random),
        indices=[int(index) for index in chosen.indices],
        sha256=[digest.hex() for digest in picked.digests],
    )
    _write(config, _arrays(picked), manifest)
    return manifest


def _with_tensorflow(progress: Progress) -> Any:
    with progress.step("Start TensorFlow"):
        return importlib.import_module("edgeswap.commands.tensor_ranges")


def _arrays(picked: Dataset) -> dict[str, Any]:
    """The raw samples, and labels where they are one whole number a sample."""
    read = picked.read(np.arange(len(picked)))
    arrays = dict(read) if isinstance(read, dict) else {"x": read}
    return arrays if picked.classes is None else {**arrays, "y": picked.classes}


def _write(config: CalibrateConfig, arrays: Mapping[str, Any], manifest: CalibrationManifest) -> None:
    """Both files, which appear whole or not at all."""
    with ExitStack() as stack:
        beside = stack.enter_context(staged_file(config.manifest, overwrite=config.overwrite))
        samples = stack.enter_context(staged_file(config.output, overwrite=config.overwrite))
        with samples.open("wb") as file:
            np.savez_compressed(file, **arrays)
        written = json.dumps(manifest.model_dump(mode="json", by_alias=True), indent=2) + "\n"
        beside.write_text(written, encoding="utf-8")


def _source(data: Dataset) -> DataSource:
    return DataSource(source=data.source, samples=len(data), sha256=data.sha256)
