"""`edgeswap init`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.export import export
from edgeswap.cli.options import option

WIDTH = 100
# What belongs to one call of the command, and not to a project.
ASIDE = frozenset({"int8", "as_json", "debug", "help"})
# The most that a person must tell of a model; everything else has a default that will do.
FIRST = ("model", "data", "test_data", "preprocess")


@options.command(short_help="Write a commented edgeswap.toml for a model.")
@click.argument("model", type=click.Path(path_type=Path))
@option("--data", metavar="SPEC", heading="Data", help="Samples for training and calibration.")
@option("--test-data", metavar="SPEC", heading="Data", help="Samples for the reported figures.")
@option("--preprocess", metavar="NAME", heading="Data", help=f"From pixels to model inputs: {options.PREPROCESS}.")
@options.output("FILE.toml", "File to write.  [default: edgeswap.toml]")
@options.debug
@click.pass_context
def init(context: click.Context, /, model: Path, output: Path | None, overwrite: bool, **_flags: object) -> int:
    """Write edgeswap.toml with the settings of `edgeswap export` for MODEL, each with what it does.

    What is told here stands in it; everything else is there as a comment with its default. Paths are written as they
    hold in the folder of the file, which is where edgeswap export reads it.
    """
    from edgeswap.config.settings_file import FILE  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.data.look import look  # noqa: PLC0415
    from edgeswap.data.spec_path import moved  # noqa: PLC0415
    from edgeswap.model.file import inspect  # noqa: PLC0415
    from edgeswap.system.output import check_file, staged_file  # noqa: PLC0415

    inspect(model, trust=True)  # nothing of it is run here
    told = {name: value for name, value in options.typed(context).items() if name in FIRST}
    for name in ("data", "test_data"):
        look(told.get(name))
    file = output or Path(FILE)
    folder = file.resolve().parent
    here = folder == Path().resolve()
    if not here:
        told |= {name: moved(str(told[name]), folder) for name in ("model", "data", "test_data") if name in told}
    check_file(file, overwrite=overwrite)
    with staged_file(file, overwrite=overwrite) as staging:
        staging.write_text("\n".join(lines(told)) + "\n", encoding="utf-8")
    named = "" if file.name == FILE else f"name it {FILE}, "
    run = "run: edgeswap export" if here else f"run edgeswap export in the folder {file.parent}."
    click.echo(f"{file} is written. Look through it, {named}then {run}")
    return 0


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The file, line by line: each setting with its help, in the order of `edgeswap export --help`."""
    from edgeswap.config.settings_file import NOT_IN_A_FILE  # noqa: PLC0415  (keeps --help fast)

    yield "# Settings of `edgeswap export` in this folder. The command line overrides them."
    yield "# A line that begins with # is a comment: remove it to set the value, here its default where there is one."
    yield ""
    yield "[export]"
    yield f"model = {_toml(str(told['model']))}"
    heading = ""
    for param in export.params:
        name = str(param.name)
        if not isinstance(param, options.Option) or name in ASIDE or name == NOT_IN_A_FILE:
            continue
        if param.heading != heading:
            heading = param.heading
            yield from ("", f"# --- {heading} ---")
        yield ""
        yield from (f"# {line}" for line in textwrap.wrap(" ".join((param.help or "").split()), WIDTH - 2))
        value = told.get(name, _default(param))
        yield f"{'' if name in told else '# '}{name.replace('_', '-')} = {_toml(value)}"


def _default(param: click.Option) -> Any:
    """What the setting is without a word, or an example of what it may be."""
    default = param.to_info_dict()["default"]
    if param.multiple:
        return list(default or ())
    if default is not None:
        return str(default) if isinstance(default, Path) else default
    if isinstance(param.type, click.Choice):
        return param.type.choices[0]
    return param.metavar or ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False)
