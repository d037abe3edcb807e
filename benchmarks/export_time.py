"""How long `edgeswap export --method ptq` takes beside a stock script, and the same export a second time.

Each run is a fresh process with all that it starts, the import of TensorFlow included. The two sides take turns, and a
ratio is that of two neighbours. Every first export has a run store of its own, which is empty.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.measuring import OtherLoad, busy_s, pin
from benchmarks.section import write_section
from deploy.benchmark import describe_machine

README = Path(__file__).parent / "README.md"
MOST_PROCESS, MOST_WALL = 1.0, 0.8
MOST_SECOND_S = 10.0
SIDES = ("stock", "first", "second")


@dataclass(frozen=True)
class Network:
    """What is exported.

    Attributes:
        title: for people.
        model: the file in the shared folder.
        data: the zip of images there.
        images: how many, of which a fifth are for tests.
        mapping: as of `--preprocess`.
        labels: file of class names there, or None.
    """

    title: str
    model: str
    data: str
    images: int
    mapping: str
    labels: str | None = None


NETWORKS = {
    "resnet8": Network("ResNet8", "mlperf_tiny_resnet8.h5", "cifar10_validation.zip", 5000, "raw"),
    "efficientnet_lite0": Network(
        "EfficientNet-Lite0", "efficientnet_lite0.keras", "imagenet_500.zip", 500, "symmetric", "imagenet_wnids.txt"
    ),
}


@dataclass(frozen=True)
class Took:
    """Seconds of one run: on the clock, and of all its processes on all cores."""

    wall_s: float
    process_s: float


def unpacked(network: Network, shared: Path, folder: Path) -> tuple[Path, Path]:
    """Folders of images to calibrate on and to test with: every fifth image is a test image."""
    with zipfile.ZipFile(shared / "data" / network.data) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[: network.images]
        for number, name in enumerate(names):
            archive.extract(name, folder / ("test" if number % 5 == 4 else "data"))
    return folder / "data", folder / "test"


def timed(command: Sequence[str]) -> Took:
    """Run a command to its end.

    Raises:
        CalledProcessError: it failed.
    """
    # A user's Python keeps what it compiled of TensorFlow; without that each start takes seconds more, on both sides.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall_s = time.perf_counter() - started
    return Took(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measured(network: Network, shared: Path, times: int) -> dict[str, list[Took]]:
    """What each side took, turn by turn."""
    found: dict[str, list[Took]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as place:
        data, test = unpacked(network, shared, Path(place))
        model = str(shared / "models" / network.model)
        stock = [sys.executable, "-m", "benchmarks.stock_export", model, str(data), str(test), network.mapping]
        export = [sys.executable, "-m", "edgeswap.cli", "export", model, "--method", "ptq", "--data", str(data)]
        export += ["--test-data", str(test), "--preprocess", network.mapping, "--overwrite"]
        export += ["--labels", str(shared / "data" / network.labels)] if network.labels else []
        for turn in range(times):
            own = [*export, "--cache-dir", f"{place}/store{turn}", "--output", f"{place}/out"]
            commands = {"stock": [stock], "own": [own, own]}
            for side in ("stock", "own") if turn % 2 == 0 else ("own", "stock"):
                took = [timed(command) for command in commands[side]]
                for name, one in zip(("stock",) if side == "stock" else ("first", "second"), took, strict=True):
                    found[name].append(one)
                    print(f"{network.title} {name}: {one.wall_s:.1f} s, processes {one.process_s:.1f} s", flush=True)
    return found


def ratio(found: Mapping[str, Sequence[Took]], what: str) -> float:
    """The median of the first export's `what` by the stock script's in the same turn."""
    own, stock = (np.array([getattr(took, what) for took in found[side]]) for side in ("first", "stock"))
    return float(np.median(own / stock))


def holds(found: Mapping[str, Sequence[Took]]) -> bool:
    """Whether the three figures are as they shall be."""
    second = float(np.median([took.wall_s for took in found["second"]]))
    fast = ratio(found, "process_s") <= MOST_PROCESS and ratio(found, "wall_s") <= MOST_WALL
    return fast and second <= MOST_SECOND_S


def section(
    found: Mapping[str, Mapping[str, Sequence[Took]]], command: str, pinned: Sequence[int], others: float
) -> str:
    """The section of benchmarks/README.md."""
    table = [
        "| network | images | stock script, wall (processes) | first export | ratio of wall | ratio of process time "
        "| second export |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, sides in found.items():
        cells = []
        for side in SIDES:
            wall_s, process_s = (float(np.median([getattr(took, what) for took in sides[side]])) for what in
                                 ("wall_s", "process_s"))  # fmt: skip
            cells.append(f"{wall_s:.1f} s ({process_s:.1f} s)")
        ratios = [f"{ratio(sides, what):.2f}" for what in ("wall_s", "process_s")]
        network = NETWORKS[name]
        table.append(f"| {' | '.join([network.title, f'{network.images:,}', *cells[:2], *ratios, cells[2]])} |")
    missed = [NETWORKS[name].title for name, sides in found.items() if not holds(sides)]
    verdict = f"Missed with {', '.join(missed)}." if missed else "All hold."
    machine, times = describe_machine(), len(next(iter(found.values()))["stock"])
    return f"""```sh
{command}
```

`edgeswap export --method ptq` from its start to its end, beside `benchmarks/stock_export.py`: it loads the network,
converts it to float32 and to int8 with as many calibration samples, and runs both over the same test images. edgeswap
also checks the model file, times both models, compares them sample by sample and layer by layer, and writes a report
and a bundle. In brackets stands the time of all processes on all cores. The ratios are medians over {times} turns and
shall be at most {MOST_WALL} of wall and {MOST_PROCESS} of process time; the second export of the same command takes its
models from the run store and shall take at most {MOST_SECOND_S:g} s. {verdict}

{chr(10).join(table)}

CPU: {machine["cpu"]}, {len(busy_s())} cores, all pinned to cores {", ".join(map(str, pinned))}, of which other
programs took {others:.1f} meanwhile. {date.today().isoformat()}.
"""  # noqa: DTZ011  (the day on the machine's own calendar)


def main() -> int:
    """Measure, print and write the table; 1 where a figure is not as it shall be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--times", type=int, default=3, help="turns")
    parser.add_argument("--cores", metavar="N,N", help="which cores to keep to (default: the two idlest)")
    parser.add_argument("--no-section", action="store_true", help="print the table and leave the README as it is")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("EDGESWAP_SHARED", "../shared"))
    pinned = pin(arguments.cores, 2)
    load = OtherLoad(pinned)
    found = {name: measured(NETWORKS[name], shared, arguments.times) for name in arguments.networks.split(",")}
    command = f"python -m benchmarks.export_time --networks {arguments.networks} --times {arguments.times}"
    text = section(found, command, pinned, load.cores())
    print(text)
    if not arguments.no_section:
        write_section(README, "export", text)
    return 0 if all(map(holds, found.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
