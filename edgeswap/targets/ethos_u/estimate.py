"""Arm's Ethos-U: `estimate` lets Arm's compiler Vela compile an int8 model and says what Vela expects of it.

No Ethos-U runs here. Cycles and times are the compiler's estimates, for the clock and memories of its system
configuration; a board has others. What is certain is which operators it placed on the NPU.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeswap.errors import ConfigError, TargetError
from edgeswap.records import NpuEstimate
from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.compiler import quote, run_compiler
from edgeswap.targets.ethos_u import installed as vela
from edgeswap.tflite.flatbuffer import operator_name, operators, read, tensors

# System configuration and memory mode of each core, from the vela.ini that Vela brings along. They are the ones it
# takes by itself, named here so that another version of it reckons with the same.
_CONFIG_FILE = "Arm/vela.ini"
_CONFIGURATIONS: Mapping[str, tuple[str, str]] = {
    "ethos-u55": ("Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "ethos-u65": ("Ethos_U65_Client_Server", "Dedicated_Sram_384KB"),
    "ethos-u85": ("Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
}
_NPU_OPERATOR = "ethos-u"
# The tensor that an operator left to the CPU writes, and why it is left there, up to an empty line.
_WARNING = re.compile(
    r"^Warning \(supported operators\) operator: \w+, ofm: '(?P<tensor>.*)'\n(?P<why>(?:.+\n)+)", re.MULTILINE
)


def estimate(tflite_model: bytes, accelerator: str, folder: Path, *, timeout_s: float = 900.0) -> NpuEstimate:
    """Compile an int8 model for an Ethos-U and say what the compiler expects of it.

    Args:
        tflite_model: a full-integer `.tflite` file.
        accelerator: one of `edgeswap.targets.ethos_u.installed.ACCELERATORS`.
        folder: where the compiled model goes, as `model_int8_<accelerator>.tflite`.
        timeout_s: how long Vela may take, in seconds.

    Returns:
        Operators on the NPU and on the CPU, and Vela's estimates of cycles, time and memory: none of it is measured.

    Raises:
        ConfigError: no accelerator is called so.
        ModelError: `tflite_model` is no TFLite file that can be read.
        TargetError: Vela is not installed, failed, crashed or hung, or no operator of the model runs on the NPU.
    """
    if accelerator not in vela.ACCELERATORS:
        raise ConfigError(f"Expected an Ethos-U, got {accelerator!r}.", f"Known are: {', '.join(vela.ACCELERATORS)}.")
    version = vela.version()
    if version is None:
        raise TargetError(f"{accelerator}: expected {vela.PACKAGE} in this Python, it is not installed.", vela.MISSING)
    source = operators(read(tflite_model))
    system_config, memory_mode = _CONFIGURATIONS[accelerator.rpartition("-")[0]]
    with scratch_folder() as scratch:
        (scratch / "model.tflite").write_bytes(tflite_model)
        command = [sys.executable, "-m", "ethosu.vela", "model.tflite", "--output-dir", "compiled"]
        command += ["--accelerator-config", accelerator, "--config", _CONFIG_FILE]
        command += ["--system-config", system_config, "--memory-mode", memory_mode]
        name = f"{accelerator}: {vela.PACKAGE} {version}"
        remedy = "Check the model with edgeswap check; if it is sound, try another version of Vela."
        said = run_compiler(name, command, scratch, timeout_s=timeout_s, remedy=remedy)
        compiled, summary = _results(scratch / "compiled", name, said)
    left = _left_to_cpu(compiled, said)
    pieces = operators(read(compiled)).get(_NPU_OPERATOR, 0)
    if not pieces:
        why = f" Vela says: {left[0][1]}" if left else ""
        raise TargetError(
            f"{accelerator}: expected operators that the NPU runs, Vela found none among {sum(source.values())}.",
            f"Give it a full-integer model, as edgeswap export --int8 makes it.{why}",
        )
    cpu_operators = Counter(operator for operator, _ in left)
    file = f"model_int8_{accelerator}.tflite"
    (folder / file).write_bytes(compiled)
    return NpuEstimate(
        accelerator=accelerator,
        compiler=f"{vela.PACKAGE} {version}",
        system_config=system_config,
        memory_mode=memory_mode,
        file=file,
        size_bytes=len(compiled),
        npu_operators=_by_count(Counter(source) - cpu_operators),
        cpu_operators=_by_count(cpu_operators),
        cpu_reasons=[reason for _, reason in left],
        npu_pieces=pieces,
        **_figures(summary, name),
    )


def _results(folder: Path, name: str, said: str) -> tuple[bytes, dict[str, str]]:
    """The compiled model and the one line of Vela's summary, by column."""
    models, summaries = list(folder.glob("*_vela.tflite")), list(folder.glob("*_summary_*.csv"))
    if len(models) != 1 or len(summaries) != 1:
        raise TargetError(f"{name}: expected a compiled model and a summary, it wrote none.", quote(said))
    with summaries[0].open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    return models[0].read_bytes(), row


def _left_to_cpu(compiled: bytes, said: str) -> list[tuple[str, str]]:
    """Operators that stand in the compiled model beside the NPU's, in order: name, and the line that tells why.

    Vela names the tensor that an operator writes, and keeps its name.
    """
    reasons = {warning["tensor"]: _sentence(warning["why"]) for warning in _WARNING.finditer(said + "\n")}
    model = read(compiled)
    found = []
    for number, subgraph in enumerate(model.subgraphs):
        known = tensors(model, number)
        for operator in subgraph.operators:
            name = operator_name(model.operatorCodes[operator.opcodeIndex])
            if name != _NPU_OPERATOR:
                tensor = known[int(operator.outputs[0])].name
                why = reasons.get(tensor, "Vela does not say why.")
                found.append((name, f"{name} ({tensor}): {why}"))
    return found


def _sentence(why: str) -> str:
    return "; ".join(line.strip().removeprefix("Reason: ").removeprefix("- ") for line in why.splitlines())


def _by_count(found: Counter[str]) -> dict[str, int]:
    return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))


def _figures(row: Mapping[str, str], name: str) -> dict[str, Any]:
    """Vela's summary in the record's units; it gives Hz, seconds, cycles, and memory in KiB."""
    try:
        return {
            "clock_hz": float(row["core_clock"]),
            "npu_cycles": round(float(row["cycles_npu"])),
            "total_cycles": round(float(row["cycles_total"])),
            "inference_ms": float(row["inference_time"]) * 1e3,
            "macs": round(float(row["nn_macs"])),
            **{
                f"{memory}_bytes": round(float(row[f"{memory}_memory_used"]) * 1024)
                for memory in ("sram", "dram", "on_chip_flash", "off_chip_flash")
            },
        }
    except KeyError as error:
        raise TargetError(
            f"{name}: expected the column {error} in its summary, there is none.",
            f"Run: pip install '{vela.REQUIREMENT}'",
        ) from error
