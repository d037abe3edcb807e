"""Options that several commands have, and how --help lists options and a wrong value is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from edgeswap.errors import ConfigError
from edgeswap.system.cache import LIMIT_BYTES

if TYPE_CHECKING:
    from click.types import OptionHelpExtra

TASKS = [
    "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs",
]  # fmt: skip
TASK = (
    f"What the model is for: {', '.join(TASKS[:-1])} or {TASKS[-1]}.  [default: judged from its outputs and the labels]"
)
DECODE = "For detection: makes boxes, scores and classes of the outputs."
METRIC = "{} such as macro_f1, or your own; the first decides.  [default: the task's]"

Function = TypeVar("Function", bound=Callable[..., Any])


class Option(click.Option):
    """An option below a heading of `--help`; a wrong value is refused as every other error is.

    Args:
        heading: under which `--help` lists it.
    """

    def __init__(self, *arguments: Any, heading: str = "Options", **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.heading = heading

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """What stands in brackets behind the help text: the default, but no range in a notation of its own."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """The value in its type.

        Raises:
            ConfigError: it is none of that type; the sentence says what was expected and what was got.
        """
        try:
            return super().type_cast_value(ctx, value)
        except click.BadParameter as error:
            raise ConfigError(
                f"Expected {_expected(self.type)} for {self.opts[0]}, got {value!r}.", f"See: {ctx.command_path} --help"
            ) from error


class Command(click.Command):
    """A command whose `--help` lists its options under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, heading by heading, in the order in which the command names them."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (row := param.get_help_record(ctx)) is not None:
                rows.setdefault(getattr(param, "heading", "Options"), []).append(row)
        rows["Options"] = rows.pop("Options")  # --help and what has no heading of its own come last
        for heading, listed in rows.items():
            with formatter.section(heading):
                formatter.write_dl(listed)


option = partial(click.option, cls=Option)
command = partial(click.command, cls=Command, context_settings={"show_default": True})

ONE_OR_MORE = click.IntRange(min=1)
PREPROCESS = "raw | unit | symmetric | caffe | torch | mean-std:R,G,B/R,G,B | none | module:function"


