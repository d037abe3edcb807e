"""The delegate path without a Coral: the device script loads an external delegate of our own, written in C.

`delegate/counting_delegate.c` tells every call in a file and runs int8 RELU, so that what it took can be seen in the
outputs. It declares the runtime's structures by itself, as a library that is built apart from the runtime does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate

import edgeswap
from deploy import benchmark
from edgeswap.errors import TargetError
from edgeswap.progress import Silent
from edgeswap.targets.host import Host
from edgeswap.targets.measure import measure
from tests.accelerator_models import SCALE, ZERO_POINT, chain, compiled
from tests.tflite_models import BUILTIN
from tests.tiny_tflite import Spec, classifier, write

SCRIPT = Path(benchmark.__file__)
SOURCE = Path(__file__).parent / "delegate" / "counting_delegate.c"
FLAGS = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
VALUES = np.random.default_rng(0).integers(-128, 128, (20, 256)).astype(np.int8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The delegate, also under the name of Coral's library, beside an int8 model of RELU, ELU, RELU and its samples."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc here (Debian packages gcc and libc6-dev)")
    made = tmp_path_factory.mktemp("delegate")
    subprocess.run(["gcc", *FLAGS, "-o", str(made / "libcounting.so"), str(SOURCE)], check=True)
    shutil.copy(made / "libcounting.so", made / "libedgetpu.so.1")
    (made / "model.tflite").write_bytes(chain(BUILTIN.RELU, BUILTIN.ELU, BUILTIN.RELU))
    (made / "elu.tflite").write_bytes(chain(BUILTIN.ELU))
    (made / "compiled.tflite").write_bytes(compiled(chain(BUILTIN.RELU, BUILTIN.ELU, BUILTIN.RELU), 1))
    np.savez(
        made / "test.npz", x=(VALUES.astype(np.float32) - ZERO_POINT) * np.float32(SCALE)
    )  # these quantize to VALUES
    return made


def run(folder: Path, *arguments: str, delegate: str = "./libcounting.so", **options: str) -> Any:
    """The device script as a user starts it, in `folder`, which is where libraries are looked for."""
    given = [part for key, value in options.items() for part in ("--delegate-option", f"{key}={value}")]
    command = [sys.executable, str(SCRIPT), *arguments, "--quick", "--delegate", delegate, *given]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def measured(folder: Path, *arguments: str, **options: str) -> dict[str, Any]:
    done = run(folder, *arguments, "--json", "-", **options)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def refused(done: Any) -> tuple[str, str]:
    """The problem and the remedy, which are all that it says beside the runtime's greeting."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("INFO: ")]
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    return lines[0], lines[1]


def told(folder: Path) -> list[str]:
    """What was done with the delegate, since the last time."""
    log = folder / "log.txt"
    lines = log.read_text().splitlines()
    log.unlink()
    return lines


def names(result: dict[str, Any]) -> list[str]:
    return [warning["name"] for warning in result["warnings"]]


def test_a_delegate_is_loaded_with_its_options_and_runs_what_it_takes(folder):
    result = measured(folder, "model.tflite", "--no-load", "--no-latency", log="log.txt", claim="relu", device="usb:0")
    lines = told(folder)
    assert lines[:4] == ["option log=log.txt", "option claim=relu", "option device=usb:0", "create"]
    assert lines[4:6] == ["prepare operators=3 taken=2", "destroy"]
    (model,) = result["models"]
    assert model["delegates"][0] == {"name": "libcounting.so", "partitions": 2, "operators": 2}
    assert benchmark.DELEGATE_NOT_APPLIED not in names(result)
    assert result["delegate"] == "./libcounting.so"


@pytest.mark.slow
def test_every_interpreter_has_the_delegate_prepared_once(folder):
    """There is more than one: for loading time, for accuracy, for latency."""
    measured(folder, "model.tflite", "--data", "test.npz", log="log.txt", claim="relu")
    lines = told(folder)
    assert lines.count("create") == lines.count("prepare operators=3 taken=2") == lines.count("destroy")
    assert lines.count("create") > 1


