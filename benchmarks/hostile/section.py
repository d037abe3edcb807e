"""The section of benchmarks/README.md on hostile input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.hostile.draw import FORMS
from benchmarks.hostile.run import Result
from benchmarks.section import wrapped

HEADERS = ("file", "cases", "refused (1, 2)", "taken (0)", "verdict no (3)", "faults", "longest", "most memory")


def section(results: Sequence[Result], seed: int) -> str:
    """What came of all cases, by the form of the broken file."""
    rows = ["| " + " | ".join(HEADERS) + " |", "| --- |" + " ---: |" * (len(HEADERS) - 1)]
    for form in FORMS:
        rows.append(_row(form, [result for result in results if result.form == form]))
    rows.append(_row("all", results))
    wrong = Counter(fault.split(":")[0] for result in results for fault in result.faults)
    found = ", ".join(f"{count} times {fault}" for fault, count in wrong.most_common()) or "none"
    text = wrapped(f"""
        Sound files of every form that edgeswap reads, broken: bytes flipped, cut, moved and zeroed; zips whose
        checksums, sizes and names lie, or that unpack to gigabytes; HDF5 files with absurd attributes, shapes and
        links; JSON configs of layers with other types, sizes and connections; false .npz headers; flatbuffers with
        fields out of range; pictures, fifos and links in folders. Each goes through one of check, swap, export, bench,
        bundle verify and deploy/benchmark.py. Right is: exit code 0 to 3, an error in words, no traceback, no signal,
        at most 60 s and 2 GiB more than the same command takes of a sound file, and nothing left or changed beside the
        output. One case in 33 is a command of its own, the others are calls in a process that serves many. A case is
        made again by its number: python -m benchmarks.hostile --seed {seed} --index N.
    """)
    return (
        f"```sh\npython -m benchmarks.hostile --seed {seed} --count {len(results)}\n```\n\n{text}\n\n"
        + "\n".join(rows)
        + "\n\n"
        + wrapped(f"Faults: {found}.")
    )


def _row(form: str, results: Sequence[Result]) -> str:
    codes = Counter(result.code for result in results)
    cells = [
        form,
        f"{len(results):,}",
        f"{codes[1] + codes[2]:,}",
        f"{codes[0]:,}",
        f"{codes[3]:,}",
        str(sum(bool(result.faults) for result in results)),
        f"{max((result.seconds for result in results), default=0):.0f} s",
        f"{max((result.grown_mib for result in results), default=0):.0f} MiB",
    ]
    return "| " + " | ".join(cells) + " |"
