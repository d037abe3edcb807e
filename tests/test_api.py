"""The functions of `import edgeswap`, and `edgeswap swap`, which is one of them from file to file."""

from __future__ import annotations

import inspect
import logging
import os
import pydoc
import random
import signal
import subprocess
import sys
import tempfile
import threading
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import edgeswap as api
from edgeswap.config.analyze import AnalyzeConfig
from edgeswap.config.bench import BenchConfig
from edgeswap.config.calibrate import CalibrateConfig
from edgeswap.config.export import ExportConfig
from edgeswap.config.model import CheckConfig
from edgeswap.errors import ConfigError, ModelError
from edgeswap.frameworks import keras, tf, tf_keras
from tests.models import digits

X = (digits("test")[0] / 255).astype(np.float32)


def test_all_that_is_offered_is_there():
    assert all(callable(getattr(api, name)) for name in api.__all__ if name != "__version__")


# What the configuration holds, and what Python callers may give for it.
WIDER = {Path: str | Path, tuple[str, ...]: str | Sequence[str], tuple[Path, ...]: str | Path}
Own = Callable[..., typing.Any]
WIDER[tuple[str | Own, ...]] = str | Own | Sequence[str | Own]


def widened(annotation: object) -> object:
    if annotation in WIDER:
        return WIDER[annotation]
    if isinstance(annotation, types.UnionType):
        return typing.Union[tuple(widened(one) for one in typing.get_args(annotation))]  # noqa: UP007
    return annotation


def hints(function: Callable[..., object]) -> dict[str, object]:
    from edgeswap.compatibility.findings import CheckReport
    from edgeswap.evaluation.swap_effects import SwapResult
    from edgeswap.progress import Progress
    from edgeswap.records import AnalyzeReport, BenchReport, CalibrationManifest
    from edgeswap.report.export_result import ExportResult

    classes = (AnalyzeReport, CalibrationManifest, CheckReport, SwapResult, Progress, BenchReport, ExportResult)
    return typing.get_type_hints(function, localns={kind.__name__: kind for kind in classes})


@pytest.mark.parametrize(
    ("function", "config"),
    [
        (api.export, ExportConfig),
        (api.bench, BenchConfig),
        (api.check, CheckConfig),
        (api.analyze, AnalyzeConfig),
        (api.calibrate, CalibrateConfig),
    ],
)
def test_every_keyword_is_a_setting_with_its_type_and_default(function, config):
    parameters = dict(inspect.signature(function).parameters)
    given = hints(function)
    for name, field in config.model_fields.items():
        parameter = parameters.pop(name)
        if name == "model" and function is not api.calibrate:
            assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        elif name == "models":
            assert parameter.kind is inspect.Parameter.VAR_POSITIONAL
            continue
        else:
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        own = {"method": None}  # None is qat or ptq, by the precision
        default = ("host",) if parameter.default == "host" else parameter.default
        if field.is_required():
            assert default is inspect.Parameter.empty
        else:
            assert default == own.get(name, field.get_default()), name
        expected = widened(field.annotation)
        if name == "method":
            expected = typing.Optional[expected]  # noqa: UP045
        elif name == "custom_objects":
            expected = Mapping[str, typing.Any] | Sequence[str]
        assert given[name] == expected, name
    assert set(parameters) == (set() if function is api.check else {"progress"})


@pytest.mark.parametrize("name", [name for name in api.__all__ if name != "__version__"])
def test_pydoc_tells_of_every_keyword(name):
    function = getattr(api, name)
    shown = pydoc.plain(pydoc.render_doc(function))
    keywords = [name for name in inspect.signature(function).parameters if f"    {name}:" not in shown]
    if name in ("export", "bench", "check", "analyze", "calibrate", "swap_activations"):
        assert keywords == []


def test_an_unknown_keyword_is_a_type_error_of_python():
    with pytest.raises(TypeError, match="epoch"):
        api.export(epoch=3)