@pytest.mark.slow
def test_outputs_with_the_delegate_are_those_of_the_runtime(folder):
    """To the last bit: between tensors of one scale, RELU is max(x, zero point)."""
    outputs = []
    for library in ([], [load_delegate(str(folder / "libcounting.so"), {"claim": "relu"})]):
        interpreter = Interpreter(str(folder / "model.tflite"), experimental_delegates=library)
        interpreter.allocate_tensors()
        found = []
        for value in VALUES:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value[None])
            interpreter.invoke()
            found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy())
        outputs.append(np.concatenate(found))
    np.testing.assert_array_equal(*outputs)
    assert (outputs[0] > ZERO_POINT).any()
    for delegate, options in (("none", {}), ("./libcounting.so", {"claim": "relu"})):
        done = run(folder, "model.tflite", "--data", "test.npz", "--outputs", "out.npz", delegate=delegate, **options)
        assert done.returncode == 0, done.stderr
        with np.load(folder / "out.npz") as kept:
            np.testing.assert_array_equal(kept["model0.output0"].reshape(20, 256), outputs[0])


def test_a_delegate_that_takes_no_operator_is_warned_of(folder):
    result = measured(folder, "elu.tflite", "--no-load", log="log.txt", claim="relu")
    assert "prepare operators=1 taken=0" in told(folder)
    assert "libcounting.so" not in {entry["name"] for entry in result["models"][0]["delegates"]}
    (warning,) = [warning for warning in result["warnings"] if warning["name"] == benchmark.DELEGATE_NOT_APPLIED]
    assert "took no operator" in warning["seen"][0]["detail"]
    assert "edgetpu_compiler" in warning["advice"]


def test_the_edge_tpu_is_the_library_of_that_name(folder):
    result = measured(
        folder, "model.tflite", "--no-load", delegate="edgetpu", log="log.txt", claim="relu", device="pci"
    )
    assert "option device=pci" in told(folder)
    assert result["models"][0]["delegates"][0]["name"] == "libedgetpu.so.1"
    assert result["delegate"] == "edgetpu"


@pytest.mark.slow
def test_a_compiled_model_runs_by_the_delegate_alone(folder):
    """The operator that no runtime knows is the library's, the rest the CPU's; the outputs are the model's."""
    options = ("--data", "test.npz", "--outputs", "out.npz", "--no-load")
    model = measured(folder, "compiled.tflite", *options, delegate="edgetpu")["models"][0]
    assert model["operators"] == {"ELU": 1, "RELU": 1, "edgetpu-custom-op": 1}
    assert model["delegates"][0] == {"name": "libedgetpu.so.1", "partitions": 1, "operators": 1}
    with np.load(folder / "out.npz") as kept:
        through_delegate = kept["model0.output0"]
    measured(folder, "model.tflite", *options, delegate="none")
    with np.load(folder / "out.npz") as kept:
        np.testing.assert_array_equal(through_delegate, kept["model0.output0"])


@pytest.mark.slow
def test_a_compiled_model_without_its_delegate_is_told(folder):
    problem, remedy = refused(run(folder, "compiled.tflite", delegate="none"))
    assert "edgetpu-custom-op" in problem
    assert "--delegate" in remedy


@pytest.mark.slow
def test_a_library_that_is_missing_is_told_with_what_to_install(tmp_path, folder):
    shutil.copy(folder / "model.tflite", tmp_path)
    problem, remedy = refused(run(tmp_path, "model.tflite", delegate="edgetpu"))
    assert "libedgetpu.so.1" in problem
    assert "cannot open shared object file" in problem
    assert "libedgetpu1-std" in remedy
    assert "tflite-runtime 2.11 to 2.16" in remedy
    problem, remedy = refused(run(tmp_path, "model.tflite", delegate="./libother.so"))
    assert "./libother.so" in problem
    assert "libedgetpu" not in remedy


@pytest.mark.slow
def test_a_library_that_is_no_delegate_is_told(folder, tmp_path):
    (tmp_path / "empty.c").write_text("int nothing;\n")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(tmp_path / "libempty.so"), str(tmp_path / "empty.c")], check=True
    )
    problem, remedy = refused(run(folder, "model.tflite", delegate=str(tmp_path / "libempty.so")))
    assert "tflite_plugin_create_delegate" in problem
    assert "--delegate" in remedy


