"""Boards over ssh, with OpenSSH's own server on a loopback port: this machine is the board."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeswap.errors import TargetError
from edgeswap.progress import Silent
from edgeswap.system import shipped
from edgeswap.system.interruption import Interrupted, interruptible
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Target, measure
from edgeswap.targets.ssh import far_end as ssh_board
from edgeswap.targets.ssh import installed as ssh_tools
from edgeswap.targets.ssh import target as ssh
from edgeswap.targets.ssh.open import connect
from edgeswap.targets.ssh.wheels import Environment
from tests.ssh_server import Line, Server, bare_python, running
from tests.tiny_tflite import classifier

SHAPE = (4, 4, 1)
WEIGHTS = np.random.default_rng(0).integers(-3, 4, (3, 16))
PIXELS = np.random.default_rng(1).integers(0, 64, (100, *SHAPE), dtype=np.uint8)
LABELS = (PIXELS.reshape(100, 16).astype(np.int64) @ WEIGHTS.T).argmax(axis=1)
ANSWER = "open(sys.argv[sys.argv.index('--json') + 1], 'w').write('{\"schema\": \"x\"}')"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "server") as made:
        yield made


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another script in the place of the device script, which needs no runtime: it runs a given body."""

    def put(body: str) -> None:
        path = tmp_path / "script.py"
        path.write_text(f"import os, pathlib, signal, subprocess, sys, time\n{body}\n")
        monkeypatch.setattr(shipped, "path", lambda name: path)
        monkeypatch.setattr(ssh, "choose", lambda *_, **_options: Environment("ai-edge-litert", ()))

    return put


class Recorded:
    """A progress that remembers its steps, their totals and how far they came."""

    def __init__(self) -> None:
        self.totals: dict[str, float | None] = {}
        self.done: dict[str, float] = {}
        self.title = ""

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[Recorded]:
        self.title = title
        self.totals[title], self.done[title] = total, 0.0
        yield self

    def advance(self, amount: float = 1, note: str = "") -> None:
        self.done[self.title] += amount

    def expect(self, total: float) -> None:
        raise AssertionError("the total is known")


def failed(target: ssh.Ssh, files: dict[str, Path] | None = None) -> TargetError:
    with pytest.raises(TargetError) as raised:
        target.run(files or {}, [], progress=Silent())
    return raised.value


def wait_for(path: Path) -> None:
    until = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} never came"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Within ten seconds; a zombie that nobody reaps here counts as ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


# --- it works ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    folder = tmp_path_factory.mktemp("models")
    paths = folder / "float32.tflite", folder / "int8.tflite", folder / "test.npz"
    classifier(paths[0], WEIGHTS, SHAPE, scale=0.0)
    classifier(paths[1], WEIGHTS, SHAPE, scale=1 / 255)
    np.savez(paths[2], x=PIXELS, y=LABELS)
    return list(paths[:2]), paths[2]


