"""Where the Arm root's packages come from: this machine's own entries for Debian, and nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeswap.errors import TargetError
from edgeswap.targets.emulator import debian as emulator_debian
from edgeswap.targets.emulator.debian import host_sources, unpack_debian

DEBIAN = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main"
SECURITY = "Types: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\nComponents: main contrib"


def apt(folder: Path, **files: str) -> Path:
    """An /etc/apt; a dot in a name is written as two underscores."""
    (folder / "sources.list.d").mkdir(parents=True)
    for name, text in files.items():
        place = folder if name == "sources__list" else folder / "sources.list.d"
        (place / name.replace("__", ".")).write_text(text)
    return folder


def test_stanzas_of_the_suite_are_taken_and_other_vendors_left(tmp_path: Path) -> None:
    vendor = DEBIAN.replace("bookworm bookworm-updates", "cloud-bookworm")
    docker = DEBIAN.replace("main", "stable").replace("bookworm bookworm-updates", "bookworm")
    backports = DEBIAN.replace("bookworm bookworm-updates", "bookworm-backports")
    folder = apt(
        tmp_path / "apt",
        debian__sources=f"# a comment\n{DEBIAN}\n# inside\n\n{SECURITY}\n",
        vendor__sources=f"{vendor}\n\n{docker}\n\n{backports}\n",
        sources__list="",
    )
    assert host_sources(folder) == {"sources": f"{DEBIAN}\n\n{SECURITY}\n"}


def test_fields_of_several_lines(tmp_path: Path) -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBGPL0B"
    stanza = DEBIAN.replace("bookworm bookworm-updates", "bookworm\n bookworm-updates") + f"\n{key}"
    other = DEBIAN.replace("bookworm bookworm-updates", "bookworm\n trixie")
    folder = apt(tmp_path / "apt", debian__sources=f"{stanza}\n\n{other}\n")
    assert host_sources(folder) == {"sources": f"{stanza}\n"}


def test_one_line_entries(tmp_path: Path) -> None:
    own = "deb [signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm main contrib"
    others = (
        "# deb http://mirror.example/debian bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb [arch=amd64] http://mirror.example/debian bookworm main",
        "deb http://vendor.example/debian bookworm stable",
    )
    arm_too = "deb [arch=amd64,arm64] http://mirror.example/security bookworm-security main"
    folder = apt(tmp_path / "apt", sources__list="\n".join((own, *others)), security__list=arm_too)
    assert host_sources(folder) == {"list": f"{own}\n{arm_too}\n"}


@pytest.mark.parametrize(
    "text",
    [
        DEBIAN.replace("bookworm", "trixie"),
        SECURITY,  # alone it has no Python
        DEBIAN + "\nEnabled: no",
        DEBIAN + "\nArchitectures: amd64 i386",
        DEBIAN.replace("Types: deb", "Types: deb-src"),
    ],
)
def test_elsewhere_mmdebstrap_goes_to_debians_own_servers(text: str, tmp_path: Path) -> None:
    assert host_sources(apt(tmp_path / "apt", debian__sources=text)) == {}


def test_a_machine_without_apt(tmp_path: Path) -> None:
    assert host_sources(tmp_path / "none") == {}


def test_the_last_words_of_mmdebstrap_reach_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "mmdebstrap"
    tool.write_text("#!/bin/sh\necho 'I: downloading' >&2\necho 'E: no route to the mirror' >&2\nexit 7\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(TargetError, match="mmdebstrap failed with exit code 7") as raised:
        unpack_debian(tmp_path / "root")
    assert "E: no route to the mirror" in raised.value.remedy
    assert emulator_debian.REMEDY in raised.value.remedy
