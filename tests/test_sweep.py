"""Sweeps: which candidates there are, which of them are worth a look, and that a stopped sweep goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.commands.sweep_runs import is_made, made_file, made_from
from edgeswap.config.sweep import MOST_CANDIDATES, Planned, plan, values_of
from edgeswap.errors import ConfigError
from edgeswap.evaluation.pareto import front
from edgeswap.evaluation.sweep_pick import picked
from edgeswap.records import Latency, Limit, SweepCandidate, SweepFigures
from tests.test_report import quality

FIGURES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)
DATA = {"model": "m.keras", "data": "d.npz"}


def test_values_end_at_commas_outside_of_brackets() -> None:
    assert values_of("activation", "-, clipped_elu(alpha=1,max_value=6),relu6") == [
        "-",
        "clipped_elu(alpha=1,max_value=6)",
        "relu6",
    ]
    for wrong in ("relu6,,swish", "relu6,relu6", ""):
        with pytest.raises(ConfigError, match="each once"):
            values_of("activation", wrong)


def test_every_combination_is_planned_and_what_cannot_be_is_told() -> None:
    axes = {"method": ["ptq", "qat"], "activation": ["-", "relu6"], "ranges": ["auto", "learned"]}
    found = plan(axes, DATA)
    assert [one.name for one in found][:3] == ["none_ptq_auto", "none_ptq_learned", "none_qat_auto"]
    assert len(found) == 8
    assert {one.name for one in found if one.problem} == {"none_ptq_learned", "relu6_ptq_learned"}
    assert all("--method qat" in one.problem for one in found if one.problem)
    assert "activation" not in found[0].settings
    assert {one.float_part for one in found} == {("-", "-"), ("relu6", "-")}


def test_folders_have_names_of_their_own() -> None:
    found = plan({"swap": ["swish=relu6", "swish-relu6=relu6"], "method": ["ptq"]}, DATA)
    assert [one.name for one in found] == ["swish-relu6_ptq", "swish-relu6-relu6_ptq"]
    found = plan({"swap": ["a*=relu6", "a?=relu6"], "method": ["ptq"]}, DATA)
    assert [one.name for one in found] == ["a-relu6_ptq", "a-relu6_ptq_2"]


def test_a_sweep_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="--method qat for --ranges learned"):
        plan({"method": ["ptq"], "ranges": ["learned"]}, DATA)
    with pytest.raises(ConfigError, match=f"at most {MOST_CANDIDATES} candidates, got 220"):
        plan({"activation": [str(number) for number in range(110)], "method": ["ptq", "qat"]}, DATA)


@given(FIGURES)
def test_the_front_is_what_nobody_beats(figures: list[tuple[int, int, int]]) -> None:
    found = front(figures)
    assert any(found)  # the lowest sum is beaten by nobody
    for one, on_front in zip(figures, found, strict=True):
        beaten = [
            other
            for other in figures
            if other != one and all(theirs <= mine for theirs, mine in zip(other, one, strict=True))
        ]
        assert on_front == (not beaten)


def test_what_is_there_is_kept_only_of_the_same_settings_and_files(tmp_path: Path) -> None:
    data = tmp_path / "d.npz"
    data.write_bytes(b"some")
    one = Planned("relu6", {"activation": "relu6"}, {"model": "m.keras", "data": str(data)})
    for folder in ("logs", "relu6"):
        (tmp_path / folder).mkdir()
    (tmp_path / "relu6" / "report.json").touch()
    made_file(tmp_path, "relu6").write_text(json.dumps(made_from(["--data", str(data)], one.settings)))
    assert is_made(one, ["--data", str(data)], tmp_path)
    assert not is_made(one, ["--data", str(data), "--seed", "1"], tmp_path)
    data.write_bytes(b"other samples")
    assert not is_made(one, ["--data", str(data)], tmp_path)
    data.write_bytes(b"some")
    made_file(tmp_path, "relu6").write_text(json.dumps(made_from([], one.settings)))
    (tmp_path / "relu6" / "report.json").unlink()  # killed while it wrote
    assert not is_made(one, [], tmp_path)


def candidate(name: str, drop: float, p50: float, *limits: Limit) -> SweepCandidate:
    latency = Latency(p50=p50, p90=p50, p99=p50, mean=p50, runs=100, threads=1)
    figures = SweepFigures(quality=quality(90, 100), size_bytes=1000, latency_ms=latency)
    passed = all(limit.passed for limit in limits)
    return SweepCandidate(
        name=name, settings={}, status="done", int8=figures, drop=drop, limits=list(limits), passed=passed
    )


def test_the_pick_is_the_fastest_within_limits_or_what_loses_least() -> None:
    holds, missed = (Limit(name="max_drop", limit=1, value=0, passed=passed) for passed in (True, False))
    assert picked([candidate("near", 0.1, 2.0), candidate("fast", 0.9, 1.0)]) == "near"
    assert picked([candidate("near", 0.1, 2.0, holds), candidate("fast", 0.9, 1.0, holds)]) == "fast"
    assert picked([candidate("near", 0.1, 2.0, holds), candidate("fast", 2.0, 1.0, missed)]) == "near"
    assert picked([candidate("fast", 2.0, 1.0, missed)]) is None
