"""What it means when OpenSSH's client ends although nobody told it to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from edgeswap.errors import TargetError
from edgeswap.targets.ssh.address import Address

# What ssh says (OpenSSH 7.6 to 10), the problem, and what to do; the first that fits. In braces: the words of _terms.
CAUSES = (
    (
        r"HOST IDENTIFICATION HAS CHANGED|[Hh]ost key for .* has changed",
        "the board shows another host key than the one that is known for it.",
        "If you set it up anew, forget the old key and accept the new one: {forget} && {connect} true. If not, another "
        "machine may be answering in its place.",
    ),
    (
        r"No .*host key is known for|Host key verification failed",
        "the board's host key is not known here, so it may be any machine.",
        "Connect once by hand, compare the fingerprint and answer yes: {connect} true",
    ),
    (
        r"Permission denied|Too many authentication failures|No more authentication methods",
        "the board refused the login: {said}",
        "Give it your public key ({copy_key}) and, if the key has a passphrase, unlock it with ssh-add; nothing is "
        "asked for here.",
    ),
    (
        r"Could not resolve hostname",
        "no machine is known by the name {host!r}.",
        "Check the name, or give the board's address in numbers.",
    ),
    (
        r"Connection refused",
        "the machine is there, but no ssh server answers on its port.",
        "Start it on the board (sudo systemctl enable --now ssh), or check the port.",
    ),
    (
        r"timed out|No route to host|Network is unreachable|Host is down",
        "the board does not answer.",
        "Is it switched on, and on the same network as this machine?",
    ),
    (
        r"onfiguration option|command-line|unknown option",
        "ssh does not understand its options: {said}",
        "Correct ~/.ssh/config, or the options that were given.",
    ),
)


class ConnectionCutError(TargetError):
    """The connection ended in the middle; whether a second try is safe is for the caller to say."""


def cut(name: str, words: Sequence[str]) -> ConnectionCutError:
    """The connection stood and is gone; `words` are the lines that ssh said."""
    return ConnectionCutError(
        f"{name}: the connection was cut.", f"{_quote(words)}Check the cable, the Wi-Fi and the board's power."
    )


def refused(name: str, address: Address, code: int, words: Sequence[str]) -> TargetError:
    """Why no connection came about: `ssh` ended with exit code `code` after it said `words`, line by line."""
    for pattern, problem, remedy in CAUSES:
        if any(re.search(pattern, line) for line in words):
            terms = _terms(address, words, pattern)
            return TargetError(f"{name}: {problem.format(**terms)}", remedy.format(**terms))
    if code == 255 or code < 0:
        return cut(name, words)
    return TargetError(
        f"{name}: the login there ended with exit code {code} before anything could be run.",
        f"{_quote(words)}Check that this works: {address.command('ssh')} true",
    )


def _terms(address: Address, words: Sequence[str], pattern: str) -> dict[str, str]:
    offending = re.search(r"Offending .*key in (?P<file>.+):\d+", "\n".join(words))
    file = ["-f", offending["file"]] if offending else []
    return {
        "forget": shlex.join(["ssh-keygen", *file, "-R", address.known_as]),
        "connect": address.command("ssh"),
        "copy_key": address.command("ssh-copy-id"),
        "host": address.host,
        "said": next(line.strip() for line in words if re.search(pattern, line)),
    }


def _quote(words: Sequence[str]) -> str:
    said = " | ".join(line.strip() for line in list(words)[-3:] if line.strip())
    return f"ssh said: {said}. " if said else ""
