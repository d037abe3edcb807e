"""Small networks of every task on a microcontroller's kernels: quality, memory, missing operators, and int8 steps.

Each network is trained once and exported by `--method ptq --target micro`. Every row is a file of its own, so that a
run that was stopped goes on where it was; trained weights are shared with `benchmarks.tasks`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.micro_rows import NETWORKS, found, measure
from benchmarks.micro_section import section
from benchmarks.section import write_section


def main() -> int:
    """Measure the networks that are asked for and write the section of all; 1 where one misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=NETWORKS, help="a network; may be given several times")
    parser.add_argument("--cache", type=Path, default=Path(".cache/tasks"), help="where rows and weights are kept")
    arguments = parser.parse_args()
    for network in arguments.only or NETWORKS:
        print(measure(network, arguments.cache), flush=True)
    text, missed = section({network: found(network, arguments.cache) for network in NETWORKS})
    write_section(Path(__file__).with_name("README.md"), "micro", text)
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
