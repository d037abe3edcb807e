"""Measurements of this machine from the store: only what was not disturbed, and said to be old."""

from __future__ import annotations

import inspect

import pytest

from edgeswap.errors import TargetError
from edgeswap.progress import Silent
from edgeswap.store import keys, remembered
from edgeswap.store.digest import digest
from edgeswap.store.remembered import Remembered
from edgeswap.store.run_store import NO_STORE, RunStore
from edgeswap.targets.host import Host
from tests.moody_targets import Moody


class Fake:
    name = "host"

    def __init__(self, warnings=(), latency=None):
        self.asked = 0
        self.warnings, self.latency = warnings, latency

    def run(self, files, arguments, *, progress, brings=None):
        self.asked += 1
        if self.latency == "fails":
            raise TargetError("no", "yes")
        for path in brings.values():
            path.write_bytes(b"outputs")
        warnings = [{"name": name, "seen": [], "advice": ""} for name in self.warnings]
        models = [{"latency_ms": self.latency}, {"latency_ms": self.latency}]
        return {"created": "2026-11-29T14:00:00+00:00", "models": models, "warnings": warnings}


@pytest.fixture
def ask(tmp_path):
    """Asks a target by way of the store: its answer, and the file that it brought."""

    def asked(target, content=b"model", arguments=("model0.tflite", "--threads", "1")):
        model, outputs = tmp_path / "model.tflite", tmp_path / "outputs.npz"
        model.write_bytes(content)
        outputs.unlink(missing_ok=True)
        store = RunStore(tmp_path / "store", 10**9, [], Silent())
        answer = Remembered(target, store).run(
            {"model0.tflite": model}, list(arguments), progress=Silent(), brings={"outputs.npz": outputs}
        )
        return answer, outputs.read_bytes()

    return asked


def test_a_measurement_is_made_once_and_says_that_it_is_old(ask):
    target = Fake(latency={"p50": 1.0})
    fresh, _ = ask(target)
    assert fresh["warnings"] == []
    answer, outputs = ask(target)
    assert target.asked == 1
    assert outputs == b"outputs"
    (warning,) = answer["warnings"]
    assert warning["name"] == "measured-earlier"
    assert "2026-11-29T14:00:00+00:00" in warning["seen"][0]["detail"]
    assert "--no-cache" in warning["advice"]
    assert {**answer, "warnings": []} == fresh


def test_without_times_there_is_nothing_to_say(ask):
    target = Fake()
    ask(target)
    assert ask(target)[0]["warnings"] == []
    assert target.asked == 1


@pytest.mark.parametrize("changed", [{"content": b"other"}, {"arguments": ("model0.tflite", "--threads", "2")}])
def test_another_model_or_setting_is_measured(changed, ask):
    target = Fake()
    ask(target)
    ask(target, **changed)
    assert target.asked == 2


def test_another_state_of_the_machine_is_measured(ask, monkeypatch):
    target = Fake()
    ask(target)
    monkeypatch.setattr(remembered, "_state", lambda: {"kernel": "another"})
    ask(target)
    assert target.asked == 2


@pytest.mark.parametrize("warning", sorted(remembered.DISTURBED))
def test_a_disturbed_measurement_is_made_again(warning, ask):
    target = Fake([warning])
    ask(target)
    ask(target)
    assert target.asked == 2


def test_a_failure_is_not_kept(ask):
    target = Fake(latency="fails")
    for asked in (1, 2):
        with pytest.raises(TargetError):
            ask(target)
        assert target.asked == asked


def test_the_warnings_are_those_of_the_device_script():
    from edgeswap.system import shipped

    script = shipped.path("deploy/benchmark.py").read_text()
    assert all(f'"{name}"' in script for name in remembered.DISTURBED)


def test_only_this_machine_is_remembered(tmp_path):
    assert isinstance(remembered.remembered(Host(), None, NO_STORE), Remembered)
    assert isinstance(remembered.remembered(Host(), "xnnpack", NO_STORE), Remembered)
    for target, delegate in ((Host(), "edgetpu"), (Host(), "/lib/mine.so"), (Moody("ssh://pi@board", tmp_path), None)):
        assert remembered.remembered(target, delegate, NO_STORE) is target


def test_every_input_of_a_measurement_is_in_its_key():
    given = {"target": "host", "files": {"a": "1"}, "arguments": ["a"], "script": "s", "state": {"kernel": "6"}}
    others = {"target": "pi", "files": {"a": "2"}, "arguments": ["b"], "script": "t", "state": {"kernel": "7"}}
    assert set(given) == set(inspect.signature(keys.measurement).parameters)
    found = {digest(keys.measurement(**{**given, name: value}).parts) for name, value in others.items()}
    assert len(found | {digest(keys.measurement(**given).parts)}) == 6