@pytest.mark.slow
def test_measures_with_a_runtime_that_is_carried_there(
    server: Server, models: tuple[list[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    target: Target = server.target()
    progress = Recorded()
    how: dict[str, Any] = {"preprocess": "unit", "quick": True}
    # By CompiledModel, which needs a wheel more.
    (found,) = measure(target, *models, outputs=tmp_path / "there.npz", progress=progress, api="compiled", **how)
    (expected,) = measure(Host(), *models, outputs=tmp_path / "here.npz", **how)
    result = found.result
    assert (result.name, result.api) == (target.name, "compiled")
    assert result.runtime == "ai-edge-litert 2.3.0"
    assert result.int8.latency_ms is not None
    assert np.array_equal(found.candidate[0].array, expected.candidate[0].array)
    assert len(list((tmp_path / "cache").rglob("*.whl"))) == 3
    assert list(progress.totals) == [f"{what} 127.0.0.1" for what in (*STEPS, "Bringing from")]
    assert progress.done["Copying to 127.0.0.1"] == progress.totals["Copying to 127.0.0.1"]
    assert progress.done["Measuring on 127.0.0.1"] == pytest.approx(1.0)
    assert server.left_behind() == []


STEPS = ("Connecting to", "Runtime for", "Copying to", "Measuring on")


@pytest.mark.slow
def test_the_boards_own_runtime_serves_where_no_wheel_fits(tmp_path: Path, models: tuple[list[Path], Path]) -> None:
    pretended = pretending(tmp_path, "os.confstr = lambda name: ''")
    own = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **pretended}
    with running(tmp_path / "server", environment=own) as server:
        ((result, *_),) = measure(server.target(), *models, preprocess="unit", quick=True)
        assert result.runtime.startswith("ai-edge-litert")
        assert server.left_behind() == []


@pytest.mark.slow
def test_a_kept_folder_spares_what_is_there(server: Server, script: Any, tmp_path: Path) -> None:
    script(f"print(sys.argv, file=sys.stderr); {ANSWER}")
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_bytes(b"s" * 1000)
    other.write_bytes(b"o" * 500)
    files, copying = {"same": same, "other": other}, "Copying to 127.0.0.1"
    sent = []
    for content in (b"o" * 500, b"o" * 500, b"p" * 500):
        other.write_bytes(content)
        progress = Recorded()
        assert server.target(keep=True).run(files, [], progress=progress) == {"schema": "x"}
        sent.append(progress.done[copying])
    size = len((tmp_path / "script.py").read_bytes())
    assert sent == [1500 + size, 0, 500]
    kept = server.home / ".edgeswap"
    assert (kept / "other").read_bytes() == b"p" * 500
    assert not list(kept.glob("*.part"))


@pytest.mark.slow
def test_a_kept_folder_serves_one_run_at_a_time(server: Server, script: Any, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    script(f"pathlib.Path({str(alive)!r}).touch(); time.sleep(60)")
    with connected(server) as first:
        first.ask("open", base="~", keep=True)
        error = failed(server.target(keep=True))
    assert "another run is using the kept folder" in error.problem


@pytest.mark.slow
def test_names_are_never_taken_for_commands(tmp_path: Path, script: Any) -> None:
    odd = """it's "a" $HOME; `touch pwned` \\ !\n*"""
    script(f"assert open(sys.argv[1]).read() == 'x', sys.argv; {ANSWER}")
    (tmp_path / "file").write_text("x")
    base = tmp_path / odd
    base.mkdir()
    with running(tmp_path / "server") as server:
        target = server.target(folder=str(base))
        assert target.run({odd: tmp_path / "file"}, [odd], progress=Silent()) == {"schema": "x"}
        assert server.left_behind(base) == []
        assert server.left_behind() == []


@pytest.mark.slow
def test_what_a_login_says_is_no_answer(tmp_path: Path, script: Any) -> None:
    script(ANSWER)
    (tmp_path / "banner").write_text("edgeswap-0 {}\nAuthorized users only!\n")
    noisy = tmp_path / "noisy"
    noisy.write_text(
        "#!/bin/sh\necho '{\"ready\": true}'; echo 'Welcome!' >&2; printf 'no end of line'\n"
        '(while sleep 0.01; do echo still here; done) & noise=$!\n/bin/sh -c "$SSH_ORIGINAL_COMMAND"; kill $noise\n'
    )
    noisy.chmod(0o755)
    options = [f"ForceCommand {noisy}", f"Banner {tmp_path / 'banner'}"]
    with running(tmp_path / "server", options=options) as server:
        assert server.target().run({}, [], progress=Silent()) == {"schema": "x"}
        assert server.left_behind() == []


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "dash", "tcsh", "fish"])
def test_any_login_shell_will_do(tmp_path: Path, script: Any, shell: str) -> None:
    if not Path(f"/usr/bin/{shell}").exists():
        pytest.skip(f"no {shell} here: apt install {shell}")
    script(ANSWER)
    start = tmp_path / "start"
    start.write_text(f'#!/bin/sh\nexec /usr/bin/{shell} -c "$SSH_ORIGINAL_COMMAND"\n')
    start.chmod(0o755)
    with running(tmp_path / "server", options=[f"ForceCommand {start}"]) as server:
        assert server.target().run({}, [], progress=Silent()) == {"schema": "x"}


# --- no connection ----------------------------------------------------------------------------------------------------


def test_an_unknown_host_key_is_refused(server: Server) -> None:
    error = failed(server.target(known_hosts=""))
    assert "host key is not known" in error.problem
    assert f"ssh -p {server.port} " in error.remedy
    assert server.left_behind() == []


def test_a_changed_host_key_is_told_from_an_unknown_one(server: Server) -> None:
    other = (server.folder / "other_key.pub").read_text()
    target = server.target(known_hosts=f"[127.0.0.1]:{server.port} {other}")
    error = failed(target)
    assert "another host key" in error.problem
    assert f"-R '[127.0.0.1]:{server.port}'" in error.remedy
    # What it says to do is right: it removes the key, and then the host is one not known.
    forget = error.remedy[error.remedy.index("ssh-keygen") : error.remedy.index(" && ")]
    subprocess.run(["sh", "-c", forget], check=True, capture_output=True)
    assert "host key is not known" in failed(target).problem


def test_a_refused_key(server: Server) -> None:
    error = failed(server.target(key="other_key"))
    assert "refused the login" in error.problem
    assert "Permission denied (publickey)" in error.problem
    assert "ssh-copy-id -p" in error.remedy


def test_no_server_there(server: Server) -> None:
    line = Line(server.port)
    line.close()
    assert "no ssh server" in failed(server.target(port=line.port)).problem


def test_a_name_that_nobody_has() -> None:
    assert (
        "no machine is known by the name 'nobody.invalid'" in failed(ssh.Ssh.parse("ssh://pi@nobody.invalid")).problem
    )


@pytest.mark.slow
def test_a_machine_that_does_not_answer(server: Server) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = server.target(port=mute.getsockname()[1])
        options = (*target.ssh_options, "-o", "ConnectTimeout=1")
        error = failed(ssh.Ssh(target.name, target.address, ssh_options=options))
    assert "does not answer" in error.problem


def test_a_wrong_option_is_quoted(server: Server) -> None:
    target = server.target()
    error = failed(ssh.Ssh(target.name, target.address, ssh_options=("-o", "Prot=22")))
    assert "prot" in error.problem.lower()


def test_a_login_that_runs_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "server", options=["ForceCommand echo Maintenance. >&2; exit 3"]) as server:
        error = failed(server.target())
    assert "exit code 3" in error.problem
    assert "Maintenance." in error.remedy


