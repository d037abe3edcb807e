"""Run every shared case and give a verdict on each; 1 where one is wrong."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.cases.right import RIGHT
from benchmarks.cases.run import Verdict, broken_files, judge, make, store, stored
from benchmarks.section import wrapped, write_section

CHECKOUT = Path(__file__).resolve().parents[2]
README = CHECKOUT / "benchmarks" / "README.md"
BROKEN = "hostile"


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = Path(os.environ.get("EDGESWAP_SHARED", CHECKOUT.parent / "shared"))
    parser.add_argument("names", nargs="*", metavar="CASE", help="which of them, also where they are done [all]")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once [2]")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "edgeswap-cases")
    arguments = parser.parse_args()
    cases, folder = shared / "cases", arguments.folder
    found = sorted(path.name for path in cases.iterdir() if path.is_dir())
    if unknown := set(found) - set(RIGHT):
        parser.error(f"expected to know what is right for each case, not for {', '.join(sorted(unknown))}")
    file = folder / "verdicts.json"
    done = {name: verdicts for name, verdicts in stored(file).items() if name not in arguments.names}
    lock = threading.Lock()

    def run(name: str) -> None:
        for each in filter(None, (RIGHT[name].needs, name)):
            with making[each]:
                make(each, cases / each, folder)
        own = judge(name, RIGHT[name], folder) + (broken_files(cases / name, folder) if name == BROKEN else [])
        with lock:
            done[name] = own
            store(file, done)
            wrong = [f"{each.command}: {what}" for each in own for what in each.wrong]
            print(f"{len(done)} of {len(found)}  {name}: {'; '.join(wrong) or 'right'}", flush=True)

    making = {name: threading.Lock() for name in found}
    waiting = [name for name in arguments.names or found if name not in done]
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for finished in [pool.submit(run, name) for name in waiting]:
            finished.result()
    text = section([verdict for name in found for verdict in done.get(name, [])])
    print(text)
    if not arguments.names:
        write_section(README, "cases", text)
    return 1 if any(verdict.wrong for verdicts in done.values() for verdict in verdicts) else 0


def section(verdicts: list[Verdict]) -> str:
    """The section of benchmarks/README.md."""
    text = wrapped("""
        Small models and data on which edgeswap once failed, each rebuilt from what people report trouble with. Each
        command runs as a process of its own, and is held against an exit code, words, figures of report.json, or what
        its bundle says.
    """)
    rows = ["| case | command | what is right | what came | verdict |", "| --- | --- | --- | --- | --- |"]
    broken = [verdict for verdict in verdicts if verdict.file]
    rows += [_row(verdict) for verdict in verdicts if verdict.wrong or not verdict.file]
    if broken:
        held = sum(not verdict.wrong for verdict in broken)
        rows.append(
            f"| {BROKEN} | {len(broken)} runs on broken files | {'; '.join(broken[0].right)} | {held} held |  |"
        )
    wrong = sum(bool(verdict.wrong) for verdict in verdicts)
    summary = f"{len(verdicts) - wrong} of {len(verdicts)} commands are right."
    return f"```sh\npython -m benchmarks.cases\n```\n\n{text}\n\n" + "\n".join(rows) + f"\n\n{summary}\n"


def _row(verdict: Verdict) -> str:
    came = "; ".join(verdict.wrong) or "that"
    word = "**wrong**" if verdict.wrong else "right"
    cells = (verdict.case, f"`{verdict.command}`", "; ".join(verdict.right), came, word)
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
