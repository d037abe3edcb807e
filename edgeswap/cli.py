"""The command line: argv to config to stage to exit code. The only place where an error becomes text.

Exit codes: 0 done; 1 an error; 2 wrong usage; 3 it ran, but the verdict is no.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from edgeswap import __version__
from edgeswap.errors import EdgeswapError

VERDICT_NO = 3
SETTINGS = Path("edgeswap.toml")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgeswap")
@click.option("--debug", is_flag=True, help="Show the traceback of an error; goes before the command.")
def cli(debug: bool) -> None:
    """Take a trained Keras model to int8 on a phone, a Raspberry Pi or a Coral, and prove it."""


@cli.command()
@click.argument("model", required=False)
@click.option("--int8", is_flag=True, help="Full-integer int8, the one precision there is and the default.")
@click.option("--data", metavar="SPEC", help="To fine-tune and calibrate on; a fifth is set aside for the figures.")
@click.option("--test-data", metavar="SPEC", help="For the figures instead; never trains or calibrates.")
@click.option("--calibration", metavar="SPEC", help="To calibrate on instead of --data.")
@click.option("--preprocess", metavar="NAME", help="raw | unit | symmetric | caffe | torch | none | module:function")
@click.option("--labels", metavar="FILE", help="Class names, one a line, in the order of the model's outputs.")
@click.option("--activation", metavar="NAME", help="What every hidden activation becomes, such as relu6.")
@click.option(
    "--swap", metavar="PATTERN=TO", multiple=True, help="By kind or layer name: swish=hard_swish, 'block_1*=relu6'."
)
@click.option("--recover-epochs", type=int, metavar="N", help="Training of the float model after a swap. [3]")
@click.option("--method", metavar="ptq|qat", help="Calibrate only, or train with fake-quant. [qat]")
@click.option("--epochs", type=int, metavar="N", help="Of quantization-aware training. [3]")
@click.option("--max-drop", type=float, metavar="PP", help="Fail if top-1 drops by more percentage points.")
@click.option("--max-latency-ms", type=float, metavar="MS", help="Fail if the int8 p50 on the first target is above.")
@click.option("--max-size", type=int, metavar="BYTES", help="Fail if the int8 file is larger.")
@click.option("--target", metavar="TARGET", multiple=True, help="Where to measure. [host]")
@click.option("--target-samples", type=int, metavar="N", help="How many test samples a target is given. [all]")
@click.option("--trust", is_flag=True, help="Let code inside the model file run.")
@click.option("--seed", type=int, metavar="N", help="Of every choice that is made by chance. [0]")
@click.option("--output", metavar="DIR", help="Where the results go. [out]")
@click.option("--overwrite", is_flag=True, help="Replace an earlier output.")
@click.option("--json", "as_json", is_flag=True, help="Put report.json on stdout.")
def export(as_json: bool, int8: bool, **flags: Any) -> int:  # noqa: ARG001  (--int8 is the default)
    """Export MODEL (.keras or .h5) as a full-integer .tflite, measured beside the float model.

    Without MODEL the built-in digits example runs: a small network trained with swish, relu6 swapped in.

    SPEC is a folder or .zip with one folder a class, an .npz with x and y, tfds:NAME/split, module:function, or digits.
    """
    from edgeswap.config import export_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.progress import progress_for  # noqa: PLC0415

    settings = {key: None if value is False else value for key, value in flags.items()}
    config = export_config(settings, SETTINGS)
    from edgeswap.pipeline import export as run  # noqa: PLC0415  (imports TensorFlow)

    report = run(config, command=["edgeswap", *sys.argv[1:]], progress=progress_for(sys.stderr))
    if as_json:
        click.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415

        from edgeswap.report import terminal  # noqa: PLC0415

        terminal.render(report, Console(), folder=str(config.output))
    return 0 if report.passed else VERDICT_NO


def main() -> NoReturn:
    """Run the command line and exit."""
    debug = "--debug" in sys.argv
    try:
        code = cli.main(prog_name="edgeswap", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Abort:
        code = _say("Interrupted.", "Nothing was left behind.", 130)
    except EdgeswapError as error:
        if debug:
            raise
        code = _say(error.problem, error.remedy, error.exit_code)
    except Exception as error:
        if debug:
            raise
        problem = f"edgeswap itself failed: {type(error).__name__}: {error}"
        code = _say(problem, "Please report it with what --debug shows.", 1)
    sys.exit(code or 0)


def _say(problem: str, remedy: str, code: int) -> int:
    click.echo(f"error: {problem}\n{remedy}", err=True)
    return code
