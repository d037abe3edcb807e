"""What a program sees of an emulated Pi."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from deploy.benchmark import ARM_PARTS, describe_machine, machine_state
from edgeswap.errors import ConfigError
from edgeswap.targets.emulator.pi import PIS, write_view
from edgeswap.targets.emulator.target import Emulator


@pytest.mark.parametrize(("name", "core"), [("pi3", "Cortex-A53"), ("pi4", "Cortex-A72"), ("pi5", "Cortex-A76")])
def test_the_device_script_reads_the_pi_and_not_this_machine(name: str, core: str, tmp_path: Path) -> None:
    (tmp_path / "root" / "usr").mkdir(parents=True)
    write_view(PIS[name], tmp_path / name, tmp_path / "root", "QEMU 7.2")
    machine = describe_machine(tmp_path / name)
    assert machine["cpu"] == core == ARM_PARTS[PIS[name].part]
    assert machine["board"] == f"Raspberry Pi {name[-1]}, emulated by QEMU 7.2"
    assert machine["governor"] is None
    assert machine["clock_max_mhz"] is None
    state = machine_state(tmp_path / name)
    assert state["temperature_c"] is None
    assert state["clock_mhz"] is None
    assert (tmp_path / name / "usr").resolve() == tmp_path / "root" / "usr"


def test_a_view_moves_with_its_root(tmp_path: Path) -> None:
    """It is made in a hidden folder that is renamed in the end."""
    (tmp_path / "staging" / "root" / "lib").mkdir(parents=True)
    write_view(PIS["pi4"], tmp_path / "staging" / "pi4", tmp_path / "staging" / "root", "QEMU")
    (tmp_path / "staging").rename(tmp_path / "done")
    assert (tmp_path / "done" / "pi4" / "lib").is_dir()


def test_cpuinfo_has_four_processors_in_the_kernels_form() -> None:
    """As Linux writes it, tabs included."""
    first, second, *rest = PIS["pi5"].cpuinfo.split("\n\n")
    assert first.splitlines() == [
        "processor\t: 0",
        "BogoMIPS\t: 108.00",
        "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop "
        "asimddp",
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        "CPU variant\t: 0x4",
        "CPU part\t: 0xd0b",
        "CPU revision\t: 1",
    ]
    assert second.startswith("processor\t: 1\n")
    assert [part.partition("\n")[0] for part in rest] == ["processor\t: 2", "processor\t: 3", ""]
    assert "asimddp" not in PIS["pi4"].cpuinfo


def test_names() -> None:
    assert [(target.name, target.runtime) for target in Emulator.parse("emulator:pi4")] == [
        ("emulator:pi4", "ai-edge-litert"),
        ("emulator:pi4", "tflite-runtime"),
    ]
    for wrong in ("emulator:pi6", "pi5", "emulator", "emulator:"):
        with pytest.raises(ConfigError, match="emulated Raspberry Pi") as raised:
            Emulator.parse(wrong)
        assert "emulator:pi5" in raised.value.remedy
    assert pickle.loads(pickle.dumps(Emulator.parse("emulator:pi3"))) == Emulator.parse("emulator:pi3")
