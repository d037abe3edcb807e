"""`edgeswap report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgeswap.cli import options
from edgeswap.cli.invocation import show
from edgeswap.cli.options import option


@options.command(short_help="Show the report of an export again, or several side by side.")
@click.argument("folders", metavar="FOLDER ...", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("--open", is_flag=True, show_default=False, heading="Output", help="Open the page in the browser.")
@options.output("FILE.html", "Page to write with the runs side by side, for two folders or more.")
@options.as_json("the report")
@options.debug
def report(as_json: bool, **flags: Any) -> int:
    """Show the report of the export in FOLDER; of several folders, the runs side by side.

    FOLDER is the --output of `edgeswap export`, or the report.json in it. Runs that are judged by different metrics or
    test samples stand in different tables. With --open, FOLDER may also be that of a sweep or an analysis.
    """
    from edgeswap.config.report import report_config  # noqa: PLC0415  (here and below: keeps --help fast)
    from edgeswap.system.browser import open_in_browser  # noqa: PLC0415

    config = report_config(flags)
    from edgeswap.commands import runs  # noqa: PLC0415

    if len(config.folders) == 1:
        (folder,) = config.folders
        if config.open:
            page = runs.page_of(folder)
            open_in_browser(page)
            click.echo(f"Opened {page}", err=True)
        if as_json or not config.open:
            from edgeswap.report import terminal  # noqa: PLC0415

            show(runs.read_report(folder), as_json, terminal.render, folder=str(folder))
        return 0
    from edgeswap.report import compared_runs, runs_html  # noqa: PLC0415
    from edgeswap.system.output import check_file, staged_file  # noqa: PLC0415

    if config.output is not None:
        check_file(config.output, overwrite=config.overwrite)
    found = runs.side_by_side(config.folders)
    if config.output is not None:
        with staged_file(config.output, overwrite=config.overwrite) as staging:
            staging.write_text(runs_html.render(found, config.output.parent), encoding="utf-8")
    show(found, as_json, compared_runs.render, file=None if config.output is None else str(config.output))
    if config.open and config.output is not None:
        open_in_browser(config.output)
    return 0
