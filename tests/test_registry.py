"""A row of the registry alone makes a target known everywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edgeswap.cli.main import run
from edgeswap.compatibility.backends import estimated
from edgeswap.config.export import export_config
from edgeswap.errors import ConfigError, TargetError
from edgeswap.targets import registry
from edgeswap.targets.measure_all import measure_all
from edgeswap.targets.names import backend_of, lowered_for, open_targets, require_known, require_usable, runs_models
from edgeswap.targets.readiness import require_ready
from edgeswap.targets.registry import KINDS, TargetKind, kind_of
from tests.moody_targets import Moody, answer
from tests.tiny_tflite import classifier


@pytest.fixture
def abacus(place, monkeypatch):
    """A target of the test's own, registered for as long as the test runs."""
    answer(place)
    lacking: list[str] = []
    row = TargetKind(
        ("abacus",),
        about=lambda: "beads on wires",
        missing=lambda: lacking,
        open=lambda name, keep: [Moody(name, place, "follows", ("host", "emulator:pi4"))],
        backend=estimated,
        measures="instructions",
        line="emulated",
        lowered_for="ethos-u",
    )
    monkeypatch.setattr(registry, "KINDS", (*KINDS, row))
    return lacking


def test_it_is_listed_with_what_it_lacks(abacus, capsys):
    abacus.append("There are no beads: apt install beads")
    assert run(["target", "list", "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["abacus"] == {"name": "abacus", "about": "beads on wires", "missing": abacus, "ready": False}
    with pytest.raises(TargetError, match="abacus: expected its tools on this machine, got: There are no beads"):
        require_ready(["abacus"])


def test_names_that_are_close_and_known_lists_have_it(abacus):
    for refuse in (require_known, backend_of):
        with pytest.raises(ConfigError, match="abacos") as raised:
            refuse("abacos")
        assert "abacus" in raised.value.remedy


def test_its_row_says_what_can_be_asked_of_it(abacus):
    require_usable(["abacus"], None)
    assert runs_models("abacus")
    assert lowered_for(["abacus", "host"]) == "ethos-u"
    assert [target.name for target in open_targets(["host", "abacus"])] == ["host", "abacus"]
    with pytest.raises(ConfigError, match="for --delegate edgetpu, got abacus, which has no such device"):
        require_usable(["abacus"], "edgetpu")
    with pytest.raises(ConfigError, match="measures time for --max-latency-ms, got abacus"):
        export_config({"target": "abacus", "max_latency_ms": 3})


def test_it_is_measured_in_its_line(abacus, place):
    (own,) = open_targets(["abacus"])
    targets = [Moody("emulator:pi4", place, "follows", ("host",)), own, Moody("host", place)]
    outcome = measure_all(targets, [None, None], None, preprocess=None)
    assert [result.name for result in outcome.measured] == ["emulator:pi4", "abacus", "host"]


def test_bench_and_check_take_it(abacus, place, capsys):
    classifier(place / "float.tflite", np.ones((3, 16), np.int64), (4, 4, 1))
    classifier(place / "int8.tflite", np.ones((3, 16), np.int64), (4, 4, 1), scale=1 / 255)
    for name in ("host", "emulator:pi4"):
        (place / f"{name}.ended").touch()
    assert run(["bench", "float.tflite", "int8.tflite", "--target", "abacus", "--json"]) == 0
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert (target["name"], target["machine"]) == ("abacus", "board of abacus")
    assert run(["check", "int8.tflite", "--target", "abacus", "--json"]) in (0, 3)
    assert json.loads(capsys.readouterr().out)["targets"][0]["target"] == "abacus"


def test_what_is_for_check_alone_is_no_target_elsewhere():
    for name in ("mobile", "coral"):
        assert backend_of(name).name == name
        with pytest.raises(ConfigError, match="Expected a target that edgeswap has"):
            require_known(name)


def test_no_two_rows_share_a_name():
    for kind in KINDS:
        assert {kind_of(name) for name in kind.names} == {kind}
