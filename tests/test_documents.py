"""The documents against the code: reference pages are fresh, links lead somewhere, commands have options that exist."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgeswap.cli.invocation import Invocation
from edgeswap.cli.main import cli
from edgeswap.errors import ConfigError
from tests.test_report import qat

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
SHARED_BY_ALL = {"records", "progress", "frameworks", "forks", "statistics", "version", "errors"}


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


def test_the_menu_of_the_site_has_every_page_and_no_other():
    named = re.findall(r"^ *- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert {name for name in named if not name.startswith("repository/")} == pages
    assert all((ROOT / name.removeprefix("repository/")).is_file() for name in named if name.startswith("repository/"))


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
def test_commands_parse(page):
    """Commands, options, values and the number of arguments, as running them would, up to where work begins."""
    for words in commands_of(page):
        parse(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_sentences_have_options_that_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in re.findall(r"`edgeswap ([^`]+)`", text):
        words = shlex.split(" ".join(line.split()))
        command = cli
        for word in words:
            if isinstance(command, click.Group) and word in command.commands:
                command = command.commands[word]
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if word.startswith("--")} - {"--help", "--version"}
        assert used <= known, f"{line}: {sorted(used - known)}"


def parse(words):
    """Parse a command line.

    Raises:
        click.UsageError, ConfigError: it is none.
    """
    command, context = cli, click.Context(cli, info_name="edgeswap", **cli.context_settings)
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        name, *words = words
        command = command.commands[name]
        # A command keeps the help option of its first context: without the settings other tests would see no `-h`.
        settings = command.context_settings
        context = click.Context(command, parent=context, info_name=name, obj=Invocation(words), **settings)
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        raise click.UsageError(f"no command {words[0]!r}")
    if not {"--help", "-h", "--version"} & set(words):
        command.make_context(command.name, list(words), parent=context, obj=Invocation(words))


@pytest.mark.parametrize(
    "words",
    [["export", "--colour"], ["export", "--epochs", "many"], ["bundle", "verify"], ["bench", "--data"], ["repot", "x"]],
)
def test_a_command_that_is_none_is_seen(words):
    with pytest.raises((click.UsageError, ConfigError)):
        parse(words)


@pytest.mark.parametrize(
    ("comparison", "passed", "code"),
    [({"drop_ci95": (-0.1, 1.2)}, True, 0), ({"drop_ci95": (0.3, 1.2)}, True, 3), ({}, False, 3)],
)
def test_the_example_gate_refuses_what_is_worse_beyond_chance(comparison, passed, code, tmp_path):
    base = qat()
    report = qat(comparison=base.comparison.model_copy(update=comparison), passed=passed)
    (tmp_path / "report.json").write_text(report.model_dump_json(by_alias=True))
    gate = [sys.executable, str(ROOT / "examples" / "gate.py"), str(tmp_path / "report.json")]
    assert subprocess.run(gate, check=False, capture_output=True).returncode == code


@pytest.mark.slow
@pytest.mark.rare
def test_the_example_exports_from_python(tmp_path):
    """A minute. Run it by: pytest -m rare tests/test_documents.py."""
    script = [sys.executable, str(ROOT / "examples" / "export_from_python.py")]
    ran = subprocess.run(script, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=600)
    assert "blocks int8 on a Coral: []" in ran.stdout
    assert (tmp_path / "stripes" / "report.html").is_file()
