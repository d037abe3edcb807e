"""`edgeswap export --int8` on the built-in digits: three activations by two methods, each the whole command.

Every cell trains the same float network (one seed), so that a row shows what a user waits for and what it takes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.section import write_section

ACTIVATIONS = ("relu6", "clipped_elu", "hard_swish")
METHODS = ("ptq", "qat")
CORES = 2
CHECKOUT = Path(__file__).resolve().parent.parent

# What the example must show on two cores.
LONGEST_WALL_S = 180.0
MOST_PEAK_GIB = 3.0
LEAST_FLOAT32_TOP1 = 0.97
MOST_LOST = 3


@dataclass(frozen=True)
class Cell:
    """One run of the command.

    Attributes:
        report: report.json.
        wall_s: from start to end of the command, in seconds.
        peak_gib: resident memory of its largest process, in GiB.
        other_cores: cores that other programs kept busy meanwhile, on average.
    """

    report: dict[str, Any]
    wall_s: float
    peak_gib: float
    other_cores: float

    @property
    def lost(self) -> int:
        """Test samples that float32 has right and int8 has not, net."""
        drop: float = self.report["comparison"]["drop"]
        samples: int = self.report["int8"]["quality"]["samples"]
        return round(drop * samples / 100)

    def missed(self) -> list[str]:
        """What the cell should have shown and did not."""
        top1 = self.report["float32"]["quality"]["value"]
        found = {
            f"{self.wall_s:.0f} s, at most {LONGEST_WALL_S:.0f}": self.wall_s <= LONGEST_WALL_S,
            f"{self.peak_gib:.2f} GiB, at most {MOST_PEAK_GIB:.0f}": self.peak_gib <= MOST_PEAK_GIB,
            f"float32 top-1 {top1:.4f}, at least {LEAST_FLOAT32_TOP1}": top1 >= LEAST_FLOAT32_TOP1,
            f"{self.lost} samples lost, at most {MOST_LOST}": self.lost <= MOST_LOST,
            f"{self.report['int8']['float_tensors']} float tensors, none": not self.report["int8"]["float_tensors"],
        }
        return [sentence for sentence, held in found.items() if not held]


def command(activation: str, method: str, seed: int) -> list[str]:
    """The command line of a cell, but for its output folder."""
    return ["edgeswap", "export", "--int8", "--activation", activation, "--method", method, "--seed", str(seed)]


def run(words: Sequence[str]) -> Cell:
    """Run a command of `edgeswap`, as it is installed beside this Python, and measure the run.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as folder:
        out = Path(folder) / "out"
        busy, started = _busy_s(), time.monotonic()
        program = str(Path(sys.executable).with_name(words[0]))
        environment = {**os.environ, "EDGESWAP_CACHE_DIR": str(Path(folder) / "store")}  # nothing was made before
        process = subprocess.Popen(
            [program, *words[1:], "--output", str(out)], cwd=folder, env=environment, stdout=subprocess.DEVNULL
        )
        # Of this child and all that it waited for; ru_maxrss (KiB) is the largest process's, and never below that of
        # the process that started it, which is why this script imports so little.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, words)
        others_s = _busy_s() - busy - usage.ru_utime - usage.ru_stime
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return Cell(report, wall_s, usage.ru_maxrss / 2**20, max(others_s / wall_s, 0.0))


def _busy_s() -> float:
    """CPU seconds since boot of all programs, from proc(5): user, nice, system, irq, softirq, steal."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


HEADERS = (
    "activation",
    "method",
    "float32 top-1",
    "after the swap",
    "recovered",
    "control",
    "int8 top-1",
    "lost",
    "float tensors",
    "int8 size",
    "wall",
    "peak memory",
)
SUMMARY_HEADERS = ("activation", "method", "float32 top-1", "int8 top-1", "lost", "int8 size", "wall")
NAMES = 2  # columns of names stand left, those of numbers right


def row(activation: str, method: str, cell: Cell) -> list[str]:
    """The cell's figures as texts, in the order of `HEADERS`."""
    report = cell.report
    stages = ("float32", "float32_swapped", "float32_recovered", "float32_finetuned", "int8")
    top1 = [f"{100 * report[stage]['quality']['value']:.1f} %" if report[stage] else "-" for stage in stages]
    return [
        activation,
        method,
        *top1,
        str(cell.lost),
        str(report["int8"]["float_tensors"]),
        f"{report['int8']['size_bytes'] / 1000:.1f} kB",
        f"{cell.wall_s:.0f} s",
        f"{cell.peak_gib:.2f} GiB",
    ]


def section(cells: dict[tuple[str, str], Cell], seed: int) -> str:
    """The section of benchmarks/README.md."""
    first = next(iter(cells.values())).report
    target = first["targets"][0]
    trained, samples = first["data"]["train"]["samples"], first["int8"]["quality"]["samples"]
    others = [cell.other_cores for cell in cells.values()]
    load = f"{min(others):.1f} to {max(others):.1f}"
    return f"""```sh
python -m benchmarks.digits --seed {seed}
```

A small MobileNetV2, trained with swish on the {trained:,} training digits, then swapped, recovered, quantized and
measured. Each row is one run of `edgeswap export --int8 --activation ... --method ...` from start to end, training
included. Top-1 is on the {samples} test digits. `lost` is how many fewer of them int8 has right than the float32
network as it was given; below 0 it has more, as the float32 network itself has after the training that follows the
swap (`recovered`). `control` is the float32 network trained on just as QAT was. `peak memory` is that of the largest
process.

{_table(HEADERS, [row(*key, cell) for key, cell in cells.items()])}

CPU: {target["cpu"]}, {os.cpu_count()} cores, the run pinned to {CORES} of them. Other programs kept {load} cores busy
meanwhile. edgeswap {first["edgeswap"]}, {target["runtime"]}, {first["created"][:10]}.
"""


def summary(cells: dict[tuple[str, str], Cell]) -> str:
    """The section of the project's README.md: fewer columns."""
    kept = [HEADERS.index(name) for name in SUMMARY_HEADERS]
    rows = [[row(*key, cell)[index] for index in kept] for key, cell in cells.items()]
    return _table(SUMMARY_HEADERS, rows)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---" if index < NAMES else "---:" for index in range(len(headers))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (headers, rule, *rows))


def main() -> int:
    """Run all cells, print and write the table; 1 where a cell misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", metavar="N,N", help="which cores to keep to (default: the last two)")
    arguments = parser.parse_args()
    allowed = sorted(os.sched_getaffinity(0))
    cores = [int(core) for core in arguments.cores.split(",")] if arguments.cores else allowed[-CORES:]
    if len(cores) != CORES:
        parser.error(f"expected {CORES} cores, got {len(cores)}")
    os.sched_setaffinity(0, cores)

    cells: dict[tuple[str, str], Cell] = {}
    missed = []
    for activation in ACTIVATIONS:
        for method in METHODS:
            cell = run(command(activation, method, arguments.seed))
            cells[activation, method] = cell
            print(" | ".join([*row(activation, method, cell), f"others {cell.other_cores:.1f} cores"]), flush=True)
            missed += [f"{activation} {method}: {sentence}" for sentence in cell.missed()]
    write_section(CHECKOUT / "benchmarks" / "README.md", "digits", section(cells, arguments.seed))
    write_section(CHECKOUT / "README.md", "digits", summary(cells))
    print("\n".join(missed) or "Every row shows what it must.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