def test_no_ssh_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert ssh_tools.missing() == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len(ssh_tools.missing()) == 1
    error = failed(ssh.Ssh.parse("ssh://board"))
    assert "no ssh on PATH" in error.problem
    assert "openssh-client" in error.remedy


# --- the connection is cut --------------------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "PAUSE_S", 0.05)


@pytest.mark.slow
def test_a_connection_cut_while_copying_is_made_anew(
    server: Server, script: Any, tmp_path: Path, at_once: None
) -> None:
    script(ANSWER)
    (tmp_path / "big").write_bytes(os.urandom(4_000_000))
    line = Line(server.port, after_bytes=2_000_000, times=2)
    result = server.target(port=line.port).run({"big": tmp_path / "big"}, [], progress=Silent())
    line.close()
    assert result == {"schema": "x"}
    assert line.opened == 3
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_connection_that_is_always_cut_is_given_up(
    server: Server, script: Any, tmp_path: Path, at_once: None
) -> None:
    script(ANSWER)
    (tmp_path / "big").write_bytes(os.urandom(4_000_000))
    line = Line(server.port, after_bytes=2_000_000, times=100)
    error = failed(server.target(port=line.port), {"big": tmp_path / "big"})
    line.close()
    assert "connection was cut" in error.problem
    assert line.opened == ssh.ATTEMPTS
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_connection_cut_before_the_login_is_made_anew(server: Server, script: Any, at_once: None) -> None:
    script(ANSWER)
    line = Line(server.port, after_bytes=0, times=1)
    assert server.target(port=line.port).run({}, [], progress=Silent()) == {"schema": "x"}
    line.close()
    assert line.opened == 2


