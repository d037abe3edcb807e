"""The functions of `import edgeswap`, and `edgeswap swap`, which is one of them from file to file."""

from __future__ import annotations

import numpy as np
import pytest

import edgeswap as api
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras
from tests.models import digits

X = (digits("test")[0] / 255).astype(np.float32)


def test_all_that_is_offered_is_there():
    assert all(callable(getattr(api, name)) for name in api.__all__ if name != "__version__")


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


def test_a_rule_that_fits_nothing_writes_nothing(tiny, place, edgeswap):
    ran = edgeswap("swap", tiny / "tiny.keras", "--swap", "block*=relu6", "-o", "new.keras")
    assert ran.code == 2
    assert len(ran.stderr.splitlines()) == 2
    assert list(place.iterdir()) == []


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