@pytest.mark.slow
def test_a_delegate_that_refuses_is_told_in_its_own_words(folder):
    problem, remedy = refused(run(folder, "model.tflite", delegate="edgetpu", refuse="no such device usb:9"))
    assert "libedgetpu.so.1 did not start" in problem
    assert "no such device usb:9" in problem
    assert "connected" in remedy


@pytest.mark.slow
def test_a_delegate_that_crashes_is_told(folder):
    """As libedgetpu of 2021 does under newer runtimes."""
    problem, remedy = refused(run(folder, "model.tflite", crash="1"))
    assert "SIGABRT" in problem
    assert "another runtime" in remedy


@pytest.mark.slow
def test_a_measurement_on_the_host_goes_through_the_delegate(tmp_path, monkeypatch, folder):
    weights = np.random.default_rng(0).integers(-3, 4, (3, 16))
    for name, scale in (("float.tflite", 0.0), ("int8.tflite", 1 / 255)):
        classifier(tmp_path / name, weights, (4, 4, 1), scale=scale)
    models = [tmp_path / "float.tflite", tmp_path / "int8.tflite"]
    library = str(folder / "libcounting.so")
    ((result, *_),) = measure(Host(), models, None, preprocess=None, quick=True, delegate=library)
    assert result.delegate == library
    # A FULLY_CONNECTED is nothing that it takes: of the candidate that is told, of the float32 baseline it is as it is.
    (warning,) = [text for text in result.warnings if text.startswith(benchmark.DELEGATE_NOT_APPLIED)]
    assert "int8: " in warning
    assert "float32: " not in warning
    with pytest.raises(TargetError, match="cannot open shared object file"):
        measure(Host(), models, None, preprocess=None, delegate=str(tmp_path / "none.so"), progress=Silent())


STAND_IN = """#!/bin/sh
PATH=/usr/bin:/bin
cp {folder}/compiled.tflite "$2/model_int8_edgetpu.tflite"
cat > "$2/model_int8_edgetpu.log" <<END
Operator                       Count      Status

RELU                           1          Mapped to Edge TPU
RELU                           1          More than one subgraph is not supported
ELU                            1          Operation not supported
END
echo Edge TPU Compiler version 16.0.384591198
echo Number of Edge TPU subgraphs: 1
"""


@pytest.mark.slow
def test_bench_compiles_with_a_stand_in_for_the_compiler_and_measures_through_the_library(
    folder, tmp_path, monkeypatch
):
    """From an int8 model to figures and the mapping: only the compiler and Coral's library are not the real ones."""
    compiler = tmp_path / "edgetpu_compiler"
    compiler.write_text(STAND_IN.format(folder=folder))
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))  # of the processes that measure
    options = (schema.BuiltinOptions.NONE, None)
    tensors = [Spec("image", (1, 256)), Spec("result", (1, 256))]
    baseline = write(tmp_path / "float.tflite", tensors, (BUILTIN.RELU, 1, *options, (0,)), (0,), (1,))
    report = edgeswap.bench(
        baseline, folder / "model.tflite", data=str(folder / "test.npz"), delegate="edgetpu", quick=True
    )
    mapping, (target,) = report.edgetpu, report.targets
    assert mapping is not None
    assert mapping.basis == "edgetpu_compiler 16.0.384591198"
    assert mapping.tpu_operators == {"RELU": 1}
    assert mapping.cpu_operators == {"ELU": 1, "RELU": 1}
    assert mapping.leaves_at is not None
    assert (mapping.leaves_at.operator, mapping.leaves_at.layer) == ("ELU", "layer1")
    assert target.delegate == "edgetpu"
    assert not [text for text in target.warnings if "delegate-not-applied" in text or "not-on-the-edge-tpu" in text]
    assert target.int8.latency_ms is not None
    assert target.int8.quality.samples == len(VALUES)
    assert not report.failures
