"""Bundles of models with uint8 and float32 ends: they verify, and their metadata say what a library must do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.bundle.verify import verify
from edgeswap.data.preprocess import from_name
from edgeswap.records import Io
from edgeswap.tflite.ends import with_ends
from edgeswap.tflite.metadata import read_attached
from tests.app_bundle import MEAN_STD, colors, run_python
from tests.bundles import InProcess, bundle_of, classifier, contents, dataset, manifest, packed_again, pixels, report


def made(folder: Path, io: Io, preprocess: str = "unit") -> bytes:
    """Of a classifier of gray pixels, or of colors where the mapping has a deviation for each channel."""
    gray = preprocess == "unit"
    model = classifier(folder) if gray else colors(folder, 0.0187, -14).read_bytes()
    shape = (5, 4, 1) if gray else (16, 16, 3)
    data = dataset({"x": pixels(shape)}, None)
    return bundle_of(with_ends(model, io), report(preprocess), data, from_name(preprocess), InProcess())


def said_of_the_input(bundle: bytes) -> dict[str, Any]:
    (graph,) = read_attached(contents(bundle)["model.tflite"]).metadata["subgraph_metadata"]
    found: dict[str, Any] = graph["input_tensor_metadata"][0]
    return found


@pytest.mark.parametrize(("io", "step"), [("uint8", "uint8 = pixel"), ("float32", "float32 = pixel * scale + offset")])
def test_it_verifies_and_its_python_runs(tmp_path: Path, io: Io, step: str) -> None:
    bundle, plain = made(tmp_path, io), made(tmp_path, "int8")
    (tmp_path / "bundle.zip").write_bytes(bundle)
    assert [check for check in verify(tmp_path / "bundle.zip", [InProcess()]).checks if check.faults] == []
    for file, content in contents(bundle).items():
        (tmp_path / "app" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "app" / file).write_bytes(content)
    code, said = run_python(tmp_path / "app")
    assert code == 0, said
    told = manifest(bundle)
    assert (told.inputs[0].dtype, told.outputs[0].dtype) == (io, io)
    assert any(step in line for line in told.preprocessing)
    assert f"takes {io} and gives {io}. It computes in int8." in contents(bundle)["README.md"].decode()
    # The same samples, chosen by the same int8 outputs.
    names = [
        name for name in contents(plain) if name.startswith("golden/") and name.endswith(".u8") and "input" in name
    ]
    assert names
    assert all(contents(bundle)[name] == contents(plain)[name] for name in names)


def test_a_golden_output_that_is_a_step_off_is_found_in_float32(tmp_path: Path) -> None:
    files = contents(made(tmp_path, "float32"))
    values = np.frombuffer(files["golden/1.output0.f32"], "<f4").copy()
    values[0] += manifest(made(tmp_path, "float32")).outputs[0].scale
    (tmp_path / "bundle.zip").write_bytes(packed_again({**files, "golden/1.output0.f32": values.tobytes()}))
    last = verify(tmp_path / "bundle.zip", [InProcess()]).checks[-1]
    assert [fault.split(": ")[1] for fault in last.faults] == ["off by 1 int8 steps, 0 are allowed"]


@pytest.mark.parametrize("preprocess", ["unit", MEAN_STD])
def test_every_kind_of_ends_names_the_same_mean_and_deviation(tmp_path: Path, preprocess: str) -> None:
    """(pixel - mean) / deviation is the real value; a reader quantizes it where the input is not float32."""
    plain = said_of_the_input(made(tmp_path, "int8", preprocess))
    (unit,) = plain["process_units"]
    for io in ("uint8", "float32"):
        other = said_of_the_input(made(tmp_path, io, preprocess))
        assert other["stats"] == plain["stats"]
        (given,) = other["process_units"]
        for name, values in unit["options"]["NormalizationOptions"].items():
            assert given["options"]["NormalizationOptions"][name] == pytest.approx(values, rel=1e-6, abs=1e-4)
