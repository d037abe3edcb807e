"""A small network for each task in int8, by PTQ and QAT: its metric, and how near its outputs are to float32's.

Every row is a file of its own, so that a run that was stopped goes on where it was. The section is written of all rows
that were measured so far, and names those that were not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.section import write_section
from benchmarks.tasks_rows import METHODS, NETWORKS, SEEDS, Row, found, measure
from benchmarks.tasks_section import section


def main() -> int:
    """Measure the rows that are asked for and write the section of all; 1 where it misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NETWORKS, help="a network; may be given several times")
    parser.add_argument("--seed", action="append", type=int, choices=SEEDS, help="may be given several times")
    parser.add_argument("--cache", type=Path, default=Path(".cache/tasks"), help="where the rows are kept")
    arguments = parser.parse_args()
    for seed in arguments.seed or SEEDS:
        for network in arguments.only or NETWORKS:
            for method in METHODS:
                print(measure(Row(network, seed, method), arguments.cache), flush=True)
    every = [Row(network, seed, method) for network in NETWORKS for method in METHODS for seed in SEEDS]
    text, missed = section({row: found(row, arguments.cache) for row in every})
    write_section(Path(__file__).with_name("README.md"), "tasks", text)
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