@pytest.mark.slow
def test_a_swapped_model_is_of_its_own_framework_and_the_original_stays(tiny):
    for file, framework in (("tiny.keras", keras), ("old.h5", tf_keras)):
        model = api.load_model(tiny / file)
        before, said = model.get_config(), np.asarray(model(X))
        result = api.swap_activations(model, "clipped_elu(max_value=4)")
        assert isinstance(result.model, framework.Model)
        assert [(entry.layer, entry.from_, entry.to) for entry in result.swapped] == [
            ("act", "swish", "clipped_elu(max_value=4)")
        ]
        assert model.get_config() == before
        np.testing.assert_array_equal(model(X), said)
        for old, new in zip(model.get_weights(), result.model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu6", "hard_swish", "clipped_elu(max_value=4)"])
@pytest.mark.parametrize("file", ["tiny.keras", "old.h5", "old.keras"])
def test_a_swapped_file_opens_in_plain_keras(file, activation, tiny, place, edgeswap):
    framework = keras if file == "tiny.keras" else tf_keras
    ran = edgeswap("swap", tiny / file, "--activation", activation, "-o", "sub/new.keras")
    assert (ran.code, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["act", "swish", activation] for line in lines)
    assert "1 of 1 activations swapped, 0 kept." in lines
    assert [path.name for path in (place / "sub").iterdir()] == ["new.keras"]
    objects = api.custom_objects(framework.__name__)
    opened = framework.models.load_model(place / "sub" / "new.keras", custom_objects=objects, compile=False)
    expected = api.swap_activations(api.load_model(tiny / file), activation).model
    np.testing.assert_array_equal(opened(X), expected(X))
    again = edgeswap("swap", "sub/new.keras", "--activation", "tanh", "-o", "sub/new.keras", "--overwrite")
    assert again.code == 0


@pytest.mark.slow
def test_what_is_kept_is_told_with_its_reason(place, edgeswap):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4, "swish", name="hidden\x1b[31m")(inputs)
    keras.Model(inputs, keras.layers.Dense(3, "sigmoid", name="last")(hidden)).save(place / "m.keras")
    ran = edgeswap("swap", "m.keras", "--activation", "relu6", "-o", "new.keras")
    assert ran.code == 0
    assert "kept: it is the model's output" in " ".join(ran.stdout.split())
    assert "1 of 2 activations swapped, 1 kept." in ran.stdout
    assert "\x1b" not in ran.stdout
    assert r"\x1b[31m" in ran.stdout


@pytest.mark.slow
def test_a_rule_that_fits_nothing_writes_nothing(tiny, place, edgeswap):
    ran = edgeswap("swap", tiny / "tiny.keras", "--swap", "block*=relu6", "-o", "new.keras")
    assert ran.code == 2
    assert len(ran.stderr.splitlines()) == 2
    assert list(place.iterdir()) == []


@pytest.mark.slow
def test_a_disk_too_small_for_the_swapped_file(tiny, full_disk, edgeswap):
    disk = full_disk("8k")
    ran = edgeswap("swap", tiny / "tiny.keras", "--activation", "relu6", "-o", disk / "new.keras")
    assert ran.code == 1
    problem, remedy = ran.stderr.splitlines()
    assert "No space left on device" in problem
    assert "Free some space" in remedy
    assert list(disk.iterdir()) == []


def test_errors_of_python_callers_are_exceptions(place):
    with pytest.raises(ModelError, match="does not exist") as raised:
        api.export("missing.keras", data="digits")
    assert raised.value.remedy == "Check the path."
    assert list(place.iterdir()) == []


@pytest.mark.slow
def test_check_takes_a_model_a_file_and_a_tflite_by_path_or_bytes(tiny, tmp_path):
    from tests.tflite_models import schema, single

    tflite_model = single(schema.BuiltinOperator.TANH, (0.1, 0), (1 / 128, 0))
    file = api.check(tiny / "tiny.keras", target=("host", "coral"), activation="hard_swish")
    model = api.check(api.load_model(tiny / "tiny.keras"), target=("host", "coral"), activation="hard_swish")
    assert (file.model, model.model) == (str(tiny / "tiny.keras"), "a model object")
    assert model.targets == file.targets
    assert [entry.to for entry in model.activations.swapped] == ["hard_swish"]
    (tmp_path / "m.tflite").write_bytes(tflite_model)
    by_path, by_bytes = api.check(tmp_path / "m.tflite"), api.check(tflite_model)
    assert (by_path.form, by_bytes.model, by_bytes.targets) == ("tflite", "bytes", by_path.targets)
    with pytest.raises(ConfigError, match=r"no swap for a \.tflite"):
        api.check(tflite_model, activation="relu6")
    with pytest.raises(ConfigError, match="can check for, got 'moon'"):
        api.check(tflite_model, target="moon")


