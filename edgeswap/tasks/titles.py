"""What metrics are called in sentences."""

from __future__ import annotations

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
    "snr_db": "signal-to-noise ratio",
}


def title(metric: str) -> str:
    """`top-1` for `top1`; a metric of the user's own, `module:function`, is called as its function."""
    return TITLES.get(metric, metric.partition(":")[2] or metric)
