"""A run told to MLflow: settings as parameters, figures as metrics, files as artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeswap.config.export import ExportConfig
from edgeswap.errors import ConfigError, OutputError
from edgeswap.progress import Progress
from edgeswap.records import ExportReport
from edgeswap.system.installed import installed_version

PACKAGE = "mlflow-skinny"
LONGEST = 500  # of a parameter's text; some stores take no more


def require_tracker(config: ExportConfig) -> None:
    """Refuse, before any work, to track a run without the package for it.

    Raises:
        ConfigError: MLflow is not installed.
    """
    if config.track is not None and installed_version(PACKAGE) is None and installed_version("mlflow") is None:
        raise ConfigError(
            "Expected MLflow for --track mlflow; it is not in this Python.", "Run: pip install 'edgeswap[mlflow]'"
        )


def track(config: ExportConfig, report: ExportReport, folder: Path | None, *, progress: Progress) -> None:
    """Log a finished run, to the server and the experiment that MLflow's own variables name.

    Args:
        config: of the run, whose settings that are not the default become parameters.
        report: of the run.
        folder: whose files become artifacts; None where nothing was written.
        progress: told of the step.

    Raises:
        OutputError: MLflow did not take it.
    """
    import mlflow  # noqa: PLC0415  (an extra, and it takes a second)
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    name = "edgeswap" if folder is None else folder.resolve().name
    tags = {"edgeswap": report.edgeswap, "model.sha256": report.model.sha256 or "", "passed": str(report.passed)}
    with progress.step("Tell MLflow"):
        try:
            with mlflow.start_run(run_name=name, tags=tags):
                mlflow.log_params(parameters(config))
                mlflow.log_metrics(metrics(report))
                for run in report.training:
                    for epoch, loss in enumerate(run.losses):
                        if loss is not None:
                            mlflow.log_metric(f"loss.{run.model}", loss, step=epoch)
                if folder is not None:
                    mlflow.log_artifacts(str(folder))
        except (MlflowException, OSError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            kept = "" if folder is None else f" All files of the run are in {folder}."
            raise OutputError(
                f"MLflow did not take the run: {said.rstrip('.')}.{kept}",
                "Check MLFLOW_TRACKING_URI and that its server runs.",
            ) from error


def parameters(config: ExportConfig) -> dict[str, str]:
    """The settings of a run that are not the default, as text."""
    given = {name: getattr(config, name) for name in sorted(config.model_fields_set)}
    return {name: _text(value) for name, value in given.items() if value is not None}


def metrics(report: ExportReport) -> dict[str, float]:
    """The figures of a run by name; those of a target end with its name."""
    comparison = report.comparison
    found: dict[str, float | None] = {
        "drop": comparison.drop,
        "agreement": comparison.agreement,
        "size_ratio": comparison.size_ratio,
        "int8.size_bytes": report.int8.size_bytes,
        "float32.size_bytes": report.float32.size_bytes,
    }
    for stage in ("float32", "float32_recovered", "float32_finetuned", "int8"):
        model = getattr(report, stage)
        if model is not None and model.quality is not None:
            found[f"{stage}.{model.quality.metric}"] = model.quality.value
    for output in comparison.outputs:
        found[f"snr_db.{output.name}"] = output.snr_db
    for target in report.targets:
        for stage in ("float32", "int8"):
            measured = getattr(target, stage)
            latency = measured.latency_ms
            found[f"{stage}.latency_ms.{target.name}"] = None if latency is None else latency.p50
            found[f"{stage}.instructions.{target.name}"] = measured.instructions
    return {_name(name): float(value) for name, value in found.items() if value is not None}


def _name(text: str) -> str:
    """A name of the characters that MLflow takes."""
    return "".join(each if each.isalnum() or each in "_-. /" else "_" for each in text)


def _text(value: Any) -> str:
    if isinstance(value, Mapping) or (not isinstance(value, (str, Path, int, float, bool, tuple, list))):
        value = type(value).__name__  # arrays and models of Python
    text = ", ".join(map(_text, value)) if isinstance(value, (tuple, list)) else str(value)
    return text[:LONGEST]
