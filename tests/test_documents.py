"""The documents against the code: reference pages are fresh, links lead somewhere, commands have options that exist."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from edgeswap.cli.main import cli

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
SHARED_BY_ALL = {"records", "progress", "frameworks", "statistics", "version", "errors"}


def generated():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "reference" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


def test_the_reference_is_fresh():
    for name, text in generated().items():
        written = (DOCS / "reference" / name).read_text(encoding="utf-8")
        assert written == text, f"{name} is not fresh. Run: python docs/reference/generate.py"


def test_the_picture_of_the_rooms_is_that_of_the_import_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [room for layer in layers for room in layer.split(" : ") if room not in SHARED_BY_ALL]
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## The rooms")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == rooms
    assert all((ROOT / "edgeswap" / room / "__init__.py").is_file() for room in rooms)
    assert all(f"`{name}`" in table for name in SHARED_BY_ALL)


def test_files_that_the_architecture_names_exist():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Where is ...?")[2].partition("## ")[0]
    names = re.findall(r"`([\w/]+\.py)`", text)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / "edgeswap" / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        linked = page if not path else (page.parent / path).resolve()
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def commands_of(page):
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            for part in re.split(r"&&|\||;", line):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == "edgeswap":
                    yield words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_have_options_that_exist(page):
    for words in commands_of(page):
        command = cli
        for word in words:
            if isinstance(command, click.Group) and word in command.commands:
                command = command.commands[word]
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        known |= {"--help", "-h", "--debug", "--version"}
        used = {word.partition("=")[0] for word in words if word.startswith("-") and not word.lstrip("-")[:1].isdigit()}
        assert used <= known, f"{' '.join(words)}: {sorted(used - known)}"
