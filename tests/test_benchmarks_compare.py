"""The table of tools: one tiny row through two of them, and what the section says of cells, failures and gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from benchmarks.compare import headline
from benchmarks.compare.figures import Figures, outputs
from benchmarks.compare.measure import Cell, run
from benchmarks.compare.rows import ROWS, SEEDS
from benchmarks.compare.section import section, summary
from benchmarks.compare.tools import TOOLS, Tool
from tests.tiny_tflite import Spec, write

GOOD = Figures(
    top1=(80.0, 78.0, 82.0),
    drop=(0.05, -0.2, 0.3),
    agreement=99.0,
    snr_db=30.0,
    float_tensors=0,
    full_integer=True,
    size_bytes=100_000,
    samples=5000,
)


def written(**cells: Cell) -> tuple[str, list[str]]:
    every: dict[tuple[str, str, int], Cell | None] = {
        (name, tool, seed): None for name in ROWS for tool in TOOLS for seed in SEEDS
    }
    return section({**every, **{("resnet8", tool, 0): cell for tool, cell in cells.items()}}, {})


def test_a_cell_shows_its_figures_a_failure_its_message_and_what_lacks_is_named() -> None:
    text, missed = written(edgeswap_ptq=Cell(GOOD, None, 12.0), mct=Cell(None, "ValueError: no", 3.0))
    assert missed == []
    line = "edgeswap --method ptq | 0 | 80.00 (78.00 to 82.00) | +0.05 (-0.20 to +0.30) | 99.00 % | 30.0 dB | 0 | 100.0"
    assert line in text
    assert "| ResNet8 of MLPerf Tiny | 80.05 | failed | +0.05 |" in text
    assert "- model-compression-toolkit, its default target on ResNet8 of MLPerf Tiny: ValueError: no" in text
    assert "- TFLiteConverter PTQ: no network\n" in text
    assert "- edgeswap --method ptq: every network from seed 1 and 2; EfficientNet-Lite0, ImageNet, " in text


def test_what_misses_is_told() -> None:
    bad = GOOD._replace(drop=(2.0, 1.0, 3.0), float_tensors=2)
    _, missed = written(edgeswap_ptq=Cell(bad, None, 12.0), converter_ptq=Cell(GOOD, None, 3.0))
    assert missed == [
        "ResNet8 of MLPerf Tiny: 2.00 points below float",
        "ResNet8 of MLPerf Tiny: 1.95 points below TFLiteConverter PTQ, more than chance",
        "ResNet8 of MLPerf Tiny: 2 float tensors",
    ]


def test_the_summary_holds_every_measured_cell() -> None:
    found = summary({("resnet8", "mct", 0): Cell(GOOD, None, 1.0), ("resnet8", "mct", 1): None}, {}, [])
    (cell,) = found["cells"]
    assert (cell["network"], cell["tool"], cell["figures"]["agreement"]) == ("resnet8", "mct", 99.0)


def test_the_readme_shows_each_tool_in_words_and_in_a_picture(tmp_path: Path) -> None:
    float_left = GOOD._replace(full_integer=False, float_tensors=116)
    cells: dict[tuple[str, str, int], Cell | None] = {
        (headline.ROW, "converter_dynamic", 0): Cell(float_left, None, 1.0),
        (headline.ROW, "mct", 0): Cell(None, "ValueError: no", 1.0),
        (headline.ROW, "edgeswap_ptq", 0): Cell(GOOD, None, 1.0),
    }
    text = headline.headline(cells)
    assert "| **edgeswap --method ptq** | 80.0 % | 0.1 (-0.2 to 0.3) | 99.0 % | 30.0 dB | 0 | 0.10 MB |" in text
    assert "| model-compression-toolkit, its default target | [failed](benchmarks/README.md#edgeswap" in text
    headline.draw(cells, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.width == 1440
        assert picture.convert("L").getextrema()[0] < 100  # something is drawn


def test_a_tool_is_a_script_with_a_job(tmp_path: Path) -> None:
    ends = [Spec(name, (1, 4), "int8", 0.5, 0) for name in ("x", "y")]
    file = write(tmp_path / "relu.tflite", ends, (schema.BuiltinOperator.RELU, 2, 0, None, [0]), [0], [1])
    script = tmp_path / "tool.py"
    script.write_text(
        "import json, shutil, sys\njob = json.load(open(sys.argv[1]))\nshutil.copy(job['keras'], job['output'])\n",
        encoding="utf-8",
    )
    x = np.random.default_rng(0).integers(-8, 8, (6, 4)).astype(np.float32) / 2
    wanted = np.maximum(x, 0)
    np.savez(tmp_path / "samples.npz", test=x, labels=wanted.argmax(axis=1), wanted=wanted)
    job = {"keras": str(file), "tf_keras": None, "samples": str(tmp_path / "samples.npz")}
    tool = Tool("a copy", str(script), "keras")

    cell = run(job, tool, tmp_path / "made.tflite", tmp_path)
    assert cell.failure is None
    assert cell.figures is not None
    assert (cell.figures.agreement, cell.figures.drop[0], cell.figures.full_integer) == (100, 0, True)

    def failure(job: dict[str, Any], tool: Tool) -> str:
        return run(job, tool, tmp_path / "made.tflite", tmp_path).failure or "none"

    assert failure({**job, "keras": "nothing.keras"}, tool).startswith("FileNotFoundError: ")
    assert failure(job, tool._replace(reads="tf_keras")).startswith("not tried: tf_keras has no layer")
    assert failure(job, tool._replace(trains=True)).startswith("not tried: there are no labelled samples")


@pytest.mark.slow
@pytest.mark.rare
def test_a_tiny_row_by_the_converter_and_by_edgeswap(tmp_path: Path) -> None:
    from benchmarks.compare.formats import write_formats
    from edgeswap.frameworks import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    written = write_formats(model, None, tmp_path)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    x = (pixels / 255).astype(np.float32)
    wanted = outputs(Path(written["tflite"]).read_bytes(), x)
    arrays = {"calibration": x[:20], "test": x[20:], "labels": wanted[20:].argmax(axis=1), "wanted": wanted[20:]}
    pixel_arrays = {"calibration_pixels": pixels[:20], "test_pixels": pixels[20:]}
    np.savez(tmp_path / "samples.npz", **arrays, **pixel_arrays)
    settings = {"preprocess": "unit", "weight_scales": "per-channel", "seed": 0, "epochs": 1}
    job = {**written, **settings, "samples": str(tmp_path / "samples.npz")}
    for tool in ("converter_ptq", "edgeswap_ptq"):
        cell = run(job, TOOLS[tool], tmp_path / f"{tool}.tflite", tmp_path)
        assert cell.failure is None
        assert cell.figures is not None
        assert cell.figures.full_integer
        # Steps of 1/255 of the output's range: 25 dB would be a dozen of them.
        assert cell.figures.snr_db is not None
        assert cell.figures.snr_db > 25
    missing = run({**job, "keras": "nothing.keras"}, TOOLS["converter_ptq"], tmp_path / "none.tflite", tmp_path)
    assert missing.failure is not None
    assert "nothing.keras" in missing.failure
