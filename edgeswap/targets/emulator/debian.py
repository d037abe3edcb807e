"""A root of Debian for 64-bit Arm, unpacked by mmdebstrap from wherever this machine gets its own packages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from edgeswap.system.scratch import scratch_folder
from edgeswap.targets.emulator.tool import run_tool

SUITE = "bookworm"  # of Python 3.11, the last for which there is a tflite-runtime, and of a Raspberry Pi OS
PYTHON = "3.11"
PACKAGES = ("python3", "libstdc++6")
ARCHITECTURE = "arm64"
REMEDY = (
    "Check this machine's connection; apt must know Debian's keys (package debian-archive-keyring). Behind a proxy set "
    "http_proxy and https_proxy."
)
# sources.list(5): the one-line and the deb822 style.
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?\S+\s+(?P<suites>\S+)\s+(?P<components>.+)")


def unpack_debian(folder: Path) -> None:
    """Make `folder`, a root of Python and the C++ library; needs no root rights, since nothing in it is run.

    Raises:
        TargetError: mmdebstrap failed; the remedy has its last words.
    """
    # Without root rights it unpacks as this user; which mode that is called makes no other difference.
    mode = "root" if os.geteuid() == 0 else "chrootless"
    options = ("--quiet", f"--mode={mode}", "--variant=extract", f"--architectures={ARCHITECTURE}")
    with scratch_folder() as scratch:
        mirrors = []
        for ending, text in host_sources(Path("/etc/apt")).items():
            mirrors.append(scratch / f"debian.{ending}")
            mirrors[-1].write_text(text)
        run_tool(
            ["mmdebstrap", *options, f"--include={','.join(PACKAGES)}", SUITE, str(folder), *map(str, mirrors)],
            remedy=REMEDY,
        )
    # A link out of the root, to what this machine's own Python may have there.
    (folder / "usr" / "lib" / f"python{PYTHON}" / "sitecustomize.py").unlink(missing_ok=True)


def host_sources(apt: Path) -> dict[str, str]:
    """This machine's own entries for the suite, by the style's file name ending; none where it is of another suite.

    Then mmdebstrap knows Debian's public servers. Other vendors' entries are left out: they need not have Arm packages.
    """
    files = sorted((apt / "sources.list.d").glob("*"))
    one_line = [*_one_line_entries([apt / "sources.list", *(file for file in files if file.suffix == ".list")])]
    stanzas = [*_stanzas(file for file in files if file.suffix == ".sources")]
    if not any(SUITE in suites for _, suites in (*one_line, *stanzas)):
        return {}
    found = {"list": "\n".join(text for text, _ in one_line), "sources": "\n\n".join(text for text, _ in stanzas)}
    return {ending: f"{text}\n" for ending, text in found.items() if text}


def _one_line_entries(files: list[Path]) -> Iterator[tuple[str, list[str]]]:
    for file in files:
        for line in _text(file).splitlines():
            entry = ONE_LINE.fullmatch(line.partition("#")[0].strip())
            if entry:
                options = dict(option.partition("=")[::2] for option in (entry["options"] or "").split())
                if _serves(entry["suites"].split(), entry["components"].split(), options.get("arch", "").split(",")):
                    yield entry[0], entry["suites"].split()


def _stanzas(files: Iterator[Path]) -> Iterator[tuple[str, list[str]]]:
    from email.parser import HeaderParser  # noqa: PLC0415  (the list of targets, which imports this module, comes at once)

    for file in files:
        lines = "\n".join(line for line in _text(file).splitlines() if not line.startswith("#"))
        for stanza in re.split(r"\n\s*\n", lines):
            fields = HeaderParser().parsestr(stanza.strip())  # deb822 is the form of a mail's header
            suites, types, components, architectures = (
                fields.get(name, "").split() for name in ("Suites", "Types", "Components", "Architectures")
            )
            if "deb" not in types or fields.get("Enabled", "").strip() == "no":
                continue
            if _serves(suites, components, architectures):
                yield stanza.strip(), suites


def _serves(suites: list[str], components: list[str], architectures: list[str]) -> bool:
    """Whether an entry is Debian's own for the suite, its updates or its security fixes, for Arm too."""
    own = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
    has_arm = ARCHITECTURE in architectures or not any(architectures)
    return set(suites) <= own and "main" in components and has_arm


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""
