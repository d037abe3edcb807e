"""What MLflow is told of a run, in a store of files."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pytest

from edgeswap.commands.tracked import metrics, parameters, track
from edgeswap.config.export import export_config
from edgeswap.errors import OutputError
from edgeswap.progress import Silent
from edgeswap.records import ExportReport
from tests import bundles


@pytest.fixture
def report() -> ExportReport:
    return bundles.report()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the runs go; MLflow takes a folder only when it is told to."""
    uri = (tmp_path / "runs").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return uri


def config(**given: object) -> object:
    return export_config({"model": "m.keras", "data": np.zeros((4, 2)), **given})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_run_has_settings_figures_losses_and_files(report: ExportReport, store: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "report.json").write_text("{}")
    track(config(method="ptq", max_drop=1.5), report, folder, progress=Silent())
    client = mlflow.MlflowClient(store)
    (run,) = client.search_runs(["0"])
    assert run.info.run_name == "out"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"data": "ndarray", "max_drop": "1.5", "method": "ptq", "model": "m.keras"}
    assert run.data.tags["edgeswap"] == report.edgeswap
    quality = report.int8.quality
    assert quality is not None
    assert run.data.metrics[f"int8.{quality.metric}"] == pytest.approx(quality.value)
    assert run.data.metrics["drop"] == pytest.approx(report.comparison.drop)
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["report.json"]


def test_figures_that_are_not_there_are_left_out(report: ExportReport) -> None:
    found = metrics(report)
    assert all(isinstance(value, float) for value in found.values())
    assert found["int8.size_bytes"] == report.int8.size_bytes
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /") for name in found
    )


def test_only_what_was_set_is_a_parameter() -> None:
    assert parameters(config(swap=("swish=relu6", "elu=relu6"))) == {  # type: ignore[arg-type]
        "data": "ndarray",
        "model": "m.keras",
        "swap": "swish=relu6, elu=relu6",
    }


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_server_that_takes_nothing_loses_nothing(
    report: ExportReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(OutputError, match="MLflow did not take the run") as raised:
        track(config(), report, tmp_path, progress=Silent())  # type: ignore[arg-type]
    assert str(tmp_path) in str(raised.value)