@pytest.mark.slow
def test_a_swap_takes_a_path_and_data_of_every_kind(tiny):
    x, y = digits("test")
    plain = api.swap_activations(tiny / "tiny.keras", "relu6", data=X).effects
    batches = tf.data.Dataset.from_tensor_slices((X, y)).batch(32)
    for data in (batches, (X, y), {"x": X}):
        found = api.swap_activations(tiny / "tiny.keras", swap="swish=relu6", data=data).effects
        assert found.ranges == plain.ranges
    pixels = api.swap_activations(tiny / "tiny.keras", "relu6", data=x, preprocess="unit").effects
    assert pixels.ranges == plain.ranges


def global_state() -> dict[str, object]:
    """What a library must leave as it is."""
    from tensorflow.python.eager import context

    return {
        "python": random.getstate(),
        "numpy": str(np.random.get_state()),  # noqa: NPY002
        "tensorflow": (context.context()._seed, context.context()._rng.getstate()),
        "warnings": list(warnings.filters),
        "path": list(sys.path),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "recursion": sys.getrecursionlimit(),
        "temporary": tempfile.gettempdir(),
        "handlers": logging.getLogger("edgeswap").handlers + logging.getLogger().handlers,
        "errors": np.geterr(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "threads": threading.active_count(),
    }


@pytest.mark.slow
def test_nothing_global_is_changed_by_a_call(tiny, place):
    keras.utils.set_random_seed(7)
    keras.random.normal((2,))  # makes all there is to be changed
    tf.random.normal((2,))
    (place / "own.py").write_text("import helper\n\ndef load():\n    import helper_too\n    return helper.data()\n")
    (place / "helper_too.py").touch()
    (place / "helper.py").write_text("from tests.models import digits\n\ndef data():\n    return digits('train')\n")
    before = global_state()
    api.load_model(tiny / "old.h5")
    api.swap_activations(tiny / "tiny.keras", "relu6", data=X)
    api.check(tiny / "tiny.keras", activation="relu6")
    assert global_state() == before
    result = api.export(
        tiny / "tiny.keras", data="own:load", preprocess="unit", activation="relu6", recover_epochs=1, epochs=1
    )
    assert global_state() == before
    for name in ("a.tflite", "b.tflite"):
        (place / name).write_bytes(result.tflite)
    api.bench("a.tflite", "b.tflite", quick=True)
    assert global_state() == before
    assert np.asarray(tf.random.normal((2,))).tolist() == _second_draw(7)


def _second_draw(seed: int) -> list[float]:
    keras.utils.set_random_seed(seed)
    tf.random.normal((2,))
    return np.asarray(tf.random.normal((2,))).tolist()


@pytest.mark.slow
def test_the_first_call_of_a_process_sets_no_seed_and_only_what_is_documented(tiny):
    command = [sys.executable, "-c", FIRST_CALL, str(tiny / "old.h5")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


FIRST_CALL = """
import logging, os, random, sys, warnings
import numpy  # which adds filters of its own

random.seed(3)
before = dict(os.environ), list(sys.path), list(warnings.filters), random.getstate()
import edgeswap

assert (dict(os.environ), list(sys.path), list(warnings.filters), random.getstate()) == before
edgeswap.load_model(sys.argv[1])
environment, *rest = before
changed = {name for name in os.environ if os.environ[name] != environment.get(name)}
assert changed <= {"TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS", "TF2_BEHAVIOR"}, changed
assert [list(sys.path), list(warnings.filters), random.getstate()] == rest
from tensorflow.python.eager import context

assert context.context()._seed is None
assert logging.getLogger("edgeswap").handlers == []
"""
