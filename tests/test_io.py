"""`--io`: an export whose int8 model has uint8 or float32 ends, from the command line to the bundle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeswap.commands.doubtful_ends import doubtful_ends
from edgeswap.config.export import export_config
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ConfigError
from tests.conftest import Ran

IMAGE = {"image": (8, 8, 1)}


def doubts(preprocess: str = "unit", **settings: object) -> list[str]:
    config = export_config({"model": "m.keras", "data": "d.npz", **settings})
    return [caution.kind for caution in doubtful_ends(config, from_name(preprocess), IMAGE)]


def test_what_does_not_fit_is_told_before_training() -> None:
    npu = {"target": ("host", "ethos-u55-128")}
    assert doubts(io="float32", **npu) == doubts(io="float32", delegate="edgetpu") == ["ends_on_cpu"]
    assert doubts(io="uint8", **npu) == doubts(**npu) == doubts(io="float32") == []
    assert doubts("torch", io="uint8") == ["uint8_is_not_the_pixel"]
    for preprocess in ("raw", "unit", "symmetric", "none"):
        assert doubts(preprocess, io="uint8") == []
    assert doubts("torch", io="float32") == doubts("torch") == []


def test_ends_are_for_int8_alone() -> None:
    with pytest.raises(ConfigError, match="Expected no --io for --precision int16x8, got 'uint8'"):
        export_config({"precision": "int16x8", "io": "uint8", "model": "m.keras", "data": "d.npz"})


def outputs(file: Path, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    interpreter = Interpreter(model_path=str(file), num_threads=1)
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in x:
        interpreter.set_tensor(given["index"], sample[None].astype(given["dtype"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(made["index"])[0])
    return np.stack(found), made


def exported(
    edgeswap: Callable[..., Ran], tiny: Path, io: str, *more: str, code: int = 0
) -> tuple[str, dict[str, Any]]:
    """What an export with these ends says, and its report; its bundle verifies."""
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    ran = edgeswap("export", tiny / "tiny.keras", *data, "--method", "ptq", "--io", io, "--output", io, *more)
    assert ran.code == code, ran.stderr
    assert edgeswap("bundle", "verify", f"{io}/bundle.zip").code == 0
    return " ".join(ran.stdout.split()), json.loads(Path(io, "report.json").read_text())


@pytest.mark.slow
def test_an_export_tells_of_its_ends_and_of_what_is_outside_of_the_delegate(
    edgeswap: Callable[..., Ran], tiny: Path
) -> None:
    """XNNPACK does not take HARD_SWISH."""
    swapped = ("--activation", "hard_swish", "--recover-epochs", "0", "--hard-swish", "operator")
    said, report = exported(edgeswap, tiny, "float32", "--require-delegate", "--compare", "dynamic", *swapped, code=3)
    assert "float32 in and out (--io)" in said
    assert "xnnpack did not take 1 HARD_SWISH" in said
    assert (report["passed"], report["limits"][0]["name"]) == (False, "require_delegate")
    assert (report["int8"]["io"], report["int8"]["float_tensors"], report["int8"]["float_operators"]) == (
        "float32",
        0,
        [],
    )
    assert report["comparison"]["outputs"][0]["mean_steps"] is not None
    assert report["parity"]["layers"] > 0
    (dynamic,) = report["compared"]
    assert (dynamic["precision"], dynamic["model"]["io"]) == ("dynamic_range", None)
    assert dynamic["model"]["size_bytes"] == Path("float32/model_dynamic_range.tflite").stat().st_size
    # The converter leaves weights of fewer than 1024 numbers in float, and this network has no others.
    assert dynamic["model"]["operators"] == report["float32"]["operators"]
    assert dynamic["targets"][0]["float32"] == report["targets"][0]["float32"]
    assert dynamic["targets"][0]["int8"]["latency_ms"]["p50"] > 0
    assert dynamic["comparison"]["drop"] == 0
    page = Path("float32/report.html").read_text()
    assert "float32 in, float32 out, no float tensor in between" in page
    assert "XNNPACK has no int8 HARD_SWISH." in page


@pytest.mark.rare
def test_all_ends_give_the_same_answers(edgeswap: Callable[..., Ran], tiny: Path) -> None:
    """Three exports. To run it: pytest -m rare tests/test_io.py."""
    x = np.load(tiny / "test.npz")["x"][:100]
    qualities = [exported(edgeswap, tiny, io)[1]["int8"]["quality"] for io in ("int8", "uint8", "float32")]
    assert qualities[0] == qualities[1] == qualities[2]
    int8, output = outputs(Path("int8/model_int8.tflite"), x.astype(int) - 128)
    uint8, _ = outputs(Path("uint8/model_int8.tflite"), x)
    real, _ = outputs(Path("float32/model_int8.tflite"), x.astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(uint8.astype(int) - 128, int8)
    scale, zero_point = output["quantization"]
    np.testing.assert_array_equal((int8.astype(np.float32) - zero_point) * np.float32(scale), real)
