"""Broken and absurd input for every command: run all cases, or show one."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.hostile.draw import COMMANDS, draw
from benchmarks.hostile.originals import originals
from benchmarks.hostile.run import one, ordinary, run
from benchmarks.hostile.section import section
from benchmarks.section import write_section

README = Path(__file__).resolve().parents[1] / "README.md"
ALL = 2000


def main() -> int:
    """Run the command line; 1 where a case has a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=ALL, help=f"how many cases [{ALL}]")
    parser.add_argument("--start", type=int, default=0, help="the number of the first [0]")
    parser.add_argument("--index", type=int, help="run and show this case alone, and leave its folder")
    parser.add_argument("--command", action="append", choices=sorted(COMMANDS), help="only cases of this one [all]")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once [2]")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "edgeswap-hostile")
    parser.add_argument("--results", type=Path, help="one result a line; what is there is not run again")
    arguments = parser.parse_args()
    sound = originals(arguments.folder / "originals")
    limits = ordinary(sound, arguments.folder, arguments.folder / "ordinary.json")
    if arguments.index is not None:
        place = arguments.folder / f"case{arguments.index}"
        case, result = one(arguments.seed, arguments.index, sound, place, limits)
        print(f"{place}/work$ {case.program} {' '.join(case.arguments)}", file=sys.stderr)
        print(json.dumps(vars(result), indent=2))
        return 1 if result.faults else 0
    file = arguments.results or arguments.folder / f"results-{arguments.seed}.jsonl"
    indices: Iterable[int] = range(arguments.start, arguments.start + arguments.count)
    if arguments.command:
        indices = [index for index in indices if draw(arguments.seed, index, sound).command in arguments.command]
    results = run(arguments.seed, indices, sound, arguments.folder, limits, jobs=arguments.jobs, file=file)
    text = section(results, arguments.seed)
    print(text)
    if len(results) >= ALL:
        write_section(README, "hostile", text)
    return 1 if any(result.faults for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
