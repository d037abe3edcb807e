"""Hashes of values and of code: another one for every other value, the same one in every process."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from edgeswap.activations.catalog import Activation
from edgeswap.store.digest import UntoldError, digest
from tests import graphs_for_keys

SCALE = 2.0


def scaled(x):
    return x * SCALE


def uses_another(x):
    return scaled(x) + 1


def table(x, weights=(1.0, 2.0)):
    return x * weights[0]


def made(factor):
    def inner(x):
        return x * factor

    return inner


def imports_its_own(x):
    from tests import models

    return models.x(x)


class Own:
    rate = 0.5

    def call(self, x):
        return scaled(x) * self.rate


VALUES = [
    None, True, 1, 1.0, -0.0, 0.0, float("nan"), "1", b"1", (), {}, [1, [2]], [[1], 2], [1, 2], {"a": 1}, {"a": 2},
    {"b": 1}, {1, 2}, frozenset({1, 3}), np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.ones(2),
    np.int8(1), np.dtype("int8"), Activation("relu6"), Activation("elu", {"alpha": 0.5}), Activation("elu"), Ellipsis,
    slice(1), np.tanh, len, str.upper, scaled, uses_another, table, made(1), made(2), Own, Own.call,
    functools.partial(table, 1), functools.partial(table, 2),
]  # fmt: skip


def test_other_values_have_other_hashes():
    found = [digest(value) for value in VALUES]
    assert len(set(found)) == len(VALUES)
    assert found == [digest(value) for value in VALUES]


@pytest.mark.parametrize("value", [scaled, uses_another, Own, Own.call, functools.partial(uses_another, 1)])
def test_a_constant_that_code_reaches_counts(value, monkeypatch):
    before = digest(value)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert digest(value) != before


def test_an_attribute_of_a_class_counts(monkeypatch):
    before = digest(Own)
    monkeypatch.setattr(Own, "rate", 0.25)
    assert digest(Own) != before


@pytest.mark.parametrize(
    "value",
    [object(), [iter([])], np.array([None]), imports_its_own, {"a": {"b": sys.stdout}}],
    ids=["object", "iterator", "array of objects", "function that imports", "open file"],
)
def test_what_cannot_be_told_is_refused(value):
    with pytest.raises(UntoldError):
        digest(value)


@pytest.mark.slow
def test_a_module_of_the_user_s_own_counts_as_far_as_it_is_used(tmp_path, monkeypatch):
    def loss_of(helper: str) -> str:
        (tmp_path / "ownhelper.py").write_text(textwrap.dedent(helper))
        (tmp_path / "ownloss.py").write_text("import ownhelper\ndef loss(x):\n    return ownhelper.half(x)\n")
        command = "from edgeswap.store.digest import digest; import ownloss; print(digest(ownloss.loss))"
        ran = subprocess.run(
            [sys.executable, "-B", "-c", command], check=True, capture_output=True, text=True, cwd=tmp_path
        )
        return ran.stdout

    first = loss_of("def half(x): return x / FACTOR\nFACTOR = 2")
    assert loss_of("FACTOR = 2\n\ndef half(x): return x / FACTOR\nUNUSED = 3") == first
    assert loss_of("def half(x): return x / FACTOR\nFACTOR = 3") != first
    assert loss_of("def half(x): return x * FACTOR\nFACTOR = 2") != first


def test_a_graph_counts_with_all_that_is_in_it():
    before = digest(graphs_for_keys.graph())
    assert digest(graphs_for_keys.graph()) == before
    others = [digest(graph) for graph in graphs_for_keys.others()]
    assert len({before, *others}) == 1 + len(others)
