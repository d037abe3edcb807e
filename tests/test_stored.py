"""Exports by the run store: nothing is trained or converted twice, and the report is that of an undisturbed run."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("tensorflow")

PER_RUN = ("created", "command", "targets", "limits", "passed")
QAT = ["--activation", "clipped_elu", "--recover-epochs", 1, "--epochs", 1]


def failing(*_args, **_options):
    raise AssertionError("done again")


@pytest.fixture
def flags(tiny):
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    return [tiny / "tiny.keras", *data, *QAT]


def report_in(folder) -> dict:
    report = json.loads((folder / "report.json").read_text())
    return {key: value for key, value in report.items() if key not in PER_RUN}


def models_in(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tflite")}


@pytest.mark.slow
def test_what_does_not_change_a_model_makes_none_anew(place, flags, edgeswap, monkeypatch):
    assert edgeswap("export", *flags, "--output", "first").code == 0
    with monkeypatch.context() as patched:
        patched.setattr("edgeswap.commands.fine_tuning.train", failing)
        patched.setattr("edgeswap.commands.converted.convert_all", failing)
        others = ["--max-drop", 90, "--author", "Somebody", "--threads", 2, "--target-samples", 80]
        again = edgeswap("export", *flags, *others, "--output", "second")
        assert again.code == 0, again.stderr
        changed = edgeswap("export", *flags, "--seed", 1, "--output", "third")
        assert "done again" in changed.stderr
    assert report_in(place / "second") == report_in(place / "first")
    assert models_in(place / "second") == models_in(place / "first")
    assert report_in(place / "first")["training"]
