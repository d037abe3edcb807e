"""A section of a Markdown file that a benchmark writes, between two markers that stay."""

from __future__ import annotations

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
