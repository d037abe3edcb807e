"""`ssh://user@board[:port]`: which board."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from edgeswap.errors import ConfigError

# A leading dash would be taken for an option by ssh, and other marks than those of names for something else by a shell.
# Hosts are names, aliases of ~/.ssh/config, or addresses.
FORM = re.compile(
    r"ssh://(?:(?P<user>[\w.+][\w.+\-]*)@)?(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[\w.][\w.\-]*)"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
REMEDY = "Write ssh://user@board or ssh://user@board:port; user and port may also stand in ~/.ssh/config."


@dataclass(frozen=True)
class Address:
    """A board as the user names it; what is None is left to the user's ssh configuration."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `ssh://user@board[:port]`; an IPv6 address stands in brackets.

        Raises:
            ConfigError: it has another form.
        """
        found = FORM.fullmatch(text)
        if found is None:
            secret = re.fullmatch(r"ssh://[^@/]*:[^@]*@.*", text)
            raise ConfigError(
                "Expected a target ssh://user@board[:port] without a password, got one."
                if secret
                else f"Expected a target ssh://user@board[:port], got {text!r}.",
                "Give the board your public key by ssh-copy-id; passwords are never asked for." if secret else REMEDY,
            )
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port < 65536:
            raise ConfigError(f"Expected a port from 1 to 65535, got {port} in {text!r}.", REMEDY)
        return cls(found["host"].strip("[]"), found["user"], port)

    @property
    def destination(self) -> str:
        """`user@board`, or `board` alone."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def known_as(self) -> str:
        """How known_hosts calls it."""
        return f"[{self.host}]:{self.port}" if self.port not in (None, 22) else self.host

    def arguments(self) -> list[str]:
        """Arguments of `ssh` that lead there."""
        return [*(["-p", str(self.port)] if self.port else []), self.destination]

    def command(self, program: str) -> str:
        """A command line for the user to type, such as `ssh -p 2222 pi@board`."""
        return shlex.join([program, *self.arguments()])
