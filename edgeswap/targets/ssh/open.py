"""Opens a connection to a board by OpenSSH's own client, and starts `far_end` at its far end."""

from __future__ import annotations

import contextlib
import queue
import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgeswap.errors import TargetError
from edgeswap.targets.ssh import far_end
from edgeswap.targets.ssh.address import Address
from edgeswap.targets.ssh.connection import Connection
from edgeswap.targets.ssh.failure import refused

# The user's configuration, agent and known_hosts hold, but for what would ask something, mix other data into ours, or
# outlive us. A connection that the user shares already (ControlPath) may be used, none is left open.
OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "20",
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "3",
    "ControlMaster": "no",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "LogLevel": "INFO",
}
# The first that is new enough and whole; Debian's python3-minimal lacks most of these modules.
PYTHONS = "python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9"
NEEDED = "ctypes, hashlib, importlib.metadata, json, multiprocessing, zipfile, zlib"
CONNECT_S = 90.0


@contextmanager
def connect(
    name: str, address: Address, *, ssh_options: Sequence[str] = (), silence_s: float = 300.0, lease_s: float = 60.0
) -> Iterator[Connection]:
    """Start the far end and talk to it; when the block ends, however it does, nothing of it is left there.

    Args:
        name: of the target, for errors.
        address: which board.
        ssh_options: further arguments of `ssh`, which come first and so win.
        silence_s: how long a thing asked for may take.
        lease_s: after how long without a word from here the far end ends by itself.

    Raises:
        TargetError: ssh is missing, no connection came about, or there is no fitting Python.
    """
    word = f"edgeswap-{secrets.token_hex(8)}"
    options = [text for key, value in OPTIONS.items() for text in ("-o", f"{key}={value}")]
    command = ["ssh", *ssh_options, "-T", "-a", "-x", "-e", "none", *options, *address.arguments()]
    try:
        process = subprocess.Popen(
            [*command, _start(word, lease_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must reach it through us, so that it can still clean up
        )
    except FileNotFoundError as error:
        raise TargetError(f"{name}: there is no ssh on PATH.", "Install it: sudo apt install openssh-client") from error
    connection, ended = Connection(name, process, word, silence_s=silence_s), threading.Event()
    try:
        _greet(connection, address)
        threading.Thread(target=connection.keep_alive, args=(lease_s / 4, ended), daemon=True).start()
        yield connection
    finally:
        ended.set()
        connection.close()


def _start(word: str, lease_s: float) -> str:
    """The command line that starts the far end under any login shell: it holds no quote, backslash or exclamation mark
    within its single quotes. The program itself follows on the standard input and ends with a zero byte.
    """
    check = f'"import sys, {NEEDED}; sys.exit(sys.version_info < (3, 9))"'
    read = '"import os; exec(bytes().join(iter(lambda: os.read(0, 1) or bytes(1), bytes(1))))"'
    return (
        f"exec /bin/sh -c 'echo; for p in {PYTHONS}; do if $p -c {check} 2>/dev/null; then "
        f"exec $p -c {read} {word} {lease_s:g}; fi; done; "
        f"echo {word} $(uname -m 2>/dev/null) / $(python3 --version 2>/dev/null)'"
    )


def _greet(connection: Connection, address: Address) -> None:
    program = Path(far_end.__file__).read_bytes()
    with contextlib.suppress(TargetError):  # that it ended is heard below, together with why
        connection.write(program + b"\0")
    try:
        told = connection.told.get(timeout=CONNECT_S)
    except queue.Empty:
        raise TargetError(
            f"{connection.name}: the login there did not come to an end within {CONNECT_S:g} s.",
            f"Check that this works: {address.command('ssh')} true",
        ) from None
    if told is None:
        connection.close()
        raise refused(connection.name, address, connection.process.returncode, connection.words)
    if "shell" in told:
        machine, _, version = (part.strip() for part in told["shell"].partition("/"))
        found = f"{version}, which is older or lacks a part of its library" if version else "none"
        raise TargetError(
            f"{connection.name}: expected Python 3.9 or newer on the board{f' ({machine})' if machine else ''}, "
            f"got {found}.",
            "Install it there: sudo apt install python3",
        )
