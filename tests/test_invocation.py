"""How an error is said, whatever names of a stranger's file it quotes."""

from __future__ import annotations

import pytest

from edgeswap.cli.invocation import LONGEST, say


def test_an_error_is_two_sentences_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert say("Expected a table, got une chaise d'été.", "Give one.", 2) == 2
    assert capsys.readouterr().err == "error: Expected a table, got une chaise d'été.\nGive one.\n"


def test_what_does_not_print_is_written_out_and_what_has_no_end_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"got \x1b[2J\udcff{'x' * 9000}", "Give \u202ename.", 1)
    problem, remedy = capsys.readouterr().err.splitlines()
    assert problem.startswith("error: got \\x1b[2J\\udcffxxx")
    assert problem.endswith("xxx ... (9,009 characters)")
    assert len(problem) < LONGEST + 100
    assert remedy == "Give \\u202ename."
