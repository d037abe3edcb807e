"""How good a model is by its task, and a candidate beside the baseline."""

from pydantic import Field

from edgeswap.records.base import Record, Unit
from edgeswap.records.details import ClassFigure, Errors, RocCurves, WorstSample


class Quality(Record):
    """How good a model is on `samples` test samples, by the metric that its task has or the user chose.

    Without labels, where the metric needs them, `value` and `ci95` are null.
    """

    task: str = Field(description="what the model is for, as in --task")
    metric: str = Field(description="the primary metric, such as top1")
    value: float | None = Field(description="its value; a share is 0 to 1; null where it is not known")
    ci95: tuple[float, float] | None = Field(description="95 % interval of value")
    unit: Unit = Field(description="share, the unit of the labels (label), dB, or none")
    higher_is_better: bool
    samples: int = Field(description="number of test samples")
    metrics: dict[str, float] = Field(default={}, description="all metrics of the task that are known, by name")


class StageQuality(Record):
    """A float32 model between the baseline and the candidate, such as the one right after a swap."""

    quality: Quality


class OutputFidelity(Record):
    """One output of a model against the same output of another, over all values of all samples."""

    name: str
    snr_db: float | None = Field(
        description="10 log10(sum of v^2 / sum of (v - w)^2), v of the reference; null where nothing differs"
    )
    cosine: float | None = Field(description="of the angle between v and w; null where one of them is all zero")
    mean_steps: float | None = Field(description="mean of |v - w| in int8 steps of the output; null without a scale")
    max_steps: float | None = Field(description="the largest")
    bias: float | None = Field(description="mean of w - v, in the unit of the output; null without a finite value")
    worst_sample: int | None = Field(default=None, description="the test sample with the largest difference, from 0")


class Comparison(Record):
    """The candidate against the baseline (the float32 model as it was given), on the same test samples."""

    metric: str = Field(description="the metric of the drop, such as top1")
    unit: Unit = Field(description="of the metric; drops of a share are in percentage points")
    drop: float | None = Field(
        description="how much worse int8 is than float32 by the metric, whichever way is better: positive is worse; in "
        "percentage points for a share, else in its unit; null where it is not known"
    )
    drop_ci95: tuple[float, float] | None = Field(description="paired 95 % interval of drop")
    agreement: float | None = Field(
        description="share of decisions, such as classes, that are the same in both models, 0 to 1; null where a model "
        "decides nothing"
    )
    mcnemar_p: float | None = Field(
        default=None,
        description="exact two-sided McNemar p-value, for comparison; only where samples are right or wrong",
    )
    size_ratio: float = Field(description="float32 size_bytes divided by int8 size_bytes")
    control_drop: float | None = Field(
        default=None,
        description="as drop, against float32_finetuned",
    )
    outputs: list[OutputFidelity] = Field(default=[], description="how near each output of int8 is to float32")
    class_metric: str | None = Field(
        default=None,
        description="what per_class holds: recall, average_precision or iou; null without labelled classes",
    )
    per_class: list[ClassFigure] = Field(default=[], description="of each class that has samples")
    roc: RocCurves | None = Field(default=None, description="of a yes or no, or of anomalies; null for other tasks")
    errors: Errors | None = Field(default=None, description="of a regression; null for other tasks")
    worst_samples: list[WorstSample] = Field(
        default=[], description="at most 8 samples on which int8 differs most from float32, the worst first"
    )
    lost: int | None = Field(
        default=None,
        description="samples that float32 has right and int8 wrong; null where samples are not right or wrong",
    )
    gained: int | None = Field(default=None, description="samples that float32 has wrong and int8 right; null likewise")
    flipped: list[WorstSample] = Field(
        default=[],
        description="at most 8 samples that int8 answers otherwise: with labels those that are lost, the largest "
        "difference of outputs first",
    )

    @property
    def can_be_chance(self) -> bool:
        """Whether two equally good models could differ this much: the paired interval of the drop includes 0.

        The interval alone decides; `edgeswap.statistics` says why. `mcnemar_p` is for comparison with other work.
        Without labels, or with too few samples, any difference can be chance.
        """
        return self.drop_ci95 is None or self.drop_ci95[0] <= 0 <= self.drop_ci95[1]
