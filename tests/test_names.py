"""What --target may name."""

from __future__ import annotations

import pytest

from edgeswap.errors import ConfigError
from edgeswap.targets.ethos_u.installed import ACCELERATORS
from edgeswap.targets.names import backend_of, lowered_for, open_targets, require_known, require_usable
from edgeswap.targets.registry import EMULATORS
from edgeswap.targets.ssh.target import Ssh


@pytest.mark.parametrize("name", ["host", *EMULATORS, *ACCELERATORS, "ssh://pi@board", "ssh://pi@board:2222"])
def test_names_that_there_are(name):
    require_known(name)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("hots", "host"),
        ("emulator:pi6", "emulator:pi"),
        ("emulator-pi5", "emulator:pi5"),
        ("Emulator:Pi4", "emulator:pi4"),
        ("ethos-u55-127", "ethos-u55-128"),
        ("ethos_u65_512", "ethos-u65-512"),
        ("sssh://user@board", "ssh://user@board"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_closest(name, close):
    with pytest.raises(ConfigError, match="Expected a target that edgeswap has") as raised:
        require_known(name)
    assert f"Did you mean '{close}" in raised.value.remedy


def test_a_misspelt_name_is_answered_by_check_too():
    with pytest.raises(ConfigError, match="can check for, got 'micr'") as raised:
        backend_of("micr")
    assert raised.value.remedy.startswith("Did you mean 'micro'? Known are: host, ")


def test_a_name_like_none_gets_the_known_ones():
    with pytest.raises(ConfigError) as raised:
        require_known("moon")
    assert "Did you mean" not in raised.value.remedy
    for known in ("host", "ssh://user@board[:port]", "emulator:pi3", "ethos-u55-128", "edgeswap target list"):
        assert known in raised.value.remedy


@pytest.mark.parametrize("name", ["ssh://", "ssh://pi@board:many", "ssh://pi@board/home"])
def test_a_malformed_address(name):
    with pytest.raises(ConfigError):
        require_known(name)


@pytest.mark.parametrize(
    ("targets", "delegate", "problem"),
    [
        ((), None, "each target once"),
        (("host", "host"), None, "each target once"),
        (("host", "moon"), None, "got 'moon'"),
        (("ethos-u55-128",), None, "a target that runs the models beside ethos-u55-128"),
        (("host", "emulator:pi5"), "edgetpu", "got emulator:pi5, which has no such device"),
        (("emulator:pi5",), "./libmine.so", "got emulator:pi5"),
    ],
)
def test_what_cannot_be_meant_together(targets, delegate, problem):
    with pytest.raises(ConfigError, match=problem):
        require_usable(targets, delegate)


@pytest.mark.parametrize("delegate", [None, "xnnpack", "none"])
def test_delegates_of_the_runtimes_run_anywhere(delegate):
    require_usable(("emulator:pi3", "host"), delegate)


def test_targets_in_their_order_an_emulated_pi_once_for_each_runtime():
    opened = open_targets(["ssh://pi@board:2222", "ethos-u55-128", "emulator:pi4", "host"], keep=True)
    assert [target.name for target in opened] == ["ssh://pi@board:2222", "emulator:pi4", "emulator:pi4", "host"]
    assert [target.runtime for target in opened[1:3]] == ["ai-edge-litert", "tflite-runtime"]
    assert isinstance(opened[0], Ssh)
    assert opened[0].keep is True
    assert open_targets(["ssh://pi@board"])[0].keep is False


def test_lowering_follows_the_first_target():
    assert lowered_for(("ethos-u55-128", "host")) == "ethos-u"
    for first in ("host", "ssh://pi@board", "emulator:pi4"):
        assert lowered_for((first, "ethos-u55-128")) == "ai-edge-litert"


@pytest.mark.slow
def test_npus_are_all_that_vela_compiles_for():
    architecture = pytest.importorskip("ethosu.vela.architecture_features")
    assert {accelerator.value for accelerator in architecture.Accelerator} == set(ACCELERATORS)
