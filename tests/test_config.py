"""Settings: from flags, edgeswap.toml or Python, with the defaults of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
import numpy as np
import pytest

from edgeswap.cli.bench import bench
from edgeswap.cli.check import check
from edgeswap.cli.export import export
from edgeswap.cli.main import run
from edgeswap.cli.swap import swap
from edgeswap.config.bench import BenchConfig
from edgeswap.config.export import ExportConfig, export_config
from edgeswap.config.model import CheckConfig, SwapConfig, check_config, swap_config
from edgeswap.errors import ConfigError


def test_the_example_swaps_relu6_in_and_a_model_of_ones_own_swaps_nothing():
    assert str(export_config({}).hidden_activation) == "relu6"
    assert export_config({"activation": "hard_swish"}).activation == "hard_swish"
    assert export_config({"swap": ("swish=elu",)}).activation is None
    own = export_config({"model": "m.keras", "data": "d"})
    assert not own.swaps
    assert (own.method, own.epochs, own.recover_epochs, own.seed, own.output) == ("qat", 3, 3, 0, None)


def test_flags_go_before_the_file_and_what_is_left_out_stays(tmp_path):
    file = tmp_path / "edgeswap.toml"
    file.write_text('[export]\nepochs = 7\nmax-drop = 1\noverwrite = true\nswap = "swish=elu"\ntarget = ["host"]\n')
    flags = {"epochs": "2", "max_drop": None, "swap": (), "target": ()}
    config = export_config(flags, tmp_path)
    assert (config.epochs, config.max_drop, config.overwrite, config.swap) == (2, 1.0, True, ("swish=elu",))
    assert export_config({"overwrite": False}, tmp_path).overwrite is False
    assert [rule.pattern for rule in config.rules] == ["swish"]


def test_a_flag_turns_off_what_the_file_turns_on(tmp_path, monkeypatch):
    told = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edgeswap.config.preflight.preflight", lambda config: told.append(config) or stop())

    def stop():
        raise ConfigError("Enough.", "Stop.")

    (tmp_path / "edgeswap.toml").write_text(
        '[export]\nkeep = true\nsave-qat = true\noverwrite = true\nthreads = 2\nlicence = "MIT"\n'
    )
    assert run(["export", "--no-keep", "--no-save-qat", "--threads", "1"]) == 2
    assert (told[0].keep, told[0].save_qat, told[0].overwrite, told[0].threads) == (False, False, True, 1)
    assert told[0].license == "MIT"
    for spelling in ("--license", "--licence"):
        run(["export", spelling, "CC0"])
        assert told[-1].license == "CC0"


def test_the_command_line_has_the_defaults_choices_and_bounds_of_the_settings():
    configs = {export: ExportConfig, bench: BenchConfig, check: CheckConfig, swap: SwapConfig}
    for command, config in configs.items():
        options = {param.name: param for param in command.params if isinstance(param, click.Option)}
        settings = set(config.model_fields) - {"model", "models"}
        assert set(options) - settings <= {"int8", "as_json", "debug"}
        for name in settings:
            field, option = config.model_fields[name], options[name]
            default = Path("out") if name == "output" and command is export else field.get_default()
            default = None if field.is_required() else default
            shown = option.default if isinstance(option.default, (int, str, Path, tuple)) else None
            shown = bool(shown) if isinstance(default, bool) else shown
            assert shown == (None if default in ("", None, ()) or name == "method" else default), name
            choices = [one for one in get_args(field.annotation) if isinstance(one, str)]
            choices = choices or [one for kind in get_args(field.annotation) for one in get_args(kind)]
            if choices and isinstance(choices[0], str):
                assert list(option.type.choices) == choices, name
            bounds = {type(bound).__name__: bound for bound in field.metadata}
            if "Ge" in bounds or "Gt" in bounds:
                low = bounds["Ge"].ge if "Ge" in bounds else bounds["Gt"].gt
                assert (option.type.min, option.type.min_open) == (low, "Gt" in bounds), name


def test_without_a_file_there_are_the_defaults(tmp_path):
    assert export_config({}, tmp_path / "none.toml") == export_config({})


def test_a_folder_in_the_files_place(tmp_path):
    (tmp_path / "edgeswap.toml").mkdir()
    with pytest.raises(ConfigError, match=r"Expected TOML in .*, got a folder"):
        export_config({}, tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("export = 1", "Expected export to be a table in .*, got the value 1"),
        ("[[export]]", "Expected export to be a table in .*, got a list of tables"),
        ("[export.data]\na = 1", "Expected a value for data in .*, got a table"),
        ("[export]\ntrust = true", "Expected --trust on the command line alone, got trust in"),
    ],
)
def test_settings_that_a_file_cannot_have(tmp_path, text, problem):
    (tmp_path / "edgeswap.toml").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        export_config({}, tmp_path)
    (tmp_path / "edgeswap.toml").unlink()
    (tmp_path / "pyproject.toml").write_text(text.replace("[export", "[tool.edgeswap.export").replace(
        "export = 1", "[tool.edgeswap]\nexport = 1"))  # fmt: skip
    with pytest.raises(ConfigError, match=problem):
        export_config({}, tmp_path)


def test_a_file_of_windows_begins_with_a_byte_order_mark(tmp_path):
    (tmp_path / "edgeswap.toml").write_bytes(b"\xef\xbb\xbf[export]\r\nepochs = 7\r\n")
    assert export_config({}, tmp_path).epochs == 7


def test_arrays_from_python_are_settings():
    x, y = np.zeros((3, 2)), np.zeros(3, np.int64)
    assert export_config({"model": object(), "data": x}).data is x
    assert export_config({"model": object(), "data": (x, y)}).data[1] is y


@pytest.mark.parametrize("value", [{"Mine": int}, ["mylayers:Mine"], ("a.b:C", "d:E"), "mylayers:Mine"])
def test_custom_objects(value):
    found = export_config({"custom_objects": value}).custom_objects
    assert found == (
        value if isinstance(value, dict) else ("mylayers:Mine",) if isinstance(value, str) else tuple(value)
    )


@pytest.mark.parametrize("value", ["Mine", ["a:b", 3], "a:b:c", ":b", 3])
def test_wrong_custom_objects(value):
    with pytest.raises(ConfigError, match="Expected MODULE:NAME"):
        export_config({"custom_objects": value})


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        export_config({}).seed = 3


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, field in ExportConfig.model_fields.items()
        if int in (field.annotation, *get_args(field.annotation))
    ],
)
def test_true_is_no_number(name):
    with pytest.raises(ConfigError, match=f"whole number for --{name.replace('_', '-')}, got 'True'"):
        export_config({name: True})


@pytest.mark.parametrize("precision", ["int16x8", "float16"])
def test_other_precisions_are_ptq_and_leave_hard_swish_alone(precision):
    config = export_config({"model": "m.keras", "data": "d", "precision": precision})
    assert (config.precision, config.method) == (precision, "ptq")
    assert config.trains is False
    with pytest.raises(ConfigError, match=f"--method ptq for --precision {precision}, got qat"):
        export_config({"precision": precision, "method": "qat"})
    with pytest.raises(ConfigError, match=f"no --hard-swish for --precision {precision}"):
        export_config({"precision": precision, "hard_swish": "operator"})


def test_precisions_that_there_are_not():
    with pytest.raises(ConfigError, match="Expected 'int8', 'int16x8' or 'float16' for --precision, got 'int4'"):
        export_config({"precision": "int4"})
    assert export_config({"precision": "int8"}).method == "qat"


def test_two_precisions_are_one_too_many(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["export", "--int8", "--precision", "float16"]) == 2
    assert "Expected one precision, got --int8 and --precision float16." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_swap_settings():
    config = swap_config({"model": "a.keras", "output": "b.keras", "activation": "silu", "swap": ()})
    assert (str(config.output), config.activation) == ("b.keras", "swish")


def test_check_settings():
    config = check_config({"model": b"TFL3", "target": "coral", "activation": "silu"})
    assert (config.model, config.target, config.activation) == (b"TFL3", ("coral",), "swish")
    with pytest.raises(ConfigError, match="'fo'"):
        check_config({"model": "m.keras", "activation": "fo"})


def test_ranges_are_learned_by_training_alone_and_belong_to_int8():
    data = {"model": "m.keras", "data": "d"}
    assert export_config({**data}).ranges == "auto"
    assert export_config({**data, "ranges": "learned"}).ranges == "learned"
    with pytest.raises(ConfigError, match="qat"):
        export_config({**data, "ranges": "learned", "method": "ptq"})
    with pytest.raises(ConfigError, match="--ranges"):
        export_config({**data, "ranges": "fixed", "precision": "float16"})
    with pytest.raises(ConfigError, match="'auto', 'fixed', 'observed' or 'learned'"):
        export_config({**data, "ranges": "wide"})


def test_a_loss_needs_something_to_train():
    data = {"model": "m.keras", "data": "d", "loss": "mine:loss"}
    assert export_config(data).loss == "mine:loss"
    assert export_config({**data, "method": "ptq", "activation": "relu6"}).trains
    with pytest.raises(ConfigError, match="something to train for --loss"):
        export_config({**data, "method": "ptq"})


def test_targets_several_from_flags_file_or_python(tmp_path):
    file = tmp_path / "edgeswap.toml"
    file.write_text('[export]\ntarget = ["emulator:pi4", "host"]\nthreads = 4\ndelegate = "none"\nkeep = true\n')
    config = export_config({}, tmp_path)
    assert (config.target, config.threads, config.delegate, config.keep) == (("emulator:pi4", "host"), 4, "none", True)
    assert export_config({"target": ("host", "ethos-u65-256")}, tmp_path).target == ("host", "ethos-u65-256")
    assert export_config({"target": "ssh://pi@board"}).target == ("ssh://pi@board",)
    assert (export_config({}).target, export_config({}).threads) == (("host",), 1)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"target": "emulator:pi6"}, "got 'emulator:pi6'"),
        ({"target": ("host", "ethos-u55-128"), "precision": "float16"}, "--precision int8 for --target ethos-u55-128"),
        ({"delegate": "edgetpu", "precision": "int16x8"}, "--precision int8 for --delegate edgetpu"),
        ({"target": "emulator:pi5", "max_latency_ms": 3}, "measures time for --max-latency-ms, got emulator:pi5"),
        ({"target": ("ethos-u55-128", "emulator:pi5"), "max_latency_ms": 3}, "got emulator:pi5"),
        ({"threads": 0}, "at least 1 for --threads"),
        ({"target_samples": 0}, "at least 1 for --target-samples"),
        ({"keep": "perhaps"}, "true or false for --keep"),
    ],
)
def test_targets_that_cannot_be(settings, problem):
    with pytest.raises(ConfigError, match=problem):
        export_config({"model": "m.keras", "data": "d", **settings})


def test_a_latency_limit_is_for_the_first_target_that_runs_models():
    for targets in (("ethos-u55-128", "host"), ("host", "emulator:pi5"), ("ssh://pi@board", "emulator:pi5")):
        assert export_config({"target": targets, "max_latency_ms": 3}).max_latency_ms == 3
