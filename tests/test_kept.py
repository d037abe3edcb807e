"""Models kept on the way: one that cannot be written costs a warning, or the run where it was asked for."""

import pytest

pytest.importorskip("tensorflow")
from edgeswap.commands.save_trained import keep_float_model, keep_qat_model
from edgeswap.errors import ModelError
from edgeswap.frameworks import tf_keras
from edgeswap.progress import Silent
from edgeswap.system.partial import CONTROL, QAT_MODEL


class Unwritable(tf_keras.layers.Layer):
    def get_config(self):
        raise TypeError("no config")


class Noted(Silent):
    def __init__(self):
        self.problems = []

    def warn(self, problem, remedy):
        self.problems.append(problem)


def model(*more):
    return tf_keras.Sequential([tf_keras.Input((4,)), *more, tf_keras.layers.Dense(2)])


def test_a_model_that_cannot_be_written_costs_a_warning(tmp_path):
    progress = Noted()
    float_model = keep_float_model(model(Unwritable()), tmp_path / CONTROL, normalizations={}, progress=progress)
    qat_model = keep_qat_model(model(Unwritable()), tmp_path, must=False, progress=progress)
    assert [caution.kind for caution in (*float_model, *qat_model)] == ["not_kept", "not_kept"]
    assert [caution.problem for caution in (*float_model, *qat_model)] == progress.problems
    assert CONTROL in progress.problems[0]
    assert QAT_MODEL in progress.problems[1]
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_was_asked_for_must_be_written(tmp_path):
    with pytest.raises(ModelError, match="no config"):
        keep_qat_model(model(Unwritable()), tmp_path, must=True, progress=Silent())


def test_a_model_that_is_kept_stands_whole_under_its_name(tmp_path):
    assert keep_float_model(model(), tmp_path / CONTROL, normalizations={}, progress=Silent()) == ()
    assert [path.name for path in tmp_path.iterdir()] == [CONTROL]
    assert tf_keras.models.load_model(tmp_path / CONTROL, compile=False).output_shape == (None, 2)
