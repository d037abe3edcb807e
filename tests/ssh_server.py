"""A real OpenSSH server on a loopback port, with keys made for the test; the board of the tests of ssh targets."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeswap.targets.ssh.target import Ssh

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Server:
    """A running sshd whose sessions have `home` as their home, and a client's configuration that leads to it."""

    folder: Path
    port: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def client(self, *, port: int | None = None, known_hosts: str | None = None, key: str = "user_key") -> Path:
        """A configuration for `ssh -F`."""
        port = port or self.port
        public = (self.folder / "host_key.pub").read_text().split()
        hosts = self.folder / f"known_hosts_{port}_{key}_{known_hosts is None}"
        hosts.write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n" if known_hosts is None else known_hosts)
        config = self.folder / f"{hosts.name}.conf"
        config.write_text(
            f"IdentityFile {self.folder / key}\nIdentitiesOnly yes\nIdentityAgent none\n"
            f"UserKnownHostsFile {hosts}\nGlobalKnownHostsFile /dev/null\n"
        )
        return config

    def target(
        self, *, port: int | None = None, known_hosts: str | None = None, key: str = "user_key", **how: Any
    ) -> Ssh:
        name = f"ssh://{getpass.getuser()}@127.0.0.1:{port or self.port}"
        config = self.client(port=port, known_hosts=known_hosts, key=key)
        return Ssh(name, Ssh.parse(name).address, ssh_options=("-F", str(config)), **how)

    def left_behind(self, folder: Path | None = None) -> list[Path]:
        """What is in the folder, by default the home, once everything had ten seconds to go."""
        until = time.monotonic() + 10
        while (left := list((folder or self.home).iterdir())) and time.monotonic() < until:
            time.sleep(0.1)
        return left


def bare_python(folder: Path) -> str:
    """A PATH on which `python3` is one without any package."""
    venv.create(folder, with_pip=False, symlinks=True)
    return f"{folder / 'bin'}:/usr/bin:/bin"


@contextmanager
def running(
    folder: Path, *, environment: Mapping[str, str] | None = None, options: Sequence[str] = ()
) -> Iterator[Server]:
    """Run sshd as the current user; `environment` is that of its sessions."""
    if SSHD is None:
        pytest.skip("no sshd here: apt install openssh-server")
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd insists; usually its service makes it
    for key in ("host_key", "user_key", "other_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    (folder / "authorized").write_text((folder / "user_key.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = Server(folder, port)
    server.home.mkdir()
    given = {"HOME": str(server.home), "PATH": bare_python(folder / "python"), **(environment or {})}
    configuration = [
        f"ListenAddress 127.0.0.1:{port}",
        f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder / 'authorized'}",
        f"PidFile {folder / 'pid'}",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "SetEnv " + " ".join(f'"{name}={value}"' for name, value in given.items()),
        *options,
    ]
    (folder / "sshd.conf").write_text("\n".join(configuration) + "\n")
    with (folder / "sshd.log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd.conf")], stderr=log)
        try:
            for _ in range(100):
                if process.poll() is not None:
                    raise RuntimeError((folder / "sshd.log").read_text())
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield server
        finally:
            process.terminate()
            process.wait()


class Line:
    """A port that leads to `port`, and can be cut like a cable.

    Args:
        port: where it leads.
        after_bytes: after so many bytes to the server a connection is cut.
        times: how many connections are cut so; those after them are not.
    """

    def __init__(self, port: int, *, after_bytes: int | None = None, times: int = 0) -> None:
        self.leads_to = port
        self.after_bytes = after_bytes
        self.times = times
        self.opened = 0
        self.ends: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections that there are."""
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        for end in (*self.ends, self.listener):
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.leads_to))
                self.ends += [client, server]
                self.opened += 1
                most = self.after_bytes if self.opened <= self.times else None
                for source, sink, limit in ((client, server, most), (server, client, None)):
                    threading.Thread(target=self._pump, args=(source, sink, limit), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, most: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while (data := source.recv(1 << 14)) and (most is None or passed < most):
                sink.sendall(data)
                passed += len(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
