"""How long a sweep of 12 candidates takes with 1, 2 and 4 workers, beside 12 single exports of the same settings.

Every side begins with an empty run store: the single exports one after the other with one each, as of 12 people, and
then with one for all.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import date
from itertools import product
from pathlib import Path

from benchmarks.export_time import Took, timed
from benchmarks.measuring import OtherLoad, pin
from benchmarks.section import cpu, wrapped, write_section

README = Path(__file__).parent / "README.md"
IMAGES = 1000
VARIED = {
    "--activation": ("relu6", "hard_swish", "clipped_elu"),
    "--ranges": ("fixed", "observed"),
    "--dense-scales": ("per-channel", "per-tensor"),
}
WORKERS = (1, 2, 4)


def photographs(shared: Path, place: Path) -> Path:
    """As many of each class."""
    with zipfile.ZipFile(shared / "data" / "cifar10_validation.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for name in names[:: max(1, len(names) // IMAGES)][:IMAGES]:
            archive.extract(name, place / "images")
    return place / "images"


def measured(shared: Path, place: Path) -> dict[str, Took]:
    """What each side took."""
    common = [str(shared / "models" / "mlperf_tiny_resnet8.h5"), "--data", str(photographs(shared, place))]
    common += ["--preprocess", "raw", "--method", "ptq", "--recover-epochs", "1"]
    found: dict[str, Took] = {}

    def note(side: str, *took: Took) -> None:
        found[side] = Took(sum(one.wall_s for one in took), sum(one.process_s for one in took))
        print(f"{side}: {found[side].wall_s:.1f} s, processes {found[side].process_s:.1f} s", flush=True)

    for side, stores in (("12 single exports", 12), ("12 single exports, one run store", 1)):
        took = []
        for number, values in enumerate(product(*VARIED.values())):
            how = [word for pair in zip(VARIED, values, strict=True) for word in pair]
            store = ["--cache-dir", f"{place}/{stores}-{number % stores}", "--output", f"{place}/{stores}out{number}"]
            took.append(timed([sys.executable, "-m", "edgeswap.cli", "export", *common, *how, *store]))
        note(side, *took)
    for workers in WORKERS:
        how = [word for name, values in VARIED.items() for word in (name, ",".join(values))]
        store = ["--jobs", str(workers), "--cache-dir", f"{place}/jobs{workers}", "--output", f"{place}/sweep{workers}"]
        note(f"sweep, {workers} at once", timed([sys.executable, "-m", "edgeswap.cli", "sweep", *common, *how, *store]))
    return found


def section(found: Mapping[str, Took], others: float) -> str:
    """The section of benchmarks/README.md."""
    first = found["12 single exports"]
    rows = ["| 12 candidates | wall | of single exports | processes | of single exports |"]
    rows += ["| --- | ---: | ---: | ---: | ---: |"]
    for side, took in found.items():
        wall, process = took.wall_s / first.wall_s, took.process_s / first.process_s
        rows.append(f"| {side} | {took.wall_s:.0f} s | {wall:.2f} | {took.process_s:.0f} s | {process:.2f} |")
    said = wrapped(
        "MLPerf Tiny's ResNet8 with 1,000 CIFAR-10 photographs: its ReLUs swapped for each of three activations, one "
        "epoch of recovery, PTQ with two ways to set ranges and two scales of dense weights. A single export measures "
        "its own latency; a sweep measures all models in one run at the end. Each side began with an empty run store. "
        f"{cpu()}, two cores, of which other programs took {others:.1f} meanwhile. {date.today()}."  # noqa: DTZ011
    )
    return "\n\n".join(["```sh\nEDGESWAP_SHARED=... python -m benchmarks.sweep_time\n```", said, "\n".join(rows)])


def main() -> None:
    """Measure, and write the section."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    load = OtherLoad(pin(None, 2))
    with tempfile.TemporaryDirectory() as place:
        found = measured(Path(os.environ["EDGESWAP_SHARED"]), Path(place))
    text = section(found, load.cores())
    print(text)
    write_section(README, "sweep", text)


if __name__ == "__main__":
    main()
