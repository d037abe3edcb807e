from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.errors import ConfigError
from edgeswap.targets.names import backend_of, require_known
from edgeswap.targets.ssh.address import Address
from edgeswap.targets.ssh.target import Ssh


@pytest.mark.parametrize(
    ("text", "address", "arguments"),
    [
        ("ssh://pi@raspberrypi", Address("raspberrypi", "pi"), ["pi@raspberrypi"]),
        (
            "ssh://pi@raspberrypi.local:2222",
            Address("raspberrypi.local", "pi", 2222),
            ["-p", "2222", "pi@raspberrypi.local"],
        ),
        ("ssh://board", Address("board"), ["board"]),
        ("ssh://board/", Address("board"), ["board"]),
        ("ssh://pi@[fe80::1%eth0]:22", Address("fe80::1%eth0", "pi", 22), ["-p", "22", "pi@fe80::1%eth0"]),
        ("ssh://pi@192.168.1.7", Address("192.168.1.7", "pi"), ["pi@192.168.1.7"]),
    ],
)
def test_reads_an_address(text: str, address: Address, arguments: list[str]) -> None:
    target = Ssh.parse(text)
    assert target.name == text
    assert target.address == address
    assert target.address.arguments() == arguments


@pytest.mark.parametrize(
    "text",
    [
        "ssh://",
        "ssh://@board",
        "ssh://pi@",
        "ssh:board",
        "pi@board",
        "ssh://-oProxyCommand=reboot",
        "ssh://-l@board",
        "ssh://pi@-board",
        "ssh://pi@board:",
        "ssh://pi@board:0",
        "ssh://pi@board:65536",
        "ssh://pi@board:22x",
        "ssh://pi@board/home",
        "ssh://pi@bo ard",
        "ssh://pi@board;reboot",
        "ssh://pi@board\n",
        "ssh://fe80::1",
        "ssh://u@h:99999",
        "ssh://u@h:000000022",
        "ssh://u@h:\u0662\u0662",
        "ssh://u@-oProxyCommand=id",
        "ssh://u\x1b[2J@h",
        "ssh://u\x00@h",
        "ssh://u@h\nHost *",
        "ssh://$(id)@h",
        "ssh://u`id`@h",
    ],
)
@pytest.mark.parametrize("where", [Ssh.parse, backend_of, require_known])
def test_refuses_what_is_none_wherever_a_target_is_named(text: str, where: Callable[[str], object]) -> None:
    with pytest.raises(ConfigError, match="Expected") as raised:
        where(text)
    assert raised.value.problem.isprintable()


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match="without a password") as raised:
        Ssh.parse("ssh://pi:raspberry@board")
    assert "ssh://pi:" not in str(raised.value)
    assert "ssh-copy-id" in raised.value.remedy


@given(st.text(max_size=30))
def test_no_address_becomes_an_option(text: str) -> None:
    try:
        address = Address.parse(f"ssh://{text}")
    except ConfigError:
        return
    assert not address.destination.startswith("-")
    assert not set(address.destination) & set(" \t\n;&|$`'\"\\<>()")


def test_commands_for_the_user_to_type() -> None:
    assert Address("board", "pi", 2222).command("ssh") == "ssh -p 2222 pi@board"
    assert Address("board", "pi", 2222).known_as == "[board]:2222"
    assert Address("board", "pi", 22).known_as == "board"
