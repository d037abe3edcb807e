"""The command line: argv to config to stage to exit code. The only place where an error becomes text.

Exit codes: 0 done; 1 an error; 2 wrong usage; 3 it ran, but the verdict is no; 128 + n when signal n ended it.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from edgeswap.cli.invocation import VERDICT_NO, Invocation, debug_option, say, say_failures, target_options
from edgeswap.cli.targets import bench, bundle, target
from edgeswap.errors import ConfigError, EdgeswapError, notes
from edgeswap.system.scratch import is_full
from edgeswap.version import __version__

SETTINGS = Path("edgeswap.toml")


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="edgeswap")
@debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Take a trained Keras model to int8 on a phone, a Raspberry Pi or a Coral, and prove it."""
    if context.invoked_subcommand is None:
        raise ConfigError(f"Expected a command ({', '.join(cli.commands)}), got none.", "See: edgeswap --help")


for command in (bench, bundle, target):
    cli.add_command(command)


@cli.command()
@click.argument("model", required=False)
@click.option("--int8", is_flag=True, help="Full-integer int8: --precision int8, the default.")
@click.option("--precision", metavar="NAME", help="int8 | int16x8 (16-bit activations) | float16 (weights). [int8]")
@click.option("--data", metavar="SPEC", help="To fine-tune and calibrate on; a fifth is set aside for the figures.")
@click.option("--test-data", metavar="SPEC", help="For the figures instead: samples that trained no model.")
@click.option("--calibration", metavar="SPEC", help="To calibrate on instead of --data.")
@click.option(
    "--preprocess",
    metavar="NAME",
    help="raw | unit | symmetric | caffe | torch | mean-std:R,G,B/R,G,B | none | module:function",
)
@click.option("--resize", metavar="NAME", help="Of image files: pillow | keras (as its loader) | crop. [pillow]")
@click.option("--labels", metavar="FILE", help="Class names, one a line, in the order of the model's outputs.")
@click.option("--activation", metavar="NAME", help="What every hidden activation becomes, such as relu6.")
@click.option(
    "--swap", metavar="PATTERN=TO", multiple=True, help="By kind or layer name: swish=hard_swish, 'block_1*=relu6'."
)
@click.option("--recover-epochs", metavar="N", help="Training of the float model after a swap. [3]")
@click.option("--method", metavar="ptq|qat", help="Calibrate only, or train with fake-quant. [qat]")
@click.option("--epochs", metavar="N", help="Of quantization-aware training. [3]")
@click.option("--save-qat", is_flag=True, help="Also write the fake-quant model, to load and train on.")
@click.option(
    "--ranges", metavar="POLICY", help="Bounded activations: at the bound (fixed) | observed | learned | auto. [auto]"
)
@click.option("--hard-swish", metavar="FORM", help="In the int8 model: operator | rewritten | auto, the faster. [auto]")
@click.option("--allow-chance", is_flag=True, help="Go on with a float model that is hardly better than chance.")
@click.option(
    "--dense-scales", metavar="HOW", help="Of weights of dense layers: per-channel | per-tensor. [what the target runs]"
)
@click.option("--max-drop", metavar="PP", help="Fail if top-1 drops by more percentage points.")
@click.option("--max-latency-ms", metavar="MS", help="Fail if the int8 p50 on the first target is above.")
@click.option("--max-size", metavar="BYTES", help="Fail if the int8 file is larger.")
@target_options
@click.option("--target-samples", metavar="N", help="How many test samples a target is given. [all; 200 emulated]")
@click.option("--custom-objects", metavar="MODULE:NAME", multiple=True, help="A layer class of your own in the model.")
@click.option("--trust", is_flag=True, help="Let code inside the model file run.")
@click.option("--seed", metavar="N", help="Of every choice that is made by chance. [0]")
@click.option("--author", metavar="TEXT", help="Of the model, for the bundle that an app ships.")
@click.option("--licence", metavar="TEXT", help="Likewise.")
@click.option("--description", metavar="TEXT", help="Likewise.")
@click.option("--output", metavar="DIR", help="Where the results go. [out]")
@click.option("--overwrite", is_flag=True, help="Replace an earlier output.")
@click.option("--json", "as_json", is_flag=True, help="Put report.json on stdout.")
@debug_option
@click.pass_obj
def export(invocation: Invocation, /, as_json: bool, int8: bool, **flags: Any) -> int:
    """Export MODEL (.keras or .h5) as a quantized .tflite, int8 throughout, measured beside the float model.

    Without MODEL the built-in digits example runs: a small network trained with swish, relu6 swapped in.

    SPEC is a folder or .zip with one folder a class, an .npz with x and y, tfds:NAME/split, module:function, or digits.

    TARGET is host, ssh://user@board[:port], emulator:pi3, pi4 or pi5, or an NPU such as ethos-u55-128, for which a
    compiler estimates; see: edgeswap target list.

    Settings may also stand in the table [export] of edgeswap.toml; flags go before them.
    """
    from edgeswap.config.export import export_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.preflight import preflight  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415

    if int8 and flags["precision"] not in (None, "int8"):
        raise ConfigError(
            f"Expected one precision, got --int8 and --precision {flags['precision']}.", "Leave out one of them."
        )
    config = export_config({**flags, "precision": "int8"} if int8 else flags, SETTINGS)
    preflight(config)
    progress = progress_for(sys.stderr)
    stages = _start("edgeswap.commands.export", progress)
    report = stages.export(config, command=["edgeswap", *invocation.arguments], progress=progress)
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415

        from edgeswap.report import terminal  # noqa: PLC0415

        terminal.render(report, Console(), folder=str(config.output))
    if report.failures:
        return say_failures(report)
    return 0 if report.passed else VERDICT_NO