def together(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Several options as one decorator, listed in this order."""

    def decorate(function: Function) -> Function:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate


def typed(context: click.Context) -> dict[str, Any]:
    """What the user typed, by name. What is left out may stand in edgeswap.toml, which goes before defaults."""
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }


def _note_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.obj.debug = True


debug = option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    show_default=False,
    callback=_note_debug,
    help="Show the traceback of an error.",
)


def as_json(what: str) -> Callable[[Function], Function]:
    """`--json`, which puts `what` on stdout in place of the text for people."""
    text = f"Print {what} as JSON on stdout."
    return option("--json", "as_json", is_flag=True, show_default=False, heading="Output", help=text)


def swaps(activation: str = "Activation for every hidden layer, such as relu6.") -> Callable[[Function], Function]:
    """`--activation` and `--swap`."""
    return together(
        option("--activation", metavar="NAME", heading="Activations", help=activation),
        option(
            "--swap",
            metavar="PATTERN=TO",
            multiple=True,
            heading="Activations",
            help="Swap by kind or by layer name: swish=hard_swish, 'block_1*=relu6'. Repeatable; the last match wins.",
        ),
    )


images = together(
    option("--preprocess", metavar="NAME", heading="Data", help=f"Mapping from pixels to model inputs: {PREPROCESS}."),
    option(
        "--resize",
        type=click.Choice(["pillow", "keras", "crop"]),
        default="pillow",
        heading="Data",
        help="How image files get the model's size: pillow (antialiased), keras (as image_dataset_from_directory), "
        "crop (centre, then pillow).",
    ),
)

labels = option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    heading="Data",
    help="Text file of class names, one a line, in the order of the model's outputs.",
)
weight_scales = option(
    "--weight-scales",
    type=click.Choice(["per-channel", "per-tensor"]),
    default="per-channel",
    heading="Quantization",
    help="Scales of weights: one for each output channel, or one for a whole weight tensor, as some NPUs need.",
)


def dense_scales(default: str) -> Callable[[Function], Function]:
    """`--dense-scales`.

    Args:
        default: what goes where it is left out.
    """
    return option(
        "--dense-scales",
        type=click.Choice(["per-channel", "per-tensor"]),
        heading="Quantization",
        help=f"Weight scales of dense layers.  [default: {default}]",
    )


custom_objects = option(
    "--custom-objects",
    metavar="MODULE:NAME",
    multiple=True,
    heading="Model file",
    help="A layer class or function of your own that the model file names. Repeatable.",
)
TRUST = "Let code inside the model file run."
model_file = together(
    custom_objects, option("--trust", is_flag=True, show_default=False, heading="Model file", help=TRUST)
)
seed = option("--seed", type=click.IntRange(min=0), metavar="N", default=0, help="Random seed.")


CACHE_SIZE = "Most that the run store keeps; what was used least recently goes first."
cache_dir = option(
    "--cache-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    heading="Run store",
    help="Folder of the run store.  [default: $EDGESWAP_CACHE_DIR, else in the user's cache folder]",
)
cache_size = option(
    "--cache-size",
    type=click.IntRange(min=0),
    metavar="BYTES",
    default=LIMIT_BYTES,
    heading="Run store",
    help=CACHE_SIZE,
)
cache = together(
    option(
        "--cache/--no-cache",
        default=True,
        heading="Run store",
        help="Keep results of stages in the run store, and take those that are there.",
    ),
    cache_dir,
    cache_size,
)


def output(
    metavar: str, text: str, *, required: bool = False, replaces: str = "an existing file"
) -> Callable[[Function], Function]:
    """`-o` and `--overwrite`.

    Args:
        metavar: the kind of file or folder.
        text: what will be in it.
        required: whether it must be given.
        replaces: what `--overwrite` replaces.
    """
    help_text = f"Replace {replaces}."
    return together(
        option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            metavar=metavar,
            required=required,
            heading="Output",
            help=text,
        ),
        option("--overwrite", is_flag=True, show_default=False, heading="Output", help=help_text),
    )


def task(metric: str) -> Callable[[Function], Function]:
    """What the model is for, and what decides.

    Args:
        metric: the help text of `--metric`.
    """
    return together(
        option("--task", type=click.Choice(TASKS), metavar="NAME", heading="Task", help=TASK),
        option("--metric", multiple=True, metavar="NAME|MODULE:FUNCTION", heading="Task", help=metric),
        option("--decode", metavar="MODULE:FUNCTION", heading="Task", help=DECODE),
    )


def targets(samples: str) -> Callable[[Function], Function]:
    """Where to measure and how.

    Args:
        samples: the option for the number of samples, as the command calls it.
    """
    return together(
        option(
            "--target",
            metavar="TARGET",
            multiple=True,
            default=("host",),
            heading="Measurement",
            help="Where to measure. Repeatable.",
        ),
        option(
            samples,
            "target_samples",
            type=ONE_OR_MORE,
            metavar="N",
            heading="Measurement",
            help="Test samples to run on each target, evenly spaced.  [default: all; emulator 200, micro 1000]",
        ),
        option(
            "--threads",
            type=ONE_OR_MORE,
            metavar="N",
            default=1,
            heading="Measurement",
            help="Interpreter threads for timing.",
        ),
        option(
            "--api",
            type=click.Choice(["interpreter", "compiled"]),
            default="interpreter",
            heading="Measurement",
            help="What runs the models: TFLite's Interpreter, or LiteRT's CompiledModel.",
        ),
        option(
            "--delegate",
            metavar="NAME|FILE",
            heading="Measurement",
            help="TFLite delegate: xnnpack | none | edgetpu | a library file.  [default: xnnpack]",
        ),
        option(
            "--require-delegate/--no-require-delegate",
            default=False,
            heading="Measurement",
            help="Exit with 3 if the delegate leaves an operator of the candidate to other kernels.",
        ),
        option(
            "--keep/--no-keep",
            default=False,
            heading="Measurement",
            help="Leave runtime and models on the boards for the next run.",
        ),
    )


def _expected(kind: Any) -> str:
    """What a value of this type is, in words."""
    if isinstance(kind, click.Choice):
        *others, last = (repr(choice) for choice in kind.choices)
        return f"{', '.join(others)} or {last}" if others else last
    number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
    if not isinstance(kind, (click.IntRange, click.FloatRange)) or kind.min is None:
        return number
    return f"{number} {'above' if kind.min_open else 'of at least'} {kind.min}"
