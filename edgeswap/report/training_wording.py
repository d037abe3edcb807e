"""How models were trained, in words: which epoch of each was kept, and what it was judged by."""

from __future__ import annotations

from edgeswap.records import ExportReport, TrainingRun
from edgeswap.report import numbers

NAMES = {"float32_recovered": "recovery", "float32_finetuned": "the control", "int8": "QAT"}


def epochs(report: ExportReport) -> str:
    """Which epoch of each training was kept, and why; empty where nothing was trained."""
    if not report.training:
        return ""
    kept = ", ".join(f"{NAMES[run.model]} kept {_kept(run)}" for run in report.training)
    first = next(run for run in report.training if run.judged_on != "candidate")
    if first.judged_on == "validation":
        samples = numbers.plural(first.samples, "validation sample")
        why = f"the lowest loss on {samples}, set aside from the training samples"
    else:
        samples = numbers.plural(first.samples, "training sample")
        why = f"the lowest loss on {samples}, too few to set any aside"
    return f"{kept[0].upper()}{kept[1:]}: {why}."


def _kept(run: TrainingRun) -> str:
    if run.judged_on == "candidate":
        return "the same epoch as QAT"
    stopped = f" and stopped after {run.epochs_trained}" if run.epochs_trained < run.epochs else ""
    if run.best_epoch == 0:
        return f"the start, as none of {numbers.plural(run.epochs_trained, 'epoch')} was better{stopped}"
    return f"epoch {run.best_epoch} of {run.epochs}{stopped}"
