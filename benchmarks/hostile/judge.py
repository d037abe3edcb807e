"""What a command may do with a broken file: refuse it in words, or take it. All else is a fault."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.hostile.supervise import Ran

CODES = (0, 1, 2, 3)
# Words of a program that fell over rather than refused.
FALLEN = {
    "Traceback (most recent call last)": "a traceback",
    "edgeswap itself failed": "edgeswap itself failed",
    "Fatal Python error": "a fatal error of Python",
    "Segmentation fault": "a segmentation fault",
}
LONGEST_ERROR = 4000


def faults(ran: Ran, left: Sequence[str]) -> list[str]:
    """What is wrong with how the command ended, as short texts; none where all is right.

    Args:
        ran: what came of it.
        left: what it left or changed outside its output.
    """
    if ran.end == "time":
        return ["a hang"]
    if ran.end == "memory":
        return ["too much memory"]
    found = [text for words, text in FALLEN.items() if words in ran.stderr]
    if ran.code < 0:
        found.append(f"ended by signal {-ran.code}")
    elif ran.code not in CODES:
        found.append(f"exit code {ran.code}")
    elif ran.code in (1, 2) and "error: " not in ran.stderr:
        found.append("an exit code without an error")
    elif ran.code in (1, 2) and len(ran.stderr.rpartition("error: ")[2]) > LONGEST_ERROR:
        found.append("an error without an end")
    return found + [f"left {what}" for what in left]
