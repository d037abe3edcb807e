"""The attacks of `test_attacks` are real: trusted they write the canary. Untrusted none does, whatever the command."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import attack_files as make
import pytest
from attack_files import functional
from test_attacks import lambda_layer, operation

from edgeswap.errors import EdgeswapError
from edgeswap.model.load import load_model


@pytest.fixture
def files(tmp_path):
    """Name to a file that writes the canary of that name."""
    layers = {"lambda": lambda canary: functional(lambda_layer(canary)), "function": functional_that_writes}
    found = {}
    for name, attack in layers.items():
        config = attack(tmp_path / f"{name} canary")
        found[f"{name}.keras"] = make.write_keras(tmp_path / f"{name}.keras", config)
        found[f"{name}.h5"] = make.write_h5(tmp_path / f"{name}.h5", config)
    return found


def functional_that_writes(canary: Path) -> make.Config:
    """`tf.io.write_file` on constants, which Keras 2 calls when it builds the model."""
    config = functional(operation("io.write_file"), arguments={"contents": "written"})
    config["config"]["layers"][1]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(canary), {"contents": "written"}]]
    return config


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5", "function.keras", "function.h5"])
def test_trusted_it_runs(name, files, tmp_path):
    canary = tmp_path / f"{name.partition('.')[0]} canary"
    with pytest.raises(EdgeswapError):
        load_model(files[name])
    assert not canary.exists()
    with suppress(EdgeswapError):  # once it has run, whether it is a model too is no matter
        load_model(files[name], trust=True)
    assert canary.exists()


@pytest.mark.parametrize("command", ["check", "swap", "export"])
def test_no_command_runs_it(command, files, tmp_path, edgeswap, place):
    more = {"check": [], "swap": ["--activation", "relu6", "-o", "a.keras"], "export": ["--int8", "--data", "digits"]}
    for path in files.values():
        ran = edgeswap(command, path, *more[command])
        assert ran.code == 1
        assert len(ran.stderr.splitlines()) == 2, ran.stderr
        assert ran.stderr.startswith("error: Expected ")
    assert not list(tmp_path.glob("*canary"))
    assert not list(place.iterdir())
