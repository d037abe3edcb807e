"""Sweeps: which candidates there are, which of them are worth a look, and that a stopped sweep goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.commands import sweep as sweep_module
from edgeswap.commands.sweep_runs import is_made, made_file, made_from, run_all
from edgeswap.commands.sweep_trials import Trials
from edgeswap.config.export import export_config
from edgeswap.config.sweep import MOST_CANDIDATES, Planned, plan, values_of
from edgeswap.errors import ConfigError, notes
from edgeswap.evaluation.hopeless import Limits, hopeless
from edgeswap.evaluation.pareto import front
from edgeswap.evaluation.sweep_pick import picked
from edgeswap.progress import Silent
from edgeswap.records import Latency, Limit, StageQuality, SweepCandidate, SweepFigures, SweepReport
from edgeswap.report.sweep_plot import sweep_plot
from edgeswap.report.swept import speed_title, verdict
from edgeswap.system.interruption import Interrupted
from tests.test_report import qat, quality

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


def test_on_a_microcontroller_the_pick_is_the_smallest_in_memory_and_the_report_says_so() -> None:
    def taking(name: str, drop: float, arena: int) -> SweepCandidate:
        figures = SweepFigures(quality=quality(90, 100), size_bytes=1000, latency_ms=None, arena_bytes=arena)
        return candidate(name, drop, 1.0, limit).model_copy(update={"int8": figures})

    limit = Limit(name="max_arena", limit=9000, value=3000, passed=True)
    both = [taking("near", 0.1, 4000), taking("lean", 0.9, 3000)]
    assert picked(both) == "lean"
    report = SweepReport(
        edgeswap="0.1.0",
        created="2026-11-30T12:00:00+00:00",
        command=[],
        model="m.keras",
        target="micro",
        axes={"activation": ["relu6", "relu"]},
        float32=None,
        candidates=both,
        pick="lean",
        passed=True,
    )
    assert "Take lean, the smallest in memory that holds every limit" in verdict(report)
    assert speed_title(report) == "arena on micro"
    plot = sweep_plot(report)
    assert plot is not None
    assert "against what it takes" in plot


LARGE = {
    "activation": ["relu6", "hard_swish", "relu", "elu"],
    "method": ["ptq", "qat"],
    "ranges": ["fixed", "observed", "learned"],
    "dense_scales": ["per-channel", "per-tensor"],
}


@pytest.mark.slow
def test_trials_lead_to_the_best_of_a_large_grid_and_are_the_same_again() -> None:
    pytest.importorskip("optuna")
    possible = [one for one in plan(LARGE, DATA, trials=16) if one.problem is None]
    assert len(possible) == 40  # ranges learned need QAT

    def cost(one: Planned) -> tuple[float, int]:
        """Depends on the activation above all, as it does in life."""
        return LARGE["activation"].index(one.varied["activation"]) + (one.varied["method"] == "ptq") / 2, 1000

    def tried() -> list[Planned]:
        trials, found = Trials(LARGE, possible, 0), []
        for _ in range(4):
            some = trials.ask(4)
            assert len(some) == 4
            trials.tell({one.name: None if one.varied["activation"] == "elu" else cost(one) for one in some})
            found += some
        return found

    found = tried()
    assert len({one.name for one in found}) == 16
    assert [one.name for one in tried()] == [one.name for one in found]
    assert any(cost(one)[0] == 0 for one in found)
    # Of 40 there are 10 of each activation: blindly a quarter of the later ones would have the best.
    assert sum(one.varied["activation"] == "relu6" for one in found[8:]) >= 3


def test_trials_end_with_the_grid() -> None:
    pytest.importorskip("optuna")
    possible = plan({"activation": ["relu6", "relu"], "method": ["ptq"]}, DATA)
    trials = Trials({"activation": ["relu6", "relu"], "method": ["ptq"]}, possible, 0)
    assert {one.name for one in trials.ask(5)} == {"relu6_ptq", "relu_ptq"}
    assert trials.ask(5) == []


def test_trials_may_choose_of_more_than_a_full_grid_may_have() -> None:
    axes = {"activation": [f"relu_n(max_value={number + 1})" for number in range(110)], "method": ["ptq", "qat"]}
    with pytest.raises(ConfigError, match="Pass --trials N to try some of them"):
        plan(axes, DATA)
    assert len(plan(axes, DATA, trials=5)) == 220


NONE = Limits(None, None, None, None)


@pytest.mark.parametrize(
    ("limits", "trains", "why"),
    [
        (NONE, True, None),
        (Limits(None, None, 1000, None), True, "whose file has"),
        (Limits(None, None, 10**9, None), True, None),
        (Limits(None, 1e-6, None, None), True, "which took"),
        (Limits(None, 1e6, None, None), True, None),
        (Limits(1.0, None, None, None), False, "loses at least 14.62 before int8"),
        (Limits(1.0, None, None, None), True, None),  # QAT may make up for it
        (Limits(15.0, None, None, None), False, None),
    ],
)
def test_what_cannot_hold_a_limit_is_told_by_what_has_the_same_graph_or_float_model(
    limits: Limits, trains: bool, why: str | None
) -> None:
    given = qat()
    assert given.float32.quality.value == pytest.approx(0.978, abs=5e-4)  # the upper end of 432 of 540 is 83.2 %
    report = given.model_copy(update={"float32_recovered": StageQuality(quality=quality(432))})
    found = hopeless(limits, same_graph=[("relu6_ptq", report)], same_float=[("relu6_ptq", report)], trains=trains)
    if why is None:
        assert found is None
    else:
        assert found is not None
        assert "relu6_ptq" in found
        assert why in found


class Ended:
    """An export that has ended at once, with its report."""

    def ended(self) -> int:
        return 0

    def stop(self) -> None: ...


class Exports:
    """A place whose exports end at once."""

    jobs, one_store = 4, False

    def __init__(self, folder: Path) -> None:
        self.folder, self.begun = folder, []

    def start(self, name: str, flags: list[str]) -> Ended:
        self.begun.append(name)
        (self.folder / name).mkdir()
        (self.folder / name / "report.json").touch()
        return Ended()


def test_what_trains_waits_for_its_graph_and_is_not_begun_if_that_is_hopeless(tmp_path: Path) -> None:
    planned = plan({"activation": ["relu6", "relu"], "method": ["qat", "ptq"]}, DATA)
    asked: list[tuple[str, list[str]]] = []

    def stops(one: Planned, done: list[str]) -> str | None:
        asked.append((one.name, sorted(done)))
        return "too large" if one.name == "relu_qat" else None

    place = Exports(tmp_path)
    flags = {one.name: [] for one in planned}
    ran = run_all(planned, flags, tmp_path, place=place, stops=stops, progress=Silent())
    assert place.begun == ["relu6_ptq", "relu_ptq", "relu6_qat"]
    assert asked[2:] == [("relu6_qat", ["relu6_ptq", "relu_ptq"]), ("relu_qat", ["relu6_ptq", "relu_ptq"])]
    assert ran["relu_qat"].stopped
    assert ran["relu_qat"].problem == "too large"
    again = Exports(tmp_path)
    assert run_all(planned, flags, tmp_path, place=again, stops=stops, progress=Silent())["relu_qat"].stopped
    assert again.begun == []


def test_an_interrupted_sweep_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(sweep_module, "run_all", interrupted)
    config = export_config({"model": "m.keras", "data": "d.npz", "method": "ptq"})
    planned = plan({"method": ["ptq"]}, DATA)
    asked = sweep_module.Sweep(config=config, axes={"method": ["ptq"]}, planned=planned, flags=[], folder=tmp_path)
    with pytest.raises(Interrupted) as caught:
        sweep_module.sweep(asked)
    assert notes(caught.value) == [
        f"What is exported already stays in {tmp_path}; the same command goes on from there."
    ]
