"""What `edgetpu_compiler` prints and writes to its log, as numbers. Its source is closed: this goes by what it prints.

https://coral.ai/docs/edgetpu/compiler; version 16.0.384591198, of 2021, is the last.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

MAPPED = "Mapped to Edge TPU"
# Not that something is wrong with the operator: it stands behind one that is.
BEHIND = "More than one subgraph is not supported"

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_ROW = re.compile(r"^(?P<operator>\S+) +(?P<count>\d+) +(?P<status>\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """Operators of one kind that met with the same."""

    operator: str
    count: int
    status: str


@dataclass(frozen=True)
class CompilerLog:
    """What the compiler did.

    Attributes:
        version: such as `16.0.384591198`.
        subgraphs: pieces that run on the Edge TPU.
        cached_bytes: of parameters kept on the chip, rounded by the compiler; None where it does not tell.
        streamed_bytes: of parameters sent to it for every inference; as above.
        rows: what became of every operator, as the log lists them.
    """

    version: str
    subgraphs: int | None
    cached_bytes: int | None
    streamed_bytes: int | None
    rows: tuple[Row, ...]

    def counted(self, *, mapped: bool) -> dict[str, int]:
        """Operator to how often it runs on the Edge TPU, or on the CPU; most frequent first."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if (row.status == MAPPED) == mapped:
                found[row.operator] += row.count
        return dict(sorted(found.items(), key=lambda entry: (-entry[1], entry[0])))

    def reason(self, operator: str) -> str | None:
        """Why one of these stays on the CPU; what the operator itself met with comes before where it stands."""
        reasons = [row.status for row in self.rows if row.operator == operator and row.status != MAPPED]
        return next((reason for reason in reasons if reason != BEHIND), reasons[0] if reasons else None)

    def first_left(self) -> Row | None:
        """The first row of operators that stay on the CPU for what they are, else of any that do."""
        left = [row for row in self.rows if row.status != MAPPED]
        return next((row for row in left if row.status != BEHIND), left[0] if left else None)


def read_log(said: str, log: str) -> CompilerLog:
    """What the compiler's words mean.

    Args:
        said: its standard output.
        log: the content of the log file that it wrote beside the compiled model.
    """
    version = re.search(r"Edge TPU Compiler version (\S+)", said + log)
    subgraphs = re.search(r"Number of Edge TPU subgraphs: (\d+)", said)
    _, _, table = log.partition("Status")
    rows = [Row(row["operator"], int(row["count"]), row["status"]) for row in _ROW.finditer(table)]
    return CompilerLog(
        version[1] if version else "of a version that it does not tell",
        int(subgraphs[1]) if subgraphs else None,
        _bytes(said, "On-chip memory used for caching model parameters"),
        _bytes(said, "Off-chip memory used for streaming uncached model parameters"),
        tuple(rows),
    )


def _bytes(said: str, what: str) -> int | None:
    found = re.search(rf"{re.escape(what)}: ([\d.]+)({'|'.join(_UNITS)})", said)
    return round(float(found[1]) * _UNITS[found[2]]) if found else None
