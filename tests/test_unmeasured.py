"""`--no-measure`: the models and the bundle, and a report that says that nothing was measured."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from edgeswap.config.export import export_config
from edgeswap.config.sweep import plan
from edgeswap.errors import ConfigError, VerificationError


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [("max_drop", 1, "--max-drop"), ("max_latency_ms", 1, "--max-latency-ms"), ("max_arena", 1, "--max-arena"),
     ("compare", "dynamic", "--compare"), ("target_samples", 5, "--target-samples"),
     ("require_delegate", True, "--require-delegate")],
)  # fmt: skip
def test_a_limit_on_what_is_not_measured_is_an_error(setting, value, named):
    with pytest.raises(ConfigError, match=f"Expected no {named} with --no-measure"):
        export_config(
            {"measure": False, setting: value, "target": ("host", "micro") if setting == "max_arena" else "host"}
        )


def test_a_sweep_needs_figures():
    with pytest.raises(ConfigError, match="which compares figures"):
        plan({"method": ["ptq", "qat"]}, {"measure": False})


@pytest.mark.slow
def test_there_are_models_a_bundle_and_no_figures(place, tiny, edgeswap, monkeypatch):
    def failing(*_args, **_options):
        raise AssertionError("measured")

    monkeypatch.setattr("edgeswap.commands.export.prove", failing)
    monkeypatch.setattr("edgeswap.commands.float_models.predict", failing)
    flags = ["export", tiny / "tiny.keras", "--data", tiny / "train.npz", "--preprocess", "unit", "--method", "ptq"]
    ran = edgeswap(*flags, "--no-measure")
    assert ran.code == 0, ran.stderr
    out = place / "out"
    files = {"model_float32.tflite", "model_int8.tflite", "report.json", "report.html", "bundle.zip"}
    assert {path.name for path in out.iterdir()} == files
    report = json.loads((out / "report.json").read_text())
    assert (report["measured"], report["passed"], report["targets"], report["parity"]) == (False, True, [], None)
    assert report["int8"]["quality"]["value"] is report["comparison"]["drop"] is None
    assert report["int8"]["float_tensors"] == 0
    with np.load(tiny / "train.npz") as given:
        assert (report["data"]["test"], report["data"]["calibration"]["samples"]) == (None, len(given["x"]))
    assert ran.stdout.startswith("Exported without measuring: the int8 model is ")
    assert "measured   nothing (--no-measure)" in ran.stdout
    assert "signal" not in ran.stdout
    page = (out / "report.html").read_text()
    assert "Nothing was measured (<code>--no-measure</code>)" in page
    assert "<h2>Latency</h2>" not in page
    assert "No samples were set aside for figures." in page
    assert "test sample" not in page
    with zipfile.ZipFile(out / "bundle.zip") as bundle:
        card = bundle.read("MODEL_CARD.md").decode()
    assert "- Test: none" in card
    assert "No samples were set aside for figures." in card
    assert edgeswap("bundle", "verify", out / "bundle.zip").code == 0
    for limit, code, says in ((100, 3, "Failed (max_size "), (10**6, 0, "Passed (within max_size) without measuring")):
        limited = edgeswap(*flags, "--no-measure", "--max-size", limit, "--output", f"at_most_{limit}")
        assert (limited.code, limited.stdout.startswith(says)) == (code, True), limited.stdout

    def islands(*_args, **_options):
        raise VerificationError("Expected no float tensor, got one.", "Swap it.")

    monkeypatch.setattr("edgeswap.commands.lowered.require_precision", islands)
    refused = edgeswap(*flags, "--no-measure", "--output", "other")  # the models come from the run store
    assert refused.code == 1
    assert "error: Expected no float tensor, got one." in refused.stderr
    assert "Start TensorFlow" not in refused.stderr
