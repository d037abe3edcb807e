"""App code for models whose inputs and outputs are uint8 or float32: the same answers as with int8, to the bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeswap.bundle.apps.facts import SUFFIX, OutputFacts
from edgeswap.bundle.apps.generate import generate
from edgeswap.data.preprocess import from_name
from edgeswap.errors import ModelError
from edgeswap.records import Io
from tests.app_bundle import KINDS, MEAN_STD, bundle, facts_of, module, run_python, split

ENDS: tuple[Io, ...] = ("uint8", "float32")


@pytest.mark.parametrize("io", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_app_gets_what_int8_gives(tmp_path: Path, kind: str, io: Io) -> None:
    plain, other = bundle(kind, tmp_path / "plain"), bundle(kind, tmp_path / "other", io)
    code, said = run_python(other.folder)
    assert code == 0, said
    assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said
    samples = [f"golden/0.input{index}.{given.form}" for index, given in enumerate(plain.facts.inputs)]
    with np.errstate(over="ignore"):  # of a logit of -6587
        printed = [run_python(one.folder, *(one.folder / name for name in samples))[1] for one in (plain, other)]
    assert printed[0] == printed[1]
    for vector in range(3):
        for index, output in enumerate(plain.facts.outputs):
            int8 = np.fromfile(plain.folder / f"golden/{vector}.output{index}.i8", np.int8)
            file = other.folder / f"golden/{vector}.output{index}.{SUFFIX[io]}"
            expected = int8.astype(int) + 128 if io == "uint8" else real(output, int8)
            np.testing.assert_array_equal(np.fromfile(file, "u1" if io == "uint8" else "<f4"), expected)


def real(output: OutputFacts, int8: np.ndarray) -> np.ndarray:
    return (int8.astype(np.float32) - output.zero_point) * np.float32(output.scale)


@pytest.mark.parametrize(("kind", "name"), [("classifier", "unit"), ("mean_std", MEAN_STD)])
def test_a_float32_input_takes_what_the_float_model_took(tmp_path: Path, kind: str, name: str) -> None:
    given = bundle(kind, tmp_path / "app", "float32").facts.inputs[0]
    pixels = (np.arange(np.prod(given.shape)) // given.shape[3] % 256).astype(np.uint8).reshape(given.shape)
    prepared = module(tmp_path / "app/bundle").prepare0(pixels)
    assert prepared.dtype == np.float32
    # The offset lies in the middle of those that give the same int8, so not further off than half a step.
    assert np.abs(prepared - from_name(name)(pixels)).max() < given.scale / 2


def test_code_for_float32_ends_never_quantizes(tmp_path: Path) -> None:
    for kind in ("caffe", "normalized", "map"):
        files = generate(bundle(kind, tmp_path / kind, "float32").facts)
        for name in ("python/model.py", "cpp/model.h", "android/Model.kt", "ios/Model.swift"):
            text = files[name].decode()
            assert "uantize0" not in text, name
            assert "ZERO_POINT" not in text.upper(), name
            assert "repare0" in text, name


def test_a_float32_output_that_is_steps_off_is_named(tmp_path: Path) -> None:
    one = bundle("classifier", tmp_path / "app", "float32")
    file = one.folder / "golden/2.output0.f32"
    values = np.fromfile(file, "<f4")
    values[3] += 2 * one.facts.outputs[0].scale
    values.tofile(file)
    assert "failed at output: golden vector 2, output logits: off by 2 int8 steps" in run_python(one.folder)[1]


def test_ends_of_two_types_are_refused(tmp_path: Path) -> None:
    facts = facts_of(split(tmp_path).read_bytes(), preprocess="raw", io="uint8")
    mixed = dataclasses.replace(facts.outputs[0], dtype="float32")
    with pytest.raises(ModelError, match="of one type, got float32, uint8"):
        dataclasses.replace(facts, outputs=(mixed, facts.outputs[1]))