def lasting(folder: Path) -> tuple[str, Path]:
    """A script's body that starts a process, tells both ids in a file, and does not end."""
    alive = folder / "alive"
    body = f"""
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
pathlib.Path({str(alive)!r} + ".part").write_text(f"{{os.getpid()}} {{child.pid}}")
os.rename({str(alive)!r} + ".part", {str(alive)!r})
print("progress 0.5 latency", file=sys.stderr, flush=True)
time.sleep(120)
"""
    return body, alive


@pytest.mark.slow
def test_a_connection_cut_while_it_measures_is_an_error(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    script(body)
    line = Line(server.port)

    def cut() -> None:
        wait_for(alive)
        line.cut()

    threading.Thread(target=cut, daemon=True).start()
    error = failed(server.target(port=line.port))
    line.close()
    assert "cut while the board measured" in error.problem
    assert "run it again" in error.remedy
    assert line.opened == 1
    assert all(has_ended(int(pid)) for pid in alive.read_text().split())
    assert server.left_behind() == []


# --- what the script wrote is brought --------------------------------------------------------------------------------


def writing(size: int) -> str:
    """A script's body that writes a file of `size` random bytes where it is told."""
    return f"data = os.urandom({size}); pathlib.Path(sys.argv[1]).write_bytes(data); {ANSWER}"


@pytest.mark.slow
def test_outputs_are_brought_as_they_are_on_the_board(
    server: Server, models: tuple[list[Path], Path], tmp_path: Path
) -> None:
    how: dict[str, Any] = {"preprocess": "unit", "quick": True}
    progress = Recorded()
    (there,) = measure(server.target(), *models, outputs=tmp_path / "there.npz", progress=progress, **how)
    (here,) = measure(Host(), *models, outputs=tmp_path / "here.npz", **how)
    for own, expected in ((there.baseline, here.baseline), (there.candidate, here.candidate)):
        np.testing.assert_array_equal(own[0].array, expected[0].array, strict=True)
    size = (tmp_path / "there.npz").stat().st_size
    assert progress.totals["Bringing from 127.0.0.1"] == progress.done["Bringing from 127.0.0.1"] == size
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_file_of_many_pieces_is_brought_whole(server: Server, script: Any, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    size = 3 * ssh_board.PIECE + 7
    script(f"{writing(size)}; pathlib.Path({str(copy)!r}).write_bytes(data)")
    for keep in (False, True):
        brings = {"out": tmp_path / "brought"}
        server.target(keep=keep).run({}, ["out"], progress=Silent(), brings=brings)
        assert (tmp_path / "brought").read_bytes() == copy.read_bytes()
        assert not (server.home / ".edgeswap" / "out").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"brought", "copy", "script.py", "server"}


@pytest.mark.slow
def test_a_file_that_the_script_did_not_write(server: Server, script: Any, tmp_path: Path) -> None:
    script(ANSWER)
    with pytest.raises(TargetError, match=r"No such file or directory.*out"):
        server.target().run({}, ["out"], progress=Silent(), brings={"out": tmp_path / "brought"})
    assert server.left_behind() == []


class Stepwise(Recorded):
    """Calls a function at every piece that is brought."""

    def __init__(self, call: Callable[[], None]) -> None:
        super().__init__()
        self.call = call

    def advance(self, amount: float = 1, note: str = "") -> None:
        super().advance(amount, note)
        if self.title.startswith("Bringing"):
            self.call()


@pytest.mark.slow
def test_a_connection_cut_while_it_is_brought_is_an_error(server: Server, script: Any, tmp_path: Path) -> None:
    script(writing(3 * ssh_board.PIECE))
    line = Line(server.port)
    brings = {"out": tmp_path / "brought"}
    with pytest.raises(TargetError, match="cut while the board measured"):
        server.target(port=line.port).run({}, ["out"], progress=Stepwise(line.cut), brings=brings)
    line.close()
    assert line.opened == 1
    assert not list(tmp_path.glob("brought*"))
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_file_that_changes_while_it_is_brought_is_damaged(server: Server, script: Any, tmp_path: Path) -> None:
    script(writing(3 * ssh_board.PIECE))

    def shorten() -> None:
        (file,) = server.home.glob(".edgeswap-*/out")
        os.truncate(file, 10)

    with pytest.raises(TargetError, match="a file arrived damaged: out") as raised:
        server.target().run({}, ["out"], progress=Stepwise(shorten), brings={"out": tmp_path / "brought"})
    assert raised.value.remedy == "Run it again."
    assert not list(tmp_path.glob("brought*"))


@pytest.mark.slow
def test_a_board_without_room_for_the_outputs(
    models: tuple[list[Path], Path], full_disk: Callable[[str], Path], tmp_path: Path
) -> None:
    """The script says so before it asks the models."""
    disk = full_disk("2m")
    wide = classifier(
        tmp_path / "wide.tflite", np.zeros((20_000, 16), np.int8), SHAPE, scale=1 / 255
    )  # 2 MB of outputs
    own = pretending(tmp_path, "os.confstr = lambda name: ''")  # so that no wheels are carried there
    own["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    with running(tmp_path / "server", environment=own) as server:
        target = server.target(folder=str(disk))
        with pytest.raises(TargetError, match=r"bytes of room for the outputs in .*, the disk has") as raised:
            measure(target, [wide, wide], models[1], preprocess="unit", quick=True, outputs=tmp_path / "out.npz")
        assert "--reduce argmax" in raised.value.remedy
        assert server.left_behind(disk) == []


@pytest.mark.slow
def test_ctrl_c_ends_everything_there(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    script(body)

    def press() -> None:
        wait_for(alive)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(Interrupted), interruptible():
        server.target().run({}, [], progress=Silent())
    assert list(server.home.iterdir()) == []  # at once: it waited for the board to have done so
    assert all(has_ended(int(pid)) for pid in alive.read_text().split())


@pytest.mark.slow
def test_an_interrupt_while_copying_leaves_nothing(server: Server, script: Any, tmp_path: Path) -> None:
    script(ANSWER)
    (tmp_path / "big").write_bytes(os.urandom(4_000_000))

    class Impatient(Recorded):
        def advance(self, amount: float = 1, note: str = "") -> None:
            super().advance(amount)
            if self.done["Copying to 127.0.0.1"] > 1_000_000:
                raise Interrupted(signal.SIGINT)

    with pytest.raises(Interrupted):
        server.target().run({"big": tmp_path / "big"}, [], progress=Impatient())
    assert list(server.home.iterdir()) == []  # at once


@pytest.mark.slow
def test_the_death_of_this_process_ends_everything_there(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    (tmp_path / "script.py").write_text(f"import os, pathlib, subprocess, sys, time\n{body}")
    program = f"""
import pathlib
from edgeswap.system import shipped
from edgeswap.progress import Silent
from edgeswap.targets.ssh import target as ssh
from edgeswap.targets.ssh.wheels import Environment
shipped.path = lambda name: pathlib.Path({str(tmp_path / "script.py")!r})
ssh.choose = lambda *_, **_options: Environment("ai-edge-litert", ())
name = {server.target().name!r}
ssh.Ssh(name, ssh.Address.parse(name), ssh_options={server.target().ssh_options!r}).run({{}}, [], progress=Silent())
"""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parent.parent)
    wait_for(alive)
    process.kill()
    process.wait()
    assert all(has_ended(int(pid)) for pid in alive.read_text().split())
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_host_that_falls_silent_ends_everything_there(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    script(body)
    with connected(server, lease_s=2.0) as board:
        board.ask("open", base="~", keep=False)
        board.put(shipped.path(""), "script.py", sha256(shipped.path("")), lambda _: None)
        board.send({"do": "run", "script": "script.py", "arguments": [], "site": ""})
        wait_for(alive)
        time.sleep(3)
        assert not has_ended_now(alive), "kept alive although nothing is asked"
        os.kill(board.process.pid, signal.SIGSTOP)  # the connection stands, and nothing comes over it
        try:
            assert all(has_ended(int(pid)) for pid in alive.read_text().split())
            assert server.left_behind() == []
        finally:
            os.kill(board.process.pid, signal.SIGCONT)


@pytest.mark.slow
def test_a_host_that_falls_silent_while_it_is_brought_something_leaves_nothing_there(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "big").write_bytes(os.urandom(4 * ssh_board.PIECE))
    with connected(server, lease_s=2.0) as board:
        board.ask("open", base="~", keep=False)
        board.put(tmp_path / "big", "big", sha256(tmp_path / "big"), lambda _: None)
        for _ in range(100):  # far more than all the buffers between hold
            board.send({"do": "piece", "name": "big", "start": 0})
        assert "answer" in board.hear(20)
        os.kill(board.process.pid, signal.SIGSTOP)
        try:
            assert server.left_behind() == []
        finally:
            os.kill(board.process.pid, signal.SIGCONT)


def has_ended_now(alive: Path) -> bool:
    return any(not Path(f"/proc/{pid}").exists() for pid in alive.read_text().split())


def sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def connected(server: Server, **how: Any) -> Iterator[Any]:
    target = server.target()
    with connect(target.name, target.address, ssh_options=target.ssh_options, **how) as board:
        yield board


# --- the board fails --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_disk(server: Server, script: Any, full_disk: Callable[[str], Path], tmp_path: Path) -> None:
    script(ANSWER)
    disk = full_disk("2m")
    (tmp_path / "big").write_bytes(os.urandom(4_000_000))
    error = failed(server.target(folder=str(disk)), {"big": tmp_path / "big"})
    assert "disk is full" in error.problem
    assert str(disk) in error.problem
    assert server.left_behind(disk) == []
    failed(server.target(folder=str(disk), keep=True), {"big": tmp_path / "big"})
    assert {path.name for path in (disk / ".edgeswap").iterdir()} == {"benchmark.py", "in-use"}


@pytest.mark.slow
def test_a_disk_that_wheels_fill(
    server: Server, full_disk: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipfile

    wheel = tmp_path / "big.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(8_000_000))  # 8 kB in the wheel
    monkeypatch.setattr(ssh, "choose", lambda *_, **_options: Environment("ai-edge-litert", (wheel,)))
    disk = full_disk("2m")
    assert "disk is full" in failed(server.target(folder=str(disk))).problem
    assert server.left_behind(disk) == []


@pytest.mark.slow
def test_a_folder_that_is_not_there(server: Server, script: Any, tmp_path: Path) -> None:
    script(ANSWER)
    error = failed(server.target(folder=str(tmp_path / "nowhere")))
    assert "No such file or directory" in error.problem
    assert "nowhere" in error.problem


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "problem", "remedy"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", "memory"),
        ("print('so far', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)", "SIGKILL", "so far"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV", "again"),
        ("print('it broke', file=sys.stderr); sys.exit(3)", "exit code 3", "it broke"),
        ("print('error: No x.\\nGive x.', file=sys.stderr); sys.exit(1)", ": No x.", "Give x."),
    ],
)
def test_a_script_that_fails(server: Server, script: Any, body: str, problem: str, remedy: str) -> None:
    script(body)
    error = failed(server.target())
    assert problem in error.problem
    assert remedy in error.remedy
    assert server.left_behind() == []


@pytest.mark.slow
def test_a_killed_script_is_told_although_its_processes_live_on(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    script(body.replace("time.sleep(120)\n", "os.kill(os.getpid(), 9)\n"))
    # The other process holds the script's stderr: who waits for its end hears nothing until the silence is too long.
    assert "SIGKILL" in failed(server.target(silence_s=20)).problem
    assert all(has_ended(int(pid)) for pid in alive.read_text().split())


@pytest.mark.slow
def test_a_script_that_hangs_is_ended(server: Server, script: Any, tmp_path: Path) -> None:
    body, alive = lasting(tmp_path)
    script(body)
    error = failed(server.target(silence_s=5.0))
    assert "said nothing for 5 s" in error.problem
    assert all(has_ended(int(pid)) for pid in alive.read_text().split())
    assert server.left_behind() == []


@pytest.mark.slow
def test_what_a_board_could_not_remove_is_removed_by_the_next_run(server: Server, script: Any, tmp_path: Path) -> None:
    script("os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)")  # as near to a lost power supply as can be had
    assert "cut while the board measured" in failed(server.target()).problem
    (stale,) = server.home.iterdir()
    script(ANSWER)
    with connected(server) as other:
        used = other.ask("open", base="~", keep=False)  # sweeps, and must not be swept by the next
        assert not stale.exists()
        server.target().run({}, [], progress=Silent())
        assert [str(path) for path in server.home.iterdir()] == [used]
    assert server.left_behind() == []


def test_no_python_there(tmp_path: Path) -> None:
    with running(tmp_path / "server", environment={"PATH": "/nonexistent"}) as server:
        error = failed(server.target())
    assert "expected Python 3.9 or newer" in error.problem
    assert "got none" in error.problem
    assert "apt install python3" in error.remedy


def test_a_pretended_old_python_there(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.7.3; exit 1\n')
    (old / "uname").write_text("#!/bin/sh\necho armv7l\n")
    for program in old.iterdir():
        program.chmod(0o755)
    with running(tmp_path / "server", environment={"PATH": str(old)}) as server:
        error = failed(server.target())
    assert "on the board (armv7l), got Python 3.7.3" in error.problem


def pretending(folder: Path, code: str) -> dict[str, str]:
    """An environment in which Python says something else of its machine than is true, as there is no second machine."""
    place = folder / "pretending"
    place.mkdir()
    (place / "sitecustomize.py").write_text(f"import os, platform, struct, sys\n{code}\n")
    return {"PYTHONPATH": str(place)}


@pytest.mark.slow
def test_a_board_without_wheels_is_refused_before_anything_is_copied_pretending_to_be_armv7l(tmp_path: Path) -> None:
    code = "platform.machine = lambda: 'armv7l'; sys.version_info = (3, 13, 5, 'final', 0)"
    with running(tmp_path / "server", environment=pretending(tmp_path, code)) as server:
        before = server.home.stat().st_mtime_ns
        error = failed(server.target())
        assert "Python 3.13.5" in error.problem
        assert "armv7l" in error.problem
        assert "64-bit Raspberry Pi OS" in error.remedy
        assert server.home.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_damaged_file_is_not_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"as sent")
    with connected(server) as board:
        folder = Path(board.ask("open", base="~", keep=False))
        with pytest.raises(TargetError, match="arrived damaged"):
            board.put(tmp_path / "file", "file", "0" * 64, lambda _: None)
        assert [path.name for path in folder.iterdir()] == ["in-use"]
        board.put(tmp_path / "file", "file", sha256(tmp_path / "file"), lambda _: None)  # and all still in step
        with pytest.raises(TargetError, match="not the bare name"):
            board.put(tmp_path / "file", "../file", sha256(tmp_path / "file"), lambda _: None)


def test_the_far_end_is_python_3_9() -> None:
    source = Path(ssh_board.__file__).read_text()
    ast.parse(source, feature_version=(3, 9))
    assert "\0" not in source  # the end of the program, for the board
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_python_of_the_pretended_board_has_no_packages(tmp_path: Path) -> None:
    """Or the carried wheels would prove nothing."""
    code = "import importlib.util; print(importlib.util.find_spec('numpy'))"
    python = bare_python(tmp_path / "bin").split(":")[0] + "/python3"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
