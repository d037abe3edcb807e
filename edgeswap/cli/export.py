"""`edgeswap export`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from edgeswap.cli import exit_code, options
from edgeswap.cli.invocation import Invocation, say_failures, show
from edgeswap.cli.options import ONE_OR_MORE, option
from edgeswap.errors import ConfigError

HERE = Path()  # the current folder, whose settings file counts
FILE = click.Path(path_type=Path)


@options.command(short_help="Quantize a Keras model and measure it beside the float one.")
@click.argument("model", required=False)
@option("--data", metavar="SPEC", heading="Data", help="Samples for training and calibration.")
@option(
    "--test-data",
    metavar="SPEC",
    heading="Data",
    help="Samples for the reported figures, none of them in --data.  [default: a fifth of --data, set aside]",
)
@option(
    "--calibration",
    metavar="SPEC",
    heading="Data",
    help="Samples for calibration.  [default: training samples of --data]",
)
@options.images
@options.labels
@options.task(options.METRIC.format("Metric for the figures and --max-drop,"))
@option(
    "--loss",
    metavar="MODULE:FUNCTION",
    heading="Task",
    help="Training loss in place of the task's own: of outputs, the float model's outputs, and labels.",
)
@options.swaps()
@option(
    "--recover-epochs",
    type=click.IntRange(min=0),
    metavar="N",
    default=3,
    heading="Activations",
    help="Epochs of float training after a swap; 0 for none.",
)
@option(
    "--int8", is_flag=True, show_default=False, heading="Quantization", help="Short for --precision int8, the default."
)
@option(
    "--precision",
    type=click.Choice(["int8", "int16x8", "float16"]),
    default="int8",
    heading="Quantization",
    help="int8 throughout, int16x8 (16-bit activations, 8-bit weights), or float16 (weights only).",
)
@option(
    "--io",
    type=click.Choice(["int8", "uint8", "float32"]),
    default="int8",
    heading="Quantization",
    help="Type of the int8 model's inputs and outputs. All between them is int8.",
)
@option(
    "--method",
    type=click.Choice(["ptq", "qat", "auto"]),
    heading="Quantization",
    help="ptq: calibrate only. qat: train with fake-quant. auto: the cheapest way that keeps --max-drop (0.5 points).  "
    "[default: qat for int8, else ptq]",
)
@option(
    "--epochs",
    type=ONE_OR_MORE,
    metavar="N",
    default=3,
    heading="Quantization",
    help="Epochs of quantization-aware training.",
)
@option(
    "--batch-size",
    type=ONE_OR_MORE,
    metavar="N",
    default=32,
    heading="Quantization",
    help="Samples of a training step, on all devices together.",
)
@option(
    "--strategy",
    type=click.Choice(["mirrored", "multiworker"]),
    heading="Quantization",
    help="Train on many devices: mirrored is all of this machine, multiworker the machines that TF_CONFIG names.",
)
@option(
    "--ranges",
    type=click.Choice(["auto", "fixed", "observed", "learned"]),
    default="auto",
    heading="Quantization",
    help="Range of a bounded activation: its bounds (fixed), tightened by calibration (observed), or trained by QAT "
    "(learned).",
)
@option(
    "--hard-swish",
    type=click.Choice(["auto", "operator", "rewritten"]),
    default="auto",
    heading="Quantization",
    help="Hard-swish in int8: as one operator, rewritten as ADD and MUL, or whichever is faster (auto).",
)
@options.weight_scales
@options.dense_scales("as --weight-scales if per-tensor, else by the target")
@option(
    "--save-qat/--no-save-qat",
    default=False,
    heading="Quantization",
    help="Also write the fake-quant model, for more training.",
)
@options.targets("--target-samples")
@option(
    "--compare",
    type=click.Choice(["dynamic"]),
    heading="Measurement",
    help="Also measure the converter's dynamic-range model (int8 weights only) of the given model.  [default: none]",
)
@option(
    "--measure/--no-measure",
    default=True,
    heading="Measurement",
    help="Run both models on the test samples and time them; without it there are models and no figures.",
)
@option(
    "--max-drop",
    type=click.FloatRange(min=0),
    metavar="X",
    heading="Limits",
    help="Fail if the metric drops by more: percentage points for shares such as top-1, else its unit.",
)
@option(
    "--max-latency-ms",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MS",
    heading="Limits",
    help="Fail if the int8 median latency on the first target is higher.",
)
@option(
    "--max-size",
    type=click.IntRange(min=0, min_open=True),
    metavar="BYTES",
    heading="Limits",
    help="Fail if the int8 file is larger.",
)
@option(
    "--max-arena",
    type=click.IntRange(min=0, min_open=True),
    metavar="BYTES",
    heading="Limits",
    help="Fail if the int8 model needs more memory on --target micro.",
)
@option(
    "--allow-chance/--no-allow-chance",
    default=False,
    heading="Limits",
    help="Continue although the float model is hardly better than chance.",
)
@options.custom_objects
@option("--trust/--no-trust", default=False, heading="Model file", help=options.TRUST)
@option("--author", metavar="TEXT", heading="Bundle for apps", help="Author of the model.")
@option("--license", "--licence", metavar="TEXT", heading="Bundle for apps", help="License of the model.")
@option("--description", metavar="TEXT", heading="Bundle for apps", help="What the model does.")
@option(
    "--output", type=FILE, metavar="DIR", default=Path("out"), heading="Output", help="Folder to write the results to."
)
@option("--overwrite/--no-overwrite", default=False, heading="Output", help="Replace an earlier output folder.")
@option("--track", type=click.Choice(["mlflow"]), heading="Output", help="Also log the run to MLFLOW_TRACKING_URI.")
@options.cache
@options.as_json("the report")
@options.seed
@options.debug
@click.pass_context
def export(context: click.Context, /, as_json: bool, int8: bool, **_flags: object) -> int:
    """Export MODEL as a quantized .tflite, int8 by default, and measure it beside the float model.

    MODEL is a .keras or .h5 file, or a Keras 2 SavedModel. Without MODEL the built-in digits example runs: a small
    network trained with swish, with relu6 swapped in.

    SPEC is a folder or .zip with one folder per class, an .npz with x and y (or y_OUTPUT for each output),
    masks:FOLDER, coco:FILE.json, csv:FILE, tfds:NAME/split, module:function, or digits.

    TARGET is host, ssh://user@board[:port], emulator:pi3, emulator:pi4, emulator:pi5, micro (a microcontroller's
    kernels), or an NPU such as ethos-u55-128, for which a compiler estimates. See: edgeswap target list

    Settings can also be written in the table [export] of edgeswap.toml in the current folder, see edgeswap init, or in
    [tool.edgeswap.export] of pyproject.toml. The command line overrides them.
    """
    from edgeswap.config.export import export_config  # noqa: PLC0415  (keeps --help fast)
    from edgeswap.config.preflight import preflight  # noqa: PLC0415
    from edgeswap.progress import progress_for  # noqa: PLC0415
    from edgeswap.report import terminal  # noqa: PLC0415

    invocation: Invocation = context.obj
    flags = {name: value for name, value in options.typed(context).items() if name not in ("int8", "as_json")}
    if int8 and flags.get("precision", "int8") != "int8":
        raise ConfigError(
            f"Expected one precision, got --int8 and --precision {flags['precision']}.", "Leave out one of them."
        )
    flags = {**flags, "precision": "int8"} if int8 else flags
    config = export_config(flags, HERE, defaults={"output": context.params["output"]})
    preflight(config)
    progress = progress_for(sys.stderr)
    from edgeswap.commands.train_along import helper, train_along  # noqa: PLC0415

    if (cluster := helper(config, os.environ)) is not None:
        click.echo(train_along(config, cluster, progress=progress), err=as_json)
        return 0
    from edgeswap.commands.export import export as run  # noqa: PLC0415

    report = run(config, command=["edgeswap", *invocation.arguments], keras=False, progress=progress).report
    show(report, as_json, terminal.render, folder=str(config.output))
    if report.failures:
        return say_failures(report)
    return exit_code.of_verdict(report.passed)
