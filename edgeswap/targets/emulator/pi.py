"""Which Raspberry Pis can be emulated, and what programs there see of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREFIX = "emulator:"  # of their names as targets
CORES = 4  # of each of them
CPU_FOLDER = "sys/devices/system/cpu"
# What this machine says of itself must not be taken for the Pi: an empty file stands for what is not known.
UNKNOWN = (
    "etc/ld.so.cache",
    "etc/ld.so.preload",
    "sys/class/thermal/thermal_zone0/temp",
    *(f"{CPU_FOLDER}/cpufreq/policy0/{name}" for name in ("scaling_governor", "scaling_cur_freq", "scaling_max_freq")),
)


@dataclass(frozen=True)
class Pi:
    """A Raspberry Pi as XNNPACK sees it, which chooses its kernels by the core and the instruction sets.

    Attributes:
        board: its name.
        core: Arm's name of its CPU core; in lower case it is QEMU's.
        features: instruction sets, as its kernel's /proc/cpuinfo names them.
        variant, part, revision: of the core, from its Main ID Register, as there.
        bogomips: as there.
    """

    board: str
    core: str
    features: str
    variant: int
    part: int
    revision: int
    bogomips: str

    @property
    def qemu_cpu(self) -> str:
        """For QEMU's `-cpu`."""
        return self.core.lower()

    @property
    def cpuinfo(self) -> str:
        """The text of /proc/cpuinfo, as arch/arm64/kernel/cpuinfo.c of Linux writes it."""
        about = (
            f"BogoMIPS\t: {self.bogomips}\n"
            f"Features\t: {self.features}\n"
            "CPU implementer\t: 0x41\n"
            "CPU architecture: 8\n"
            f"CPU variant\t: {self.variant:#x}\n"
            f"CPU part\t: {self.part:#x}\n"
            f"CPU revision\t: {self.revision}\n"
        )
        return "".join(f"processor\t: {number}\n{about}\n" for number in range(CORES))


# Part numbers: Arm's Technical Reference Manuals of the cores, MIDR_EL1. The Pi 3's and 4's SoCs lack the cryptography
# extension; the Pi 5's Cortex-A76 has Armv8.2's dot products (asimddp) and half precision (fphp, asimdhp).
ARMV8 = "fp asimd evtstrm crc32 cpuid"
ARMV8_2 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
PIS = {
    "pi3": Pi("Raspberry Pi 3", "Cortex-A53", ARMV8, 0, 0xD03, 4, "38.40"),
    "pi4": Pi("Raspberry Pi 4", "Cortex-A72", ARMV8, 0, 0xD08, 3, "108.00"),
    "pi5": Pi("Raspberry Pi 5", "Cortex-A76", ARMV8_2, 4, 0xD0B, 1, "108.00"),
}


def write_view(pi: Pi, folder: Path, root: Path, emulator: str) -> None:
    """Make `folder`: what a program that runs under `qemu-aarch64 -L folder` finds instead of this machine's files.

    QEMU looks there first whenever a program opens a file by an absolute path; so /proc/cpuinfo needs no mount.

    Args:
        pi: whose view.
        folder: is made.
        root: the Arm root, beside `folder`.
        emulator: what the board's name says it is emulated by.
    """
    texts = {
        "proc/cpuinfo": pi.cpuinfo,
        "proc/device-tree/model": f"{pi.board}, emulated by {emulator}",
        **dict.fromkeys((f"{CPU_FOLDER}/{name}" for name in ("possible", "present", "online")), f"0-{CORES - 1}\n"),
        **dict.fromkeys(UNKNOWN, ""),
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("lib", "usr"):
        (folder / name).symlink_to(Path("..", root.name, name))
