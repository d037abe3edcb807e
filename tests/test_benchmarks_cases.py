"""The expectations on shared cases: each can fail, and says what came instead."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.cases.__main__ import BROKEN, section
from benchmarks.cases.expect import (
    Expectation,
    Outcome,
    code,
    either,
    exists,
    figure,
    in_zip,
    labels,
    never_says,
    no_line_above,
    says,
    warned,
)
from benchmarks.cases.right import RIGHT
from benchmarks.cases.run import Verdict, store, stored

TOP1 = "float32.quality.value"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    warnings = [{"kind": "input-scale", "problem": "One scale serves all features.", "remedy": "Scale them."}]
    report = {"float32": {"quality": {"value": 0.98}}, "int8": {"quality": None}, "warnings": warnings}
    (out / "report.json").write_text(json.dumps(report))
    with zipfile.ZipFile(out / "bundle.zip", "w") as archive:
        archive.writestr("labels.txt", "0\n1\n10\n")
        archive.writestr("MODEL_CARD.md", "# Card\nThe test samples were not used by edgeswap.\n")
    return tmp_path


@pytest.mark.parametrize(
    ("expectation", "instead"),
    [
        (code(0, 1), None),
        (code(3), "exit 1: error: Expected a zip, got none."),
        (says("expected a ZIP"), None),
        (says("a folder"), "does not say it, but: error: Expected a zip, got none."),
        (never_says("folder"), None),
        (never_says("got none"), "says `got none`"),
        (figure(TOP1, at_least=0.97), None),
        (figure(TOP1, at_least=0.99), f"{TOP1} is 0.98"),
        (figure(TOP1, at_most=0.9), f"{TOP1} is 0.98"),
        (figure("int8.quality.value", at_least=0.5), "int8.quality.value is None"),
        (figure(TOP1, at_least=0.5, out="other"), "no report"),
        (warned("all features"), None),
        (warned("a fifth"), "warnings: input-scale"),
        (in_zip("out/bundle.zip", "MODEL_CARD.md", "by edgeswap"), None),
        (in_zip("out/bundle.zip", "labels.txt", "cat"), "labels.txt: '0\\n1\\n10\\n'"),
        (in_zip("out/bundle.zip", "model.json", "x"), "out/bundle.zip holds no model.json"),
        (labels("0", "1", "10"), None),
        (labels("0", "1", "2"), "labels ['0', '1', '10']"),
        (exists("out/report.json"), None),
        (exists("out/model_qat.zip"), "no out/model_qat.zip"),
        (either(code(0), says("zip")), None),
        (either(code(0), exists("other")), "exit 1: error: Expected a zip, got none.; no other"),
        (no_line_above(1e-3, r"maxdiff (\S+)"), "1 of 2 above: b maxdiff nan"),
        (no_line_above(1e-3, r"a maxdiff (\S+)"), None),
    ],
)  # fmt: skip
def test_an_expectation_holds_or_says_what_came(folder: Path, expectation: Expectation, instead: str | None) -> None:
    said = "a maxdiff 1e-7\nb maxdiff nan\nerror: Expected a\nzip, got none.\n".replace("a\nzip", "a zip")
    assert expectation.failure(Outcome(1, said, folder)) == instead
    assert expectation.right


def test_every_shared_case_has_what_is_right(shared: Path) -> None:
    cases = {path.name for path in (shared / "cases").iterdir() if path.is_dir()}
    assert cases == set(RIGHT)
    assert all(right.needs in (None, *cases) for right in RIGHT.values())


def test_verdicts_are_kept_and_shown(tmp_path: Path) -> None:
    held = Verdict("argmax", "edgeswap check model.h5", ["exit 0"], [])
    wrong = Verdict("gru", "edgeswap check model.h5", ["exit 3"], ["exit 1: a|b"])
    broken = Verdict(BROKEN, "check hang.h5", ["exit 0 to 3"], [], file="hang.h5")
    store(tmp_path / "verdicts.json", {"argmax": [held], "gru": [wrong], BROKEN: [broken]})
    assert stored(tmp_path / "verdicts.json")["gru"] == [wrong]
    assert stored(tmp_path / "none.json") == {}
    text = section([held, wrong, broken])
    assert "| argmax | `edgeswap check model.h5` | exit 0 | that | right |" in text
    assert "| gru | `edgeswap check model.h5` | exit 3 | exit 1: a\\|b | **wrong** |" in text
    assert "2 of 3 commands are right." in text


def test_the_least_figure_of_a_list(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    outputs = [{"snr_db": 40.0}, {"snr_db": None}, {"snr_db": 30.0}]
    (tmp_path / "out" / "report.json").write_text(json.dumps({"comparison": {"outputs": outputs}}))
    outcome = Outcome(0, "", tmp_path)
    assert figure("comparison.outputs.*.snr_db", at_least=30.0).failure(outcome) is None
    assert figure("comparison.outputs.*.snr_db", at_least=31.0).failure(outcome) is not None
