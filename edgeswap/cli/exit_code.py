"""Exit codes: 0 done; 1 an error; 2 wrong usage; 3 it ran, but the verdict is no; 128 + n when signal n ended it."""

from __future__ import annotations

VERDICT_NO = 3


def of_verdict(passed: bool) -> int:
    """The exit code of a command that ran to its end."""
    return 0 if passed else VERDICT_NO
