"""How programs are started in QEMU, and the plugin that counts what they execute."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from edgeswap.targets.emulator.qemu import command, compile_plugin, environment, qemu_version


def test_nothing_of_this_machines_python_reaches_the_emulated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/the/host")
    monkeypatch.setenv("LD_PRELOAD", "/of/the/host.so")
    variables = environment(Path("/kept"), "tflite-runtime")
    assert variables["PYTHONPATH"] == "/kept/tflite-runtime"
    assert variables["PYTHONHASHSEED"] == "0"
    assert "LD_PRELOAD" not in variables


def arm_program(times: int) -> bytes:
    """An ELF file for 64-bit Arm: getpriority, a loop of two instructions so often, getpriority, exit.

    Encodings: Arm Architecture Reference Manual, A64 (MOVZ, SUBS immediate, B.cond, SVC).
    """

    def movz(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    svc, subs_x1_1, bne_back = 0xD4000001, 0xF1000421, 0x54FFFFE1
    code = [movz(8, 141), svc, movz(1, times), subs_x1_1, bne_back, svc, movz(8, 93), movz(0, 0), svc]
    base, start = 0x400000, 64 + 56
    size = start + 4 * len(code)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, base + start, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + struct.pack(f"<{len(code)}I", *code)


@pytest.fixture
def qemu() -> str:
    version = qemu_version()
    if version is None or not shutil.which("gcc"):
        pytest.skip("needs qemu-user and gcc")
    return version


@pytest.mark.parametrize("times", [1, 5, 60000])
def test_the_plugin_counts_every_instruction_between_two_marks(qemu: str, times: int, tmp_path: Path) -> None:
    folder = tmp_path / "a folder, with = and a comma"
    folder.mkdir()
    compile_plugin(folder, qemu)
    program = tmp_path / "program"
    program.write_bytes(arm_program(times))
    program.chmod(0o755)
    *start, _ = command(folder, "pi4", counts=folder / "counts.txt")
    subprocess.run([*start, str(program)], check=True)
    first, second = (int(line) for line in (folder / "counts.txt").read_text().split())
    assert first == 2  # movz, svc
    assert second - first == 2 * times + 2  # movz, the loop, svc


def test_the_plugin_tells_qemu_which_interface_it_is_written_for(qemu: str, tmp_path: Path) -> None:
    """QEMU 9 and newer want version 2; one that is older says so of a plugin of that version."""
    if int(qemu.partition(".")[0]) >= 9:
        pytest.skip("this QEMU takes version 2")
    compile_plugin(tmp_path, "9.0.0")
    program = tmp_path / "program"
    program.write_bytes(arm_program(1))
    *start, _ = command(tmp_path, "pi4", counts=tmp_path / "counts.txt")
    done = subprocess.run([*start, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "requires API version 2" in done.stderr
