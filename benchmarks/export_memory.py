"""The memory of `edgeswap export --method ptq` with 1,000, 10,000 and 100,000 images, of a folder, a zip and an .npz.

Counted is what the system cannot take back: anonymous and shared memory of all processes of the export, in proportion
to how many share it (`Pss_Anon` and `Pss_Shmem` of Linux), looked at five times a second. Pages of files are left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.process_tree import tree
from benchmarks.section import cpu, wrapped, write_section

README = Path(__file__).parent / "README.md"
COUNTS = (1_000, 10_000, 100_000)
FORMS = ("folder", "zip", "npz")
MOST_GROWTH = 0.10
EVERY_S = 0.2


def photographs(archive: zipfile.ZipFile, count: int) -> Iterator[tuple[str, bytes]]:
    """Class and bytes of `count` JPEGs, taken from all classes in turn, and again from the first once all are used."""
    names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
    names.sort(key=lambda name: name.rpartition("/")[2])
    for number in range(count):
        name = names[number % len(names)]
        yield name.split("/")[0], archive.read(name)


def written(archive: zipfile.ZipFile, form: str, count: int, place: Path) -> Path:
    """The images in the form that `--data` is to read."""
    images = photographs(archive, count)
    if form == "folder":
        for number, (label, data) in enumerate(images):
            folder = place / "images" / label
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.jpg").write_bytes(data)
        return place / "images"
    if form == "zip":
        with zipfile.ZipFile(place / "images.zip", "w") as written_to:
            for number, (label, data) in enumerate(images):
                written_to.writestr(f"{label}/{number}.jpg", data)
        return place / "images.zip"
    pixels, labels = np.empty((count, 32, 32, 3), np.uint8), list[str]()
    for number, (label, data) in enumerate(images):
        pixels[number] = np.asarray(Image.open(BytesIO(data)).convert("RGB"))
        labels.append(label)
    classes = sorted(set(labels))
    np.savez(place / "images.npz", x=pixels, y=np.array([classes.index(label) for label in labels]))
    return place / "images.npz"


def peak_bytes(command: Sequence[str]) -> int:
    """The most memory that a command and all it started held at once.

    Raises:
        CalledProcessError: it failed.
    """
    with tempfile.TemporaryFile() as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        done, peaks = threading.Event(), [0]

        def look() -> None:
            while not done.wait(EVERY_S):
                peaks.append(sum(map(_held_bytes, tree(process.pid))))

        looking = threading.Thread(target=look)
        looking.start()
        code = process.wait()
        done.set()
        looking.join()
        if code:
            said.seek(0)
            raise subprocess.CalledProcessError(code, command, said.read().decode())
    return max(peaks)


def _held_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon", "Pss_Shmem")))


def section(found: Mapping[tuple[str, int], int]) -> str:
    """The section of the README, from form and number of images to the most memory."""
    rows = [
        "| images of 32x32 | folder | zip | .npz |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for count in sorted({count for _, count in found}):
        rows.append(f"| {count:,} | " + " | ".join(f"{found[form, count] / 1e6:,.0f} MB" for form in FORMS) + " |")
    least = min(COUNTS)
    grown = {form: max(found[form, count] / found[form, least] - 1 for count in COUNTS) for form in FORMS}
    missed = [form for form, growth in grown.items() if growth > MOST_GROWTH]
    verdict = "Missed by " + ", ".join(missed) if missed else "Holds"
    said = wrapped(
        "`edgeswap export --int8 --method ptq` of MLPerf Tiny's ResNet8 with CIFAR-10 photographs, of which a fifth "
        "tests. The most memory that all its processes held at once; pages of files, which the system can take back, "
        f"are left out. It shall grow by at most {MOST_GROWTH:.0%} from {least:,} to {max(COUNTS):,} images. "
        f"{verdict}: "
        + ", ".join(f"{form} {growth:+.1%}" for form, growth in grown.items())
        + f". {cpu()}, {date.today()}."  # noqa: DTZ011  (the reader's calendar)
    )
    command = "```sh\nEDGESWAP_SHARED=... python -m benchmarks.export_memory\n```"
    return "\n\n".join([command, said, "\n".join(rows)])


def main() -> None:
    """Run each export, and write the section."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    shared = Path(os.environ["EDGESWAP_SHARED"])
    found: dict[tuple[str, int], int] = {}
    with zipfile.ZipFile(shared / "data" / "cifar10_train.zip") as archive:
        for form in FORMS:
            for count in COUNTS:
                with tempfile.TemporaryDirectory() as place:
                    data = written(archive, form, count, Path(place))
                    export = [sys.executable, "-m", "edgeswap.cli", "export", "--int8"]
                    export += [str(shared / "models" / "mlperf_tiny_resnet8.h5"), "--data", str(data)]
                    export += ["--preprocess", "raw", "--method", "ptq", "--no-cache", "--output", f"{place}/out"]
                    found[form, count] = peak_bytes(export)
                print(f"{form}, {count:,} images: {found[form, count] / 1e6:,.0f} MB", flush=True)
    write_section(README, "export-memory", section(found))


if __name__ == "__main__":
    main()
