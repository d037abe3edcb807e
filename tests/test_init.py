"""edgeswap.toml: what `init` writes, what `config show` tells of it, and its schema."""

import json
import sys

import pytest

pytest.importorskip("tensorflow")
from edgeswap.cli.main import run
from edgeswap.config.export import ExportConfig, export_config
from edgeswap.config.preflight import require_readable
from edgeswap.config.settings_file import written_settings
from edgeswap.data.spec_path import moved
from edgeswap.errors import ConfigError
from edgeswap.frameworks import keras
from tests.keras_models import sequential

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sequential(keras).save(tmp_path / "m.keras")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    return tmp_path


def test_what_is_told_stands_in_the_file_and_the_rest_as_comments(here, capsys):
    assert run(["init", "m.keras", "--data", "photos", "--preprocess", "unit"]) == 0
    assert "edgeswap.toml is written" in capsys.readouterr().out
    text = (here / "edgeswap.toml").read_text()
    assert tomllib.loads(text) == {"export": {"model": "m.keras", "data": "photos", "preprocess": "unit"}}
    config = export_config({}, here)
    assert (config.model, config.data, config.preprocess) == ("m.keras", "photos", "unit")
    assert run(["init", "m.keras"]) == 1  # it is there
    assert "--overwrite" in capsys.readouterr().err


def test_a_file_that_no_export_would_read_says_what_to_name_it(here, capsys):
    assert run(["init", "m.keras", "--output", "sub/e.toml"]) == 0
    said = capsys.readouterr().out
    assert said.endswith("Look through it, name it edgeswap.toml, then run edgeswap export in the folder sub.\n")


def test_paths_hold_in_the_folder_of_the_file(here, capsys, monkeypatch):
    flags = ["--data", "photos", "--test-data", str(here / "photos"), "--preprocess", "unit"]
    assert run(["init", "m.keras", *flags, "--output", "else/where/edgeswap.toml"]) == 0
    assert "run edgeswap export in the folder else/where." in capsys.readouterr().out
    monkeypatch.chdir(here / "else/where")
    config = export_config({}, here / "else/where")
    assert (config.model, config.data, config.preprocess) == ("../../m.keras", "../../photos", "unit")
    assert config.test_data == str(here / "photos")
    require_readable(config)


@pytest.mark.parametrize("spec", ["digits", "tfds:mnist/train", "mine:load", "/a.npz"])
def test_only_a_path_is_written_otherwise_in_another_folder(here, spec):
    assert moved(spec, here / "sub") == spec
    assert moved("csv:t.csv", here / "sub") == "csv:../t.csv"
    assert moved("photos", here / "sub") == "../photos"


def test_every_comment_is_a_setting_that_can_be(here):
    run(["init", "m.keras", "--data", "photos"])
    settings = {}
    for line in (here / "edgeswap.toml").read_text().splitlines():
        name, equals, _ = line.removeprefix("# ").partition(" = ")
        if equals and " " not in name:
            settings |= tomllib.loads(line.removeprefix("# "))
    assert {name.replace("-", "_") for name in settings} == set(ExportConfig.model_fields) - {"trust"}


def test_show_tells_where_each_setting_comes_from(here, capsys):
    (here / "pyproject.toml").write_text("[tool.edgeswap.export]\nepochs = 7\nseed = 3\n[tool.other]\nx = 1\n")
    (here / "edgeswap.toml").write_text("[export]\nepochs = 5\n")
    assert run(["config", "show", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["epochs"] == {"value": 5, "from": "edgeswap.toml"}
    assert told["seed"] == {"value": 3, "from": "pyproject.toml"}
    assert told["method"] == {"value": "qat", "from": "default"}
    assert run(["config", "show"]) == 0
    assert any(line.split() == ["epochs", "5", "edgeswap.toml"] for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("table", "problem"),
    [("[tool.edgeswap]\nepochs = 1\n", "got 'epochs'"), ("[tool.edgeswap.exprot]\nepochs = 1\n", "got 'exprot'")],
)
def test_another_table_of_pyproject_is_refused(here, table, problem):
    (here / "pyproject.toml").write_text(table)
    with pytest.raises(ConfigError, match=problem):
        written_settings(here)


def test_the_schema_has_every_setting_that_a_file_may_have(capsys):
    assert run(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    names = set(schema["properties"]["export"]["properties"])
    assert names == {name.replace("_", "-") for name in ExportConfig.model_fields if name != "trust"}
