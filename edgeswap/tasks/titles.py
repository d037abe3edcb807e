"""What metrics are called in sentences, and what they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeswap.tasks.metric import Unit

TITLES = {
    "top1": "top-1",
    "top5": "top-5",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "f1": "F1",
    "auc": "ROC AUC",
    "map": "mean average precision",
    "map50": "mAP50",
    "map75": "mAP75",
    "miou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
    "mae": "mean absolute error",
    "rmse": "RMSE",
    "r2": "R2",
    "psnr": "PSNR",
    "mse": "mean squared error",
    "recall": "recall",
    "average_precision": "average precision",
    "iou": "IoU",
    "snr_db": "signal-to-noise ratio",
}


IN_DB = frozenset({"psnr", "snr_db"})
IN_LABELS = frozenset({"mae", "rmse"})
PLAIN = frozenset({"r2", "mse"})


def unit(metric: str) -> Unit:
    """The unit of a task's metric, also of one output, `digit.top1`; none of a metric of the user's own."""
    own = metric.rpartition(".")[2]
    if own not in TITLES or own in PLAIN:
        return "none"
    return "dB" if own in IN_DB else "label" if own in IN_LABELS else "share"


def title(metric: str) -> str:
    """`top-1` for `top1`, `digit top-1` for `digit.top1`; a metric of the user's own is called as its function."""
    output, _, own = metric.rpartition(".")
    if output and own in TITLES:
        return f"{output} {TITLES[own]}"
    return TITLES.get(metric, metric.partition(":")[2] or metric)
