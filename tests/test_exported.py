"""What `commands.export.export` gives to Python: the models that the report speaks of, written or not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeswap.commands.export import export
from edgeswap.config.export import export_config
from edgeswap.progress import Silent
from edgeswap.records import Caution, ExportReport
from edgeswap.report import wording as say
from edgeswap.report.export_result import ExportResult
from tests.models import classifier, digits
from tests.test_report import hostile, ptq, qat, several


def run_tflite(tflite_model: bytes, *inputs: np.ndarray) -> np.ndarray:
    """The int8 outputs (N, C) of a full-integer model for float32 inputs, one sample at a time."""
    interpreter = Interpreter(model_content=tflite_model)
    interpreter.allocate_tensors()
    (output,) = interpreter.get_output_details()
    found = []
    for sample in zip(*inputs, strict=True):
        for array, detail in zip(sample, interpreter.get_input_details(), strict=True):
            scale, zero_point = detail["quantization"]
            steps = np.clip(np.round(array / scale) + zero_point, -128, 127).astype(np.int8)
            interpreter.set_tensor(detail["index"], steps[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"])[0])
    return np.stack(found)


@pytest.mark.slow
def test_without_an_output_nothing_is_written_and_all_models_are_given(place, tiny):
    settings = {"data": tiny / "train.npz", "test_data": tiny / "test.npz", "preprocess": "unit"}
    trained = {"activation": "relu6", "recover_epochs": 1, "epochs": 1, "target": "host"}
    config = export_config({"model": str(tiny / "tiny.keras"), **settings, **trained})
    result = export(config.model_copy(update={"output": None}))
    assert result.folder is None
    assert list(place.iterdir()) == []
    assert not list(Path(tempfile.gettempdir()).glob("edgeswap-scratch-*"))
    pixels, labels = digits("test")
    images = (pixels / 255).astype(np.float32)

    def top1(outputs):
        return float(np.mean(np.asarray(outputs).argmax(axis=1) == labels))

    assert top1(result.float_model(images)) == result.report.float32_recovered.quality.value
    assert "ReLU" in [type(layer).__name__ for layer in result.float_model.layers]
    int8 = run_tflite(result.tflite, images)
    assert len(result.tflite) == result.report.int8.size_bytes
    # A tie in int8 may fall either way.
    assert abs(top1(int8) - result.report.int8.quality.value) <= 1 / len(labels)
    simulated = np.asarray(result.qat_model(images))
    assert np.mean(simulated.argmax(axis=1) == int8.argmax(axis=1)) > 0.95


@pytest.mark.slow
def test_with_an_output_the_folder_holds_the_bytes_that_are_given(place):
    from edgeswap.frameworks import tf_keras

    model = classifier(tf_keras, rescaling=True)
    x, y = digits("train")
    config = export_config({"model": model, "data": (x, y), "preprocess": "raw", "method": "ptq", "output": "made"})
    result = export(config)
    assert result.folder == Path("made")
    assert (result.folder / "model_int8.tflite").read_bytes() == result.tflite
    assert result.qat_model is None
    given = x.astype(np.float32)
    # Nothing was swapped, so it is the model as it was given; layer by layer, the same arithmetic.
    np.testing.assert_allclose(result.float_model(given), model(given), atol=1e-5)


class Titles(Silent):
    """Keeps the title of every step."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def step(self, title: str, total: int | None = None) -> Any:
        self.titles.append(title)
        return super().step(title, total)


@pytest.mark.slow
@pytest.mark.rare  # two orders of the same steps
def test_a_large_network_is_converted_to_float32_before_it_is_calibrated_to_the_same_files(place, tiny, monkeypatch):
    from edgeswap.commands import from_scratch

    data = {"data": tiny / "train.npz", "preprocess": "unit", "method": "ptq", "cache": False}
    config = export_config({"model": str(tiny / "tiny.keras"), **data, "measure": False})
    files, orders = [], []
    for large in (from_scratch.LARGE_BYTES, 0):
        monkeypatch.setattr(from_scratch, "LARGE_BYTES", large)
        told = Titles()
        export(config.model_copy(update={"output": Path(f"out{large}")}), progress=told)
        files.append([path.read_bytes() for path in sorted(Path(f"out{large}").glob("*.tflite"))])
        orders.append(told.titles.index("Convert to float32") < told.titles.index("Calibrate"))
    assert files[0] == files[1]
    assert len(files[0]) == 2
    assert orders == [False, True]


class Page(HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(report: ExportReport, folder: Path | None = None) -> ExportResult:
    return ExportResult(report, object(), None, b"", folder)


def test_a_notebook_s_cell_shows_the_figures_and_loads_nothing():
    caution = Caution(kind="near_chance", problem="Expected <more>.", remedy="Train longer.")
    report = several().model_copy(update={"warnings": [caution]})
    page = Page(shown(report, Path("out/<b>"))._repr_html_())
    assert set(page.tags) <= {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code"}
    assert page.attributes <= {"style", "scope"}
    for text in ("97.8\u00a0%", "97.6\u00a0%", "312.4\u00a0kB", "94.1\u00a0kB", "Expected <more>.", "out/<b>"):
        assert text in page.text
    for target in report.targets:
        assert say.label(report, target) in page.text
    assert page.tags.count("tr") == 3
    assert 'output="out"' in Page(shown(report)._repr_html_()).text


def test_a_cell_without_labels_shows_agreement():
    page = Page(shown(ptq())._repr_html_())
    assert "agreement" in page.text
    assert "top-1" not in page.text.partition("model")[2]


def test_the_repr_is_two_lines():
    verdict, where = repr(shown(qat(), Path("out"))).splitlines()
    assert verdict.startswith("ExportResult of digits_mobilenet: Passed")
    assert where == "Files: 'out'; all figures: .report"
    assert "Nothing was written" in repr(shown(qat()))
    assert "\x1b" not in repr(shown(hostile(), Path("\x1b[2J")))


@pytest.mark.slow
def test_the_result_s_class_is_there_without_tensorflow():
    code = "import sys; from edgeswap.report.export_result import ExportResult; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
