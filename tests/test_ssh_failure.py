"""Sentences of OpenSSH's client; `test_ssh.py` has those that a server on a loopback port can bring about."""

from __future__ import annotations

import pytest

from edgeswap.targets.ssh.address import Address
from edgeswap.targets.ssh.failure import ConnectionCutError, refused

ADDRESS = Address("board", "pi", 2222)


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        ("ssh: connect to host board port 2222: No route to host", "does not answer", "switched on"),
        ("ssh: connect to host board port 2222: Connection timed out", "does not answer", "switched on"),
        ("Connection timed out during banner exchange", "does not answer", "switched on"),
        ("ssh: connect to host board port 2222: Connection refused", "no ssh server", "systemctl"),
        ("Received disconnect from 10.0.0.7 port 2222:2: Too many authentication failures", "refused", "ssh-copy-id"),
        ("/home/a/.ssh/config: line 3: Bad configuration option: prot", "Bad configuration option: prot", "config"),
    ],
)
def test_tells_what_to_do(words: str, problem: str, remedy: str) -> None:
    error = refused("ssh://pi@board:2222", ADDRESS, 255, ["Warning: something else.", words])
    assert problem in error.problem
    assert remedy in error.remedy
    assert not isinstance(error, ConnectionCutError)


@pytest.mark.parametrize(
    "words",
    ["kex_exchange_identification: Connection closed by remote host", "Connection reset by 10.0.0.7 port 2222", ""],
)
def test_a_connection_that_ends_before_the_login_may_be_tried_again(words: str) -> None:
    error = refused("ssh://pi@board:2222", ADDRESS, 255, [words])
    assert isinstance(error, ConnectionCutError)
    assert words in error.remedy


def test_a_login_that_ends_is_none_to_try_again() -> None:
    error = refused("ssh://pi@board:2222", ADDRESS, 1, ["This account is currently not available."])
    assert "exit code 1" in error.problem
    assert "not available" in error.remedy
    assert not isinstance(error, ConnectionCutError)
