"""What int8 will gain on a Raspberry Pi, before anything is trained: instructions by a table of operators.

The table was measured by the emulator: `python -m benchmarks.pi_instructions` writes pi_instructions.json anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from edgeswap.compatibility.findings import ExpectedGain, Finding
from edgeswap.compatibility.places import HEAVY
from edgeswap.compatibility.work import Work

TABLE = Path(__file__).with_name("pi_instructions.json")
# Below this a model is hardly faster, and what is gained is the size of the file.
LITTLE = 1.3


@cache
def table() -> dict[str, Any]:
    """The measurements: `runtime`, and of each target what its CPU is and its instructions by kind of work.

    `base` is what the smallest model takes.
    """
    return dict(json.loads(TABLE.read_text(encoding="utf-8")))


def expected_gain(works: Iterable[Work] | None, target: str) -> ExpectedGain | None:
    """The instructions of one inference in float32 and in int8.

    Args:
        works: of the model's operators; None where sizes are not known.
        target: as in `--target`.

    Returns:
        None for a target without measurements, or where nothing of the model is in the table.
    """
    pi = table()["targets"].get(target)
    if pi is None or works is None:
        return None
    rates: Mapping[str, Mapping[str, float]] = pi["instructions"]
    listed = list(works)
    known = [work for work in listed if work.kind in rates]
    if not known:
        return None
    float32, int8 = (
        pi["base"][dtype] + sum(work.amount * rates[work.kind][dtype] for work in known)
        for dtype in ("float32", "int8")
    )
    return ExpectedGain(
        float32_instructions=float32,
        int8_instructions=int8,
        ratio=float32 / int8,
        core=pi["core"],
        dot_products=pi["dot_products"],
        not_counted=sorted({work.kind for work in listed} - set(rates)),
        basis=f"instructions of single operators under {table()['runtime']}, measured by the emulator",
    )


def little_gain(gain: ExpectedGain | None) -> list[Finding]:
    """The note that int8 gains little, where it does; nobody knows if an operator that weighs much is not counted."""
    if gain is None or gain.ratio >= LITTLE or HEAVY & {*gain.not_counted}:
        return []
    why = f"Int8 takes about {gain.ratio:.2f} times fewer instructions than float32 there."
    if gain.ratio < 1:
        why = f"Int8 takes about {1 / gain.ratio:.2f} times more instructions than float32 there."
    if not gain.dot_products:
        why += f" A {gain.core} has no dot-product instructions, which int8 gains most from."
    return [
        Finding(
            severity="note",
            what="little gain in speed",
            why=why,
            instead="Choose int8 for the size of the file, or a CPU with dot products, such as a Raspberry Pi 5's.",
            certain=False,
            basis=gain.basis,
            layers=[],
        )
    ]