@cli.command()
@click.argument("model")
@click.option("--activation", metavar="NAME", help="What every hidden activation becomes, such as hard_swish.")
@click.option(
    "--swap", metavar="PATTERN=TO", multiple=True, help="By kind or layer name: swish=hard_swish, 'block_1*=relu6'."
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The .keras file to write.")
@click.option("--data", metavar="SPEC", help="Samples on which to show what the swap does to ranges and outputs.")
@click.option(
    "--preprocess",
    metavar="NAME",
    help="raw | unit | symmetric | caffe | torch | mean-std:R,G,B/R,G,B | none | module:function",
)
@click.option("--resize", metavar="NAME", help="Of image files: pillow | keras (as its loader) | crop. [pillow]")
@click.option("--custom-objects", metavar="MODULE:NAME", multiple=True, help="A layer class of your own in the model.")
@click.option("--trust", is_flag=True, help="Let code inside the model file run.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier file.")
@debug_option
def swap(model: str, output: str, overwrite: bool, **flags: Any) -> int:
    """Write MODEL (.keras or .h5) with other activations, as a .keras of its own framework, to train on.

    The weights stay, so the accuracy falls until the model is fine-tuned; `edgeswap export` does both. The file opens
    in plain Keras: keras.models.load_model(FILE, custom_objects=edgeswap.custom_objects()).
    """
    from edgeswap.config.export import swap_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.model.rehearsal import preview  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.system.output import check_file  # noqa: PLC0415

    config = swap_config({**flags, "model": model, "output": output, "overwrite": overwrite})
    check_file(config.output, overwrite=config.overwrite)
    preview(config.model, trust=config.trust, custom_objects=config.custom_objects)
    swapped = _start("edgeswap.commands.swap", progress_for(sys.stderr)).swap_file(config)

    from rich.console import Console  # noqa: PLC0415

    from edgeswap.report import swapped as rendering  # noqa: PLC0415

    rendering.render(swapped, Console(), file=str(config.output))
    return 0


@cli.command()
@click.argument("names", metavar="[NAME ...]", nargs=-1)
@click.option("--plot", metavar="FILE.png", help="Draw them, or without a NAME all of them, with their gradients.")
@debug_option
def activations(names: tuple[str, ...], plot: str | None) -> None:
    """List the activations that --activation and --swap know, or tell all about a few.

    A NAME may have parameters: edgeswap activations swish 'clipped_elu(max_value=4)'.
    """
    from edgeswap.activations.catalog import CATALOG, parse  # noqa: PLC0415  (keeps --help fast)

    chosen = [parse(name) for name in names]
    if plot is not None:
        from edgeswap.report.curves import plot as draw  # noqa: PLC0415

        draw(chosen or [parse(kind) for kind in CATALOG], Path(plot))
        click.echo(f"drawn in {plot}", err=True)
        return
    from rich.console import Console  # noqa: PLC0415

    from edgeswap.report import activations as terminal  # noqa: PLC0415

    terminal.render(chosen, Console())


@cli.command()
@click.argument("model")
@click.option(
    "--target", metavar="TARGET", multiple=True, help="host | mobile | coral | ssh://user@board | emulator:pi5. [host]"
)
@click.option("--activation", metavar="NAME", help="What every hidden activation would become.")
@click.option("--swap", metavar="PATTERN=TO", multiple=True, help="By kind or layer name: swish=hard_swish.")
@click.option("--custom-objects", metavar="MODULE:NAME", multiple=True, help="A layer class of your own in the model.")
@click.option("--trust", is_flag=True, help="Let code inside the model file run.")
@click.option("--json", "as_json", is_flag=True, help="Put the findings on stdout.")
@debug_option
def check(model: str, as_json: bool, **flags: Any) -> int:
    """Say what of MODEL cannot be int8 on each target, why, and what to write instead.

    MODEL is a .keras or .h5 before training, or a .tflite of any tool after; a .tflite needs no TensorFlow. The exit
    code is 3 if something blocks.
    """
    from edgeswap.activations.catalog import parse  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.compatibility import tflite_findings as tflite  # noqa: PLC0415
    from edgeswap.graph.swap_rule import parse_rule  # noqa: PLC0415
    from edgeswap.model.rehearsal import preview  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.targets.names import backend_of  # noqa: PLC0415

    targets = [backend_of(name) for name in dict.fromkeys(flags["target"] or ("host",))]
    activation = None if flags["activation"] is None else parse(flags["activation"])
    rules = [parse_rule(text) for text in flags["swap"]]
    if tflite.is_tflite(Path(model)):
        if activation or rules:
            raise ConfigError("Expected no swap for a .tflite, which is converted already.", "Check the Keras model.")
        report = tflite.check_file(Path(model), targets)
    else:
        preview(model, trust=flags["trust"], custom_objects=flags["custom_objects"])
        stages = _start("edgeswap.commands.check", progress_for(sys.stderr))
        own = {"trust": flags["trust"], "custom_objects": flags["custom_objects"]}
        report = stages.check_file(model, targets, activation=activation, rules=rules, **own)
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415

        from edgeswap.report import checked  # noqa: PLC0415

        checked.render(report, Console())
    return 0 if report.passed else VERDICT_NO


def _start(stages: str, progress: Any) -> Any:
    """The module of that name, which imports TensorFlow."""
    from edgeswap.system.start import STAGES_MODULES, import_counted  # noqa: PLC0415

    with progress.step("Start TensorFlow", total=1.0) as step:
        return import_counted(stages, STAGES_MODULES, step.advance)


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    from edgeswap.system.interruption import Interrupted, interruptible  # noqa: PLC0415
    from edgeswap.system.streams import mend_streams  # noqa: PLC0415

    mend_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # other people's; ours are errors or stand in the report
    try:
        with interruptible():
            code = run(sys.argv[1:])
    except Interrupted as interrupted:
        kept = notes(interrupted) or ["Nothing was left behind."]
        code = say(f"Interrupted by {interrupted}.", " ".join(kept), interrupted.exit_code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    invocation = Invocation(arguments)
    try:
        code = cli.main(list(arguments), prog_name="edgeswap", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return int(code or 0)
    except click.UsageError as error:
        return say(*_usage(error), error.exit_code)
    except BrokenPipeError:  # whoever read our output has gone; what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EdgeswapError as error:
        if invocation.debug:
            raise
        return say(error.problem, " ".join([error.remedy, *notes(error)]), error.exit_code)
    except Exception as error:
        if invocation.debug:
            raise
        if is_full(error):
            problem, remedy = "Expected room to write to, got a full disk.", "Free some space, and run it again."
        else:
            problem = f"edgeswap itself failed: {type(error).__name__}: {' '.join(str(error).split())}"
            remedy = "Please report it with what --debug shows."
        return say(problem, " ".join([remedy, *notes(error)]), 1)


def _usage(error: click.UsageError) -> tuple[str, str]:
    """Problem and remedy of what click found wrong with the arguments."""
    command = error.ctx.command_path if error.ctx else "edgeswap"
    see = f"See: {command} --help"
    if isinstance(error, click.NoSuchOption):
        close = f"Did you mean {error.possibilities[0]}? " if error.possibilities else ""
        return f"Expected an option that {command!r} has, got {error.option_name!r}.", close + see
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"Expected {error.param.get_error_hint(error.ctx)} for {command!r}, got none.", see
    return f"Expected arguments that {command!r} takes, but: {error.format_message()}", see
