"""A caller from Python is told of keywords, not of options that he never typed."""

from __future__ import annotations

import inspect
import logging

import pytest

import edgeswap as api
from edgeswap.errors import ConfigError
from edgeswap.progress import Logged
from edgeswap.system.python_words import _OTHER_NAMES, _SWITCHES, _TAKES_A_VALUE, in_python_words


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Pass --preprocess none to do so.", 'Pass preprocess="none" to do so.'),
        ("Expected --data for --preprocess, got none.", "Expected data=... for preprocess=..., got none."),
        ("Pass --data SPEC, or --method ptq and --recover-epochs 0.",
         'Pass data=..., or method="ptq" and recover_epochs=0.'),
        ("Train it with --method qat.", 'Train it with method="qat".'),
        ("pass --allow-chance.", "pass allow_chance=True."),
        ("Pass --trust if you trust the file.", "Pass trust=True if you trust the file."),
        ("give its class by --custom-objects MODULE:NAME.", "give its class by custom_objects=...."),
        ("Export it with `--dense-scales per-tensor`, or", "Export it with `--dense-scales per-tensor`, or"),
        ("give benchmark.py --memory MIB", "give benchmark.py --memory MIB"),
        ("Pass --swap 'block=relu6'.", "Pass swap='block=relu6'."),
        ("See: edgeswap export --help", "See: help(edgeswap.export)"),
        ("Mend the function; --debug shows the whole traceback.", "Mend the function."),
        ("Pass --preprocess mean-std:0.5/0.2.", 'Pass preprocess="mean-std:0.5/0.2".'),
        ("Pass --custom-objects mine:Layer.", 'Pass custom_objects="mine:Layer".'),
        ("Pass --io int8 or --io uint8, as it is.", 'Pass io="int8" or io="uint8", as it is.'),
        ("Pass --swap elu=relu6.", 'Pass swap="elu=relu6".'),
        ("pass --no-cache after", "pass cache=False after"),
        ("Leave out --int8 or both.", 'Leave out precision="int8" or both.'),
    ],
)  # fmt: skip
def test_options_become_keywords(said: str, told: str) -> None:
    assert in_python_words(said) == told


def test_every_keyword_is_known_by_its_option() -> None:
    known = {_OTHER_NAMES.get(name, name.replace("-", "_")) for name in _SWITCHES | _TAKES_A_VALUE}
    for function in (api.export, api.bench, api.swap_activations):
        assert set(inspect.signature(function).parameters) - {"model", "models", "progress"} <= known


def test_errors_and_warnings_say_them(place, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match=r"Expected data=\.\.\. for preprocess") as raised:
        api.bench("a.tflite", "b.tflite", preprocess="unit")
    assert "--" not in str(raised.value)
    with caplog.at_level(logging.WARNING, logger="edgeswap"):
        Logged(in_python_words).warn("It is poor.", "Check --preprocess.")
    assert caplog.messages == ["It is poor. Check preprocess=...."]


def test_what_is_no_model_is_said_in_words() -> None:
    with pytest.raises(ConfigError, match="Expected a model to check, got None"):
        api.check(None)
    with pytest.raises(ConfigError, match=r"Expected the paths of \.tflite files, got the bytes of one"):
        api.bench("a.tflite", b"TFL3")


def test_data_without_a_name_are_called_the_data_given():
    assert (
        in_python_words("Expected x in tuple, got 2 from ndarray.")
        == "Expected x in the data given, got 2 from the data given."
    )
