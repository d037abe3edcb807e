"""A real OpenSSH server on a loopback port, with keys made for the test; the board of the tests of ssh targets."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgeswap.targets.ssh import Ssh

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

    def left_behind(self) -> list[str]:
        """What is in the home once everything had ten seconds to go."""
        until = time.monotonic() + 10
        while os.listdir(self.home) and time.monotonic() < until:
            time.sleep(0.1)
        return os.listdir(self.home)


def pythons(folder: Path) -> str:
    """A PATH on which `python3` is this Python without the packages of its virtual environment."""
    folder.mkdir(exist_ok=True)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    link = folder / "python3"
    link.unlink(missing_ok=True)
    link.write_text(f'#!/bin/sh\nexec "{base}" "$@"\n')
    link.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


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
    given = {"HOME": str(server.home), "PATH": pythons(folder / "bin"), **(environment or {})}
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


@contextmanager
def cutting(port: int, *, after_bytes: int, times: int = 1) -> Iterator[int]:
    """A port that leads to `port`; its first `times` connections are cut after so many bytes to the server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, port, after_bytes, times), daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int, after_bytes: int, times: int) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", port))
        allowed = after_bytes if times > 0 else None
        times -= 1
        for source, sink, most in ((client, server, allowed), (server, client, None)):
            threading.Thread(target=_pump, args=(source, sink, most), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    passed = 0
    try:
        while (data := source.recv(1 << 16)) and (most is None or passed < most):
            sink.sendall(data)
            passed += len(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()
