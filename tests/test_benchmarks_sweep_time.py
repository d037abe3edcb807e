"""The benchmark of a sweep: twelve candidates, and ratios to the single exports."""

from __future__ import annotations

from math import prod

from benchmarks.export_time import Took
from benchmarks.sweep_time import VARIED, section


def test_there_are_twelve_candidates():
    assert prod(map(len, VARIED.values())) == 12


def test_ratios_are_to_the_single_exports():
    found = {"12 single exports": Took(200.0, 300.0), "sweep, 2 at once": Took(50.0, 90.0)}
    text = section(found, 0.0)
    assert "| 12 single exports | 200 s | 1.00 | 300 s | 1.00 |" in text
    assert "| sweep, 2 at once | 50 s | 0.25 | 90 s | 0.30 |" in text
