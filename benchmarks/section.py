"""A section of a Markdown file that a benchmark writes, between two markers that stay."""

from __future__ import annotations

import platform
import textwrap
from pathlib import Path


def write_section(file: Path, name: str, text: str) -> None:
    """Replace what stands in `file` between `<!-- name:start -->` and `<!-- name:end -->`; all else stays.

    Raises:
        ValueError: the file does not hold both markers once, in this order.
    """
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    page = file.read_text(encoding="utf-8")
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise ValueError(f"Expected {file.name} to hold {start} and then {end}, each once.")
    before, after = page.partition(start)[0], page.partition(end)[2]
    file.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def wrapped(text: str) -> str:
    """A paragraph in lines of 120 characters, whatever its own lines are; no word is broken."""
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def cpu() -> str:
    """What the CPU calls itself."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
