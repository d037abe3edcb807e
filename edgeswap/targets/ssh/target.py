"""A board over ssh as a target: the device script there, with models, samples and runtime carried from here."""

from __future__ import annotations

import hashlib
import json
import queue
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeswap.errors import TargetError
from edgeswap.progress import Progress
from edgeswap.system import shipped
from edgeswap.targets.edgetpu.installed import EDGE_TPU
from edgeswap.targets.script import SCRIPT, Account, failure, silent
from edgeswap.targets.ssh.address import Address
from edgeswap.targets.ssh.connection import Connection
from edgeswap.targets.ssh.failure import ConnectionCutError
from edgeswap.targets.ssh.open import connect
from edgeswap.targets.ssh.wheels import FOR_EDGE_TPU, PREFERRED, Environment, Facts, choose

SCRIPT_NAME = "benchmark.py"
RESULT = "result.json"
CHUNK = 1 << 20
ATTEMPTS = 3
PAUSE_S = 2.0


@dataclass(frozen=True)
class Ssh:
    """Runs the device script on a board. It satisfies `edgeswap.targets.measure.Target`.

    Attributes:
        name: as in `--target`.
        address: which board.
        folder: where on the board a folder is made for the run; `~` is the home of the user there.
        keep: leave that folder, as `.edgeswap`, so that a next run finds what it need not send again.
        silence_s: how long the script, or anything else there, may say nothing before it counts as hung, in seconds.
        lease_s: after how long without a word from here everything on the board ends by itself, in seconds.
        ssh_options: further arguments of `ssh`, such as `("-F", "my_config")`.
    """

    name: str
    address: Address
    folder: str = "~"
    keep: bool = False
    silence_s: float = 300.0
    lease_s: float = 60.0
    ssh_options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, *, keep: bool = False) -> Ssh:
        """The target `ssh://user@board[:port]`.

        Raises:
            ConfigError: the name has another form.
        """
        return cls(name, Address.parse(name), keep=keep)

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """Run the script on the board and return its JSON; nothing is left there unless `keep`.

        A connection that is cut before the script was started is made anew: until then nothing was done that could not
        be done twice. One that is cut while it measures is not: the usual cause is the board itself, which restarted
        for want of power or memory, and a second run that happens to get through would hide that.

        Args:
            files: name to local path of all that the script reads.
            arguments: of the script; where one is a name of `files`, the script is given the file.
            brings: name to local path of all that the script writes beside its JSON; where an argument is one of these
                names, the script is given a place there, and the file is brought to the path.
            progress: told how far the copying, the script and the bringing are.

        Raises:
            TargetError: no connection, no Python or no runtime for the board, its disk is full, the connection was
                cut, or the script failed, crashed, was killed or hung.
        """
        attempt = 1
        while True:
            try:
                return self._session(files, arguments, progress, brings or {})
            except ConnectionCutError:
                if attempt == ATTEMPTS:
                    raise
            attempt += 1
            time.sleep(PAUSE_S)

    def _session(
        self, files: Mapping[str, Path], arguments: Sequence[str], progress: Progress, brings: Mapping[str, Path]
    ) -> dict[str, Any]:
        host = self.address.host
        with ExitStack() as stack:
            with progress.step(f"Connecting to {host}"):
                board = stack.enter_context(
                    connect(
                        self.name,
                        self.address,
                        ssh_options=self.ssh_options,
                        silence_s=self.silence_s,
                        lease_s=self.lease_s,
                    )
                )
                facts = Facts(**board.ask("describe"))
            with progress.step(f"Runtime for {host}"):
                environment = choose(self.name, facts, runtimes=FOR_EDGE_TPU if EDGE_TPU in arguments else PREFERRED)
            board.ask("open", base=self.folder, keep=self.keep)
            site = self._copy(board, {SCRIPT_NAME: shipped.path(SCRIPT), **files}, environment, progress)
            given = self._arguments({*files, *brings}, arguments, environment)
            with self._once():
                with progress.step(f"Measuring on {host}", total=1.0) as step:
                    result = self._measure(board, given, site, Account(step))
                for name, path in brings.items():
                    size = board.ask("size", name=name)
                    with progress.step(f"Bringing from {host}", total=max(size, 1)) as step:
                        board.bring(name, size, path, step.advance)
            return result

    def _copy(self, board: Connection, files: Mapping[str, Path], environment: Environment, progress: Progress) -> str:
        """Copy what is not there yet, unpack the wheels, and return the name of the folder they are in."""
        wheels = {wheel.name: wheel for wheel in environment.wheels}
        paths = {**files, **wheels}
        sums = {name: _sha256(path) for name, path in paths.items()}
        missing = board.ask("missing", files=sums)
        size = sum(paths[name].stat().st_size for name in missing)
        with progress.step(f"Copying to {self.address.host}", total=max(size, 1)) as step:
            for name in missing:
                board.put(paths[name], name, sums[name], step.advance)
        if not wheels:
            return ""
        site = "site-" + hashlib.sha256(json.dumps([sums[name] for name in wheels]).encode()).hexdigest()[:16]
        board.ask("unpack", wheels=list(wheels), site=site)
        return site

    def _arguments(self, files: Set[str], arguments: Sequence[str], environment: Environment) -> list[str]:
        given = [f"./{argument}" if argument in files else argument for argument in arguments]
        runtime = [] if "--runtime" in given else ["--runtime", environment.runtime]
        return [*given, *runtime, "--json", RESULT, "--progress"]

    def _measure(self, board: Connection, arguments: Sequence[str], site: str, account: Account) -> dict[str, Any]:
        try:
            board.send({"do": "run", "script": SCRIPT_NAME, "arguments": arguments, "site": site})
            while "ended" not in (told := board.hear(self.silence_s)):
                account.hear(told.get("said", ""))
            if told["ended"]:
                raise failure(self.name, told["ended"], account)
            result: dict[str, Any] = json.loads(board.ask("fetch", name=RESULT))
        except queue.Empty:
            raise silent(self.name, self.silence_s, account) from None
        return result

    @contextmanager
    def _once(self) -> Iterator[None]:
        """For what is not done anew where the connection is cut."""
        try:
            yield
        except ConnectionCutError as error:
            raise TargetError(
                error.problem.replace("was cut", "was cut while the board measured"),
                f"{error.remedy} Then run it again; what was started there ends by itself, and what is left goes then.",
            ) from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(CHUNK), b""):
            digest.update(piece)
    return digest.hexdigest()
