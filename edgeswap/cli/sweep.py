"""`edgeswap sweep`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from edgeswap.cli import exit_code, options
from edgeswap.cli.export import HERE, export
from edgeswap.cli.invocation import Invocation, show
from edgeswap.cli.options import ONE_OR_MORE, Function, option

# Of `export`: what a sweep varies, and what it decides itself.
AXES = ("activation", "swap", "method", "precision", "ranges", "weight_scales", "dense_scales")
OF_SWEEP = ("trials", "stop_early", "jobs", "ray", "output", "as_json")
OWN = ("int8", "output", "overwrite", "as_json", "save_qat")


def _axis(name: str, help_text: str, **settings: Any) -> Callable[[Function], Function]:
    settings = {"metavar": "A,B", **settings}
    add: Callable[[Function], Function] = option(
        f"--{name.replace('_', '-')}", name, heading="Varied", help=help_text, **settings
    )
    return add


@options.command(short_help="Export every combination of settings and compare them.")
@_axis("activation", "Activations for every hidden layer, such as relu6,hard_swish.")
@_axis("swap", "One list of swaps: swish=relu6,block_1*=prelu. Repeat for more lists.", metavar="LIST", multiple=True)
@_axis("method", "Any of ptq, qat and auto.")
@_axis("precision", "Any of int8, int16x8 and float16.")
@_axis("ranges", "Any of auto, fixed, observed and learned.")
@_axis("weight_scales", "Any of per-channel and per-tensor.")
@_axis("dense_scales", "Any of per-channel and per-tensor.")
@option(
    "--trials", type=ONE_OR_MORE, metavar="N", heading="Varied", help="Try N of the combinations, chosen by Optuna."
)
@option(
    "--stop-early/--no-stop-early",
    default=True,
    heading="Limits",
    help="Leave out candidates that others have shown not to hold the limits.",
)
@option("--jobs", type=ONE_OR_MORE, metavar="N", heading="Output", help="Exports at once. [1; with --ray all CPUs]")
@option("--ray", metavar="ADDRESS", heading="Output", help="Export on a Ray cluster: auto, local or HOST:PORT.")
@option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("sweep"),
    heading="Output",
    help="Folder for the results. What an earlier sweep made there of the same files and settings is kept.",
)
@options.as_json("the report")
@click.pass_context
def sweep(
    context: click.Context, /, as_json: bool, jobs: int | None, ray: str | None, output: Path, **flags: object
) -> int:
    """Export MODEL once for each combination of the varied settings, and name the candidate to take.

    Values are separated by commas; `-` stands for leaving a setting out, as in --activation -,relu6. All other options
    are those of `edgeswap export` and go to every candidate. What candidates have in common, such as the recovery from
    a swap, is done once. A sweep that was stopped goes on where it was. With --ray the exports run on all machines of a
    cluster, which must have edgeswap and the files at the same paths.

    With limits (--max-drop, --max-latency-ms, --max-size) the fastest candidate that holds them is named, without
    limits the one that loses least. Exit code 3: none holds them. A candidate that cannot hold them, by what others of
    the same graph or float model have shown, is not exported; the report says why.
    """
    from edgeswap.config.export import export_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.preflight import preflight  # noqa: PLC0415
    from edgeswap.config.sweep import plan, values_of  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415

    invocation: Invocation = context.obj
    typed = options.typed(context)
    axes = {name: _values(name, typed.pop(name), values_of) for name in AXES if name in typed}
    settings = {name: value for name, value in typed.items() if name not in OF_SWEEP}
    trials: Any = flags["trials"]
    planned = plan(axes, settings, HERE, trials=trials)
    config = export_config(next(one.settings for one in planned if one.problem is None), HERE)
    preflight(config)
    progress = progress_for(sys.stderr)

    from edgeswap.commands import sweep as command  # noqa: PLC0415  (after what refuses bad input)
    from edgeswap.report import swept  # noqa: PLC0415

    lines = {one.name: arguments(one.settings) for one in planned}
    asked = command.Sweep(axes, planned, lines, config, output, jobs, ray, trials, bool(flags["stop_early"]))
    report = command.sweep(asked, command=["edgeswap", *invocation.arguments], progress=progress)
    show(report, as_json, swept.render, folder=str(output))
    if all(one.status != "done" for one in report.candidates):
        return 1
    return exit_code.of_verdict(report.passed)


# The settings of export stand between what is varied and what is written.
sweep.params = [
    *(param for param in sweep.params if param.name in (*AXES, "trials")),
    *(param for param in export.params if param.name not in (*AXES, *OWN)),
    *(param for param in sweep.params if param.name in OF_SWEEP and param.name != "trials"),
]


def _values(name: str, given: Any, values_of: Any) -> list[str]:
    """The values of an axis; each list of swaps is one value, whose swaps `+` joins from here on."""
    if name == "swap":
        return ["+".join(values_of(name, text)) for text in given]
    found: list[str] = values_of(name, given)
    return found


def arguments(settings: Mapping[str, Any]) -> list[str]:
    """The command line of `edgeswap export` that has these settings."""
    words: list[str] = []
    for param in export.params:
        value = settings.get(str(param.name))
        if value is None or value == ():
            continue
        if isinstance(param, click.Argument):
            words.insert(0, str(value))
        elif isinstance(value, bool):
            words.append(param.opts[0] if value else param.secondary_opts[0])
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [param.opts[0], str(one)]
    return words
