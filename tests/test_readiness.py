"""`edgeswap target list`: what is ready here, what is missing and what mends it; at once, without TensorFlow."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from edgeswap.errors import TargetError
from edgeswap.targets import host, readiness
from edgeswap.targets.edgetpu import installed as coral
from edgeswap.targets.emulator import root as emulator_root
from edgeswap.targets.emulator import target as emulator
from edgeswap.targets.ethos_u import installed as vela
from edgeswap.targets.ethos_u.installed import ACCELERATORS
from edgeswap.targets.micro import installed as micro
from edgeswap.targets.registry import EMULATORS
from edgeswap.targets.ssh import installed as ssh_tools

COMMAND = str(Path(sysconfig.get_path("scripts")) / "edgeswap")
START_UPS = 3  # of `edgeswap --help`, side by side; it was 1.9


@pytest.fixture
def bare(monkeypatch):
    """A machine that lacks everything."""
    monkeypatch.setattr(host, "RUNTIMES", ("a-runtime-of-nobody",))
    tools = {
        ssh_tools: ["ssh"],
        emulator_root: ["qemu", "mmdebstrap"],
        micro: ["micro"],
        vela: ["vela"],
        coral: ["compiler"],
    }
    for module, names in tools.items():
        sentences = [f"There is no {name}: apt install {name}" for name in names]
        monkeypatch.setattr(module, "missing", lambda sentences=sentences: sentences)


def test_every_target_is_listed_with_what_it_lacks(bare):
    found = {entry.name: entry for entry in readiness.readiness()}
    assert list(found) == ["host", "ssh://user@board", *EMULATORS, "micro", *ACCELERATORS, "--delegate edgetpu"]
    assert found["host"].missing == ("No TFLite runtime is installed: pip install ai-edge-litert",)
    assert found["emulator:pi4"].missing == ("There is no qemu: apt install qemu", *found["emulator:pi4"].missing[1:])
    assert len(found["emulator:pi4"].missing) == 2


@pytest.mark.parametrize("name", ["host", "ssh://pi@board", "emulator:pi5", "micro", "ethos-u55-128"])
def test_a_target_that_lacks_something_is_refused_with_what_mends_it(name, bare):
    with pytest.raises(TargetError, match=f"{name}: expected its tools on this machine, got: .*install"):
        readiness.require_ready([name])


def test_the_list_for_people_and_for_programs(bare, place, capsys):
    from edgeswap.cli.main import run

    assert run(["target", "list"]) == 0
    shown = capsys.readouterr().out
    assert "needs  emulator:pi3, emulator:pi4, emulator:pi5\n" in shown
    assert "       - There is no mmdebstrap: apt install mmdebstrap\n" in shown
    assert run(["target", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in entries if entry["ready"]} == set()
    assert entries[0]["missing"] == ["No TFLite runtime is installed: pip install ai-edge-litert"]


def test_the_host_is_ready_here():
    readiness.require_ready(["host"])
    assert "ai-edge-litert 2." in readiness.readiness()[0].about


@pytest.mark.slow
def test_it_answers_at_once():
    def cpu_s(*words):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([COMMAND, *words], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    turns = [(cpu_s("target", "list"), cpu_s("--help")) for _ in range(5)]
    listed, helped = map(min, zip(*turns, strict=True))
    assert listed < START_UPS * helped


def test_it_imports_nothing_that_takes_long():
    code = "import sys; from edgeswap.cli.main import run; run(['target', 'list']); print('\\n', *sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    slow = {"tensorflow", "keras", "tf_keras", "numpy", "scipy", "pydantic", "importlib.metadata"}
    assert not slow & set(ran.stdout.splitlines()[-1].split())


def test_what_there_is_to_build(place, capsys, monkeypatch):
    from edgeswap.cli.main import run

    monkeypatch.setattr(emulator, "build", lambda progress: Path("/somewhere"))
    assert run(["target", "build"]) == 0
    assert capsys.readouterr().out == "emulator ready in /somewhere\n"
    assert run(["target", "build", "moon"]) == 2
    assert "'moon' is not 'emulator'" in capsys.readouterr().err
