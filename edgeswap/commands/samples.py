"""The samples of a run, each with its role, and the task that they and the model tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from edgeswap.config.export import ExportConfig
from edgeswap.data.splits import DataSpecs, Splits, split
from edgeswap.evaluation.scoring import Scoring
from edgeswap.evaluation.task_scoring import judged_scoring, require_unlike_labels, with_labels_of
from edgeswap.model.zoo import DIGITS_PREPROCESS
from edgeswap.progress import Progress
from edgeswap.tasks.outputs import Signature, named_classes


class ModelFacts(NamedTuple):
    """What of a model has to be known to open samples for it.

    Attributes:
        signature: what it takes and gives.
        takes_raw_pixels: whether it begins with a Rescaling or Normalization of its own.
    """

    signature: Signature
    takes_raw_pixels: bool


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples, and what models are scored by.

    Attributes:
        splits: the samples of each role, with labels as the task takes them.
        scoring: the task of the model, and the metrics.
        reason: why it is that task.
    """

    splits: Splits
    scoring: Scoring
    reason: str


def open_samples(config: ExportConfig, model: ModelFacts, *, progress: Progress) -> Samples:
    """The samples that the configuration names, for a model.

    Raises:
        ConfigError: two tasks fit, or the one that is named does not.
        DataError: samples or labels cannot be read, do not fit the model, or are all the same.
    """
    signature = model.signature
    splits = split(
        data_specs(config),
        input_shapes=dict(signature.inputs),
        classes=named_classes(signature),
        mask_size=mask_size(signature),
        takes_raw_pixels=model.takes_raw_pixels,
        trains=config.may_train,
        seed=config.seed,
        measures=config.measure,
        holds_out=config.method == "auto",
        trains_last=config.may_train and not config.trains,
        progress=progress,
    )
    labelled = next(
        (data for data in (splits.test, splits.train) if data is not None and data.labels is not None), None
    )
    scoring, reason = judged_scoring(
        signature, labelled, named=config.task, metrics=config.metric, decode=config.decode
    )
    splits = splits.each(lambda data: with_labels_of(scoring, data))
    if splits.train is not None:
        require_unlike_labels(scoring, splits.train, role="training")
    if splits.is_tested:
        require_unlike_labels(scoring, splits.test, role="test")
    return Samples(splits, scoring, reason)


def data_specs(config: ExportConfig) -> DataSpecs:
    """What the configuration says of data; without a model and data it is the digits example with its own."""
    given = DataSpecs(
        config.data, config.test_data, config.calibration, config.preprocess, config.resize, config.labels
    )
    if config.model is not None or config.data is not None:
        return given
    return replace(
        given,
        data="digits",
        test_data="digits/test" if given.test_data is None else given.test_data,
        preprocess=DIGITS_PREPROCESS if given.preprocess is None else given.preprocess,
    )


def mask_size(model: Signature) -> tuple[int, int] | None:
    """Height and width of the one output that is a map; None for others."""
    shapes = [output.shape for output in model.outputs]
    return shapes[0][:2] if len(shapes) == 1 and len(shapes[0]) == 3 else None
