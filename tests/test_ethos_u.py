"""Ethos-U: real Vela on real models, what it leaves to the CPU, and how its failures are told."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from edgeswap.errors import ConfigError, ModelError, TargetError
from edgeswap.records import NpuEstimate
from edgeswap.targets.compiler import run_compiler
from edgeswap.targets.ethos_u import estimate as ethos_u
from edgeswap.targets.ethos_u import installed as vela
from edgeswap.targets.ethos_u.estimate import estimate
from edgeswap.targets.ethos_u.installed import ACCELERATORS, missing
from edgeswap.tflite.flatbuffer import operators, read
from edgeswap.tflite.lower import lower
from tests.accelerator_models import chain
from tests.conftest import CHECKOUT
from tests.tflite_models import BUILTIN, converted, single

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.skipif(bool(missing()), reason=" ".join(missing()))


GELU = single(BUILTIN.GELU, (0.05, 0), (0.05, 0))
# Vela has no int8 SIN.
WITH_SIN = chain(BUILTIN.RELU, BUILTIN.SIN, BUILTIN.RELU, BUILTIN.SIN)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["operator", "rewritten"])
@pytest.mark.parametrize("kind", ["relu6", "elu_fake_quant", "hard_swish", "swish"])
def test_all_operators_run_on_the_npu(kind, form, tmp_path):
    model = lower(converted(kind), runtime="ai-edge-litert", hard_swish=form)
    found = estimate(model, "ethos-u55-128", tmp_path)
    assert found.npu_operators == operators(read(model))
    assert (found.cpu_operators, found.cpu_reasons, found.npu_pieces) == ({}, [], 1)
    if kind == "elu_fake_quant":
        assert found.npu_operators["ELU"] == 5  # folded: int8 in and out
    if kind == "hard_swish":
        assert ("HARD_SWISH" in found.npu_operators) == (form == "operator")
    compiled = (tmp_path / found.file).read_bytes()
    assert found.file == "model_int8_ethos-u55-128.tflite"
    assert found.size_bytes == len(compiled)
    assert operators(read(compiled)) == {"ethos-u": 1}


@pytest.mark.slow
def test_a_float_island_is_left_to_the_cpu_and_cuts_the_graph(tmp_path):
    found = estimate(converted("elu_fake_quant"), "ethos-u55-128", tmp_path)
    assert found.cpu_operators["ELU"] == 5
    assert "ELU" not in found.npu_operators
    assert found.npu_pieces > 1
    assert any(
        re.match(r"ELU \(net/act1/.*Float32", reason) for reason in found.cpu_reasons
    )  # the layer, and Vela's reason


@pytest.mark.slow
def test_the_figures_are_those_of_velas_own_summary(tmp_path):
    found = estimate(GELU, "ethos-u65-256", tmp_path)
    (tmp_path / "gelu.tflite").write_bytes(GELU)
    command = [sys.executable, "-m", "ethosu.vela", "gelu.tflite", "--accelerator-config", "ethos-u65-256"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (summary,) = (tmp_path / "output").glob("*.csv")
    with summary.open() as stream:
        (row,) = csv.DictReader(stream)
    # Vela by itself takes the same configuration, so the tables here go by what it takes.
    assert (found.system_config, found.memory_mode) == (row["system_config"], row["memory_mode"])
    assert found.npu_cycles == int(row["cycles_npu"])
    assert found.total_cycles == int(row["cycles_total"])
    assert found.inference_ms == pytest.approx(float(row["inference_time"]) * 1000)
    # Cycles at the clock are the time; Vela prints it to four digits or more.
    assert found.inference_ms == pytest.approx(1000 * found.total_cycles / found.clock_hz, rel=1e-3)
    assert found.sram_bytes == float(row["sram_memory_used"]) * 1024
    assert found.dram_bytes == float(row["dram_memory_used"]) * 1024
    assert found.dram_bytes >= 512  # 256 values that go in and 256 that come out, of one byte each
    assert found.clock_hz == 1e9


@pytest.mark.slow
@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_every_accelerator_compiles_and_has_a_file_of_its_own(accelerator, tmp_path):
    found = estimate(GELU, accelerator, tmp_path)
    assert found.npu_operators == {"GELU": 1}
    assert found.inference_ms > 0
    assert [path.name for path in tmp_path.iterdir()] == [f"model_int8_{accelerator}.tflite"]
    assert NpuEstimate.model_validate_json(found.model_dump_json()) == found


@pytest.mark.slow
def test_the_accelerators_are_those_that_vela_compiles_for():
    command = [sys.executable, "-m", "ethosu.vela", "--help"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    listed = re.search(r"--accelerator-config \{([^}]+)\}", said)
    assert listed is not None
    assert tuple(re.sub(r"\s", "", listed[1]).split(",")) == ACCELERATORS


@pytest.mark.slow
def test_more_macs_take_fewer_cycles(tmp_path):
    model = converted("relu6")
    cycles = [estimate(model, name, tmp_path).npu_cycles for name in ("ethos-u55-32", "ethos-u55-256")]
    assert cycles[0] > cycles[1]


@pytest.mark.slow
def test_an_operator_that_vela_does_not_have_is_told_with_its_layer_and_why(tmp_path):
    found = estimate(WITH_SIN, "ethos-u55-128", tmp_path)
    assert found.npu_operators == {"RELU": 2}
    assert found.cpu_operators == {"SIN": 2}
    assert found.cpu_reasons == [
        "SIN (net/layer1/Op): Unsupported opType",
        "SIN (net/layer3/Op): Unsupported opType",
    ]
    assert found.npu_pieces == 2
    compiled = operators(read((tmp_path / found.file).read_bytes()))
    assert compiled == {"ethos-u": 2, "SIN": 2}


@pytest.mark.slow
def test_a_model_of_which_nothing_runs_on_the_npu_is_an_error(tmp_path):
    with pytest.raises(TargetError) as caught:
        estimate(converted("relu6", "float32"), "ethos-u55-128", tmp_path)
    assert "found none among 7" in caught.value.problem
    assert "--int8" in caught.value.remedy
    assert "Float32" in caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_model_without_operators_is_an_error(tmp_path):
    with pytest.raises(TargetError, match="found none among 0"):
        estimate(chain(), "ethos-u55-128", tmp_path)


def test_a_name_that_no_npu_has_is_wrong_usage(tmp_path):
    with pytest.raises(ConfigError) as caught:
        estimate(GELU, "ethos-u55-512", tmp_path)
    assert "'ethos-u55-512'" in caught.value.problem
    assert "ethos-u55-256, ethos-u65-256" in caught.value.remedy


def test_a_file_that_is_none_is_told_before_vela_sees_it(tmp_path):
    with pytest.raises(ModelError):
        estimate(GELU[:-100], "ethos-u55-128", tmp_path)


def test_the_extra_installs_what_the_error_asks_for():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["ethos-u"] == [vela.REQUIREMENT]
    assert vela.version() in Requirement(vela.REQUIREMENT).specifier


def test_without_vela_the_error_has_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(vela, "PACKAGE", "ethos-u-vela-of-nobody")
    with pytest.raises(TargetError) as caught:
        estimate(GELU, "ethos-u55-128", tmp_path)
    assert "not installed" in caught.value.problem
    assert "pip install 'ethos-u-vela>=" in caught.value.remedy
    assert missing() == [caught.value.remedy]
    assert not list(tmp_path.iterdir())


def test_a_crash_of_vela_is_told_in_its_own_words(tmp_path):
    (tmp_path / "broken.tflite").write_bytes(converted("relu6")[:3000])  # Vela 5.2 reads on, behind its end
    command = [sys.executable, "-m", "ethosu.vela", "broken.tflite"]
    with pytest.raises(TargetError) as caught:
        run_compiler("vela", command, tmp_path, timeout_s=60, remedy="Check it.")
    assert caught.value.problem == "vela: expected a compiled model, the compiler crashed with SIGSEGV."
    assert caught.value.remedy.startswith("Check it. Its last words: ")
    assert "inconsistent with generated schema" in caught.value.remedy


@pytest.mark.slow
def test_a_refusal_of_vela_is_told_in_its_own_words(tmp_path):
    (tmp_path / "text.tflite").write_text("hello")
    command = [sys.executable, "-m", "ethosu.vela", "text.tflite"]
    with pytest.raises(TargetError) as caught:
        run_compiler("vela", command, tmp_path, timeout_s=60, remedy="Check it.")
    assert "failed with exit code 1" in caught.value.problem
    assert "RuntimeError: Compilation failed: No networks defined" in caught.value.remedy
    assert "File " not in caught.value.remedy  # what its source looks like helps nobody


@pytest.fixture
def hanging(tmp_path) -> Path:
    """A compiler that hangs, with a process of its own whose id it writes to `child`."""
    script = tmp_path / "compiler"
    script.write_text("#!/bin/sh\nsleep 600 &\necho $! >child\necho compiling\nwait\n")
    script.chmod(0o755)
    return script


@pytest.mark.slow
def test_a_compiler_that_hangs_is_ended_with_the_processes_it_started(hanging, tmp_path):
    with pytest.raises(TargetError) as caught:
        run_compiler("it", [str(hanging)], tmp_path, timeout_s=1, remedy="Wait longer.")
    assert "within 1 s" in caught.value.problem
    assert caught.value.remedy == "Wait longer. Its last words: compiling"
    assert _is_gone(int((tmp_path / "child").read_text()))


@pytest.mark.slow
def test_an_interrupt_ends_the_compiler_with_the_processes_it_started(hanging, tmp_path):
    def interrupt() -> None:
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().endswith("\n"):
            time.sleep(0.01)
        time.sleep(1)  # the script may be that far before Python has come back from starting it
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_compiler("it", [str(hanging)], tmp_path, timeout_s=60, remedy="")
    assert _is_gone(int((tmp_path / "child").read_text()))


def test_a_compiler_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TargetError, match="No such file"):
        run_compiler("it", [str(tmp_path / "none")], tmp_path, timeout_s=1, remedy="")


def test_a_compiler_that_is_killed_from_outside_is_told(tmp_path):
    command = [sys.executable, "-c", f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"]
    with pytest.raises(TargetError, match="crashed with SIGKILL") as caught:
        run_compiler("it", command, tmp_path, timeout_s=60, remedy="Try again.")
    assert caught.value.remedy == "Try again. It said nothing."


def test_a_summary_of_another_version_is_told(tmp_path):
    with pytest.raises(TargetError, match="'cycles_npu'"):
        ethos_u._figures({"core_clock": "1"}, "vela")


def _is_gone(process: int) -> bool:
    """Whether it ends; whoever adopts it has to reap it first."""
    for _ in range(100):
        if not _runs(process):
            return True
        time.sleep(0.1)
    return False


def _runs(process: int) -> bool:
    """Whether it is there and no mere entry that waits to be reaped."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or ") Z " not in status.read_text()
