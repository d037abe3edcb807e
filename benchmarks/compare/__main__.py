"""edgeswap beside what people use instead: the same float networks, samples and seeds for every tool.

Every cell, a tool on a network from a seed, is a file of its own, so that a run that was stopped goes on where it was.
The section and `benchmarks/compare.json` are written of all cells that were measured so far; what was not is named.
It needs EDGESWAP_SHARED, the folder with the networks that were given and the photographs. The environments of
litert-quantizer and model-compression-toolkit are made in the cache, which takes minutes and 2 GB.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.compare import headline, speed
from benchmarks.compare.measure import found, made, measure, prepared
from benchmarks.compare.rows import ROWS, SEEDS
from benchmarks.compare.section import section, summary
from benchmarks.compare.tools import TOOLS
from benchmarks.section import write_section

BENCHMARKS = Path(__file__).parent.parent


def main() -> int:
    """Measure the cells that are asked for and write the section of all; 1 where it misses what it must show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--only", action="append", choices=ROWS, help="a network; may be given several times")
    parser.add_argument("--tool", action="append", choices=TOOLS, help="may be given several times")
    parser.add_argument("--seed", action="append", type=int, choices=SEEDS, help="may be given several times")
    parser.add_argument("--qat", action="store_true", help="also the tools that train")
    parser.add_argument("--latency", action="store_true", help="also beside float32 on this machine; needs it quiet")
    parser.add_argument("--pi", action="store_true", help="also count instructions on emulated Raspberry Pis")
    parser.add_argument("--written", action="store_true", help="measure nothing, write the section of what there is")
    parser.add_argument("--cache", type=Path, default=Path(".cache/compare"), help="where the cells are kept")
    arguments = parser.parse_args()
    tools = arguments.tool or [name for name, tool in TOOLS.items() if arguments.qat or not tool.trains]
    for seed in [] if arguments.written else arguments.seed or SEEDS:
        for name in arguments.only or ROWS:
            for tool in tools:
                key = (name, ROWS[name], TOOLS[tool], seed, arguments.cache)
                print(measure(*key), flush=True)
                file = made(*key)
                if arguments.latency and file.exists():
                    job = prepared(name, ROWS[name], seed, arguments.cache)
                    speed.measure_latency(Path(job["tflite"]), file, Path(job["samples"]), arguments.cache)
                if arguments.pi and file.exists():
                    speed.measure_instructions(file, arguments.cache)
    cells = {
        (name, tool, seed): found(name, row, TOOLS[tool], seed, arguments.cache)
        for name, row in ROWS.items()
        for tool in TOOLS
        for seed in SEEDS
    }
    speeds = {
        key: speed.found(made(key[0], ROWS[key[0]], TOOLS[key[1]], key[2], arguments.cache), arguments.cache)
        for key, cell in cells.items()
        if cell is not None
    }
    text, missed = section(cells, speeds)
    write_section(BENCHMARKS / "README.md", "compare", text)
    if any(name == headline.ROW and cell is not None for (name, *_), cell in cells.items()):
        write_section(BENCHMARKS.parent / "README.md", "compare", headline.headline(cells))
        headline.draw(cells, BENCHMARKS.parent / headline.PICTURE)
    figures = json.dumps(summary(cells, speeds, missed), indent=1)
    (BENCHMARKS / "compare.json").write_text(figures + "\n", encoding="utf-8")
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
