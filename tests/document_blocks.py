"""The fenced blocks of README.md, docs/ and examples/: what each is, and what the page says of running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "reference"  # signatures and help texts, held to the code by a test of its own
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if GENERATED not in page.parents),
    *sorted((ROOT / "examples").rglob("*.md")),
]
# The fence with its indentation; before it, perhaps, one comment that says why the block is not run.
FENCE = re.compile(
    r"^(?: *<!-- (?P<mark>not run|ci): (?P<reason>[^\n]*?) -->\n)?"
    r"(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: of which it is a part, from the root of the repository.
        line: of its fence in the page, from 1.
        language: `sh`, `python`, ...
        text: without the fence and its indentation.
        not_run: why no test runs it here, as the page says in a comment before the fence; empty for all others.
        file: name of the file that the reader is told to save the block as; empty for all others.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str
    file: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> Iterator[tuple[dict[str, str], list[str]]]:
        """The environment that each command is given and its words, in order; of a `sh` block."""
        for line in re.sub(r"\\\n", " ", self.text).splitlines():
            for part in re.split(r"&&|;", line):
                words = shlex.split(part, comments=True)
                given: dict[str, str] = {}
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    name, _, value = words.pop(0).partition("=")
                    given[name] = value
                if words:
                    yield given, words


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        before = text[: fence.start()].rstrip().rpartition("\n\n")[2]
        named = re.search(r"(?:here|as|is|into) `(\w+\.py)`", before)
        found.append(
            Block(
                page.relative_to(ROOT).as_posix(),
                text[: fence.start("indent")].count("\n") + 1,
                fence["language"],
                re.sub(f"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE),
                "CI runs it as it stands" if fence["mark"] == "ci" else fence["reason"] or "",
                named[1] if named and fence["language"] == "python" else "",
            )
        )
    return found


def runnable(page: Path) -> list[Block]:
    """The blocks of a page that hold commands or Python."""
    return [block for block in blocks(page) if block.language in ("sh", "python")]
