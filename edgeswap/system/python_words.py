"""Errors and warnings for a caller from Python: `preprocess="none"` in place of `--preprocess none`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from edgeswap.errors import EdgeswapError

_SWITCHES = frozenset({"trust", "allow-chance", "save-qat", "overwrite", "keep", "quick", "require-delegate", "cache",
                       "measure"})  # fmt: skip
_TAKES_A_VALUE = frozenset({
    "activation", "api", "author", "batch-size", "cache-dir", "cache-size", "calibration", "compare",
    "custom-objects", "data", "decode", "delegate", "dense-scales", "description", "epochs", "hard-swish", "io",
    "labels", "license", "loss", "max-arena", "max-drop", "max-latency-ms", "max-size", "method", "metric", "model",
    "output", "precision", "preprocess", "ranges", "recover-epochs", "resize", "runs", "samples", "seed", "strategy",
    "swap", "target", "target-samples", "task", "test-data", "threads", "track", "weight-scales",
})  # fmt: skip
_OTHER_NAMES = {"samples": "target_samples"}
# A value that stands behind an option: a choice, a number, a name with a sign in it, or a text in quotes. Other words
# belong to the sentence.
_CHOICES = (
    "none", "raw", "unit", "symmetric", "caffe", "torch", "pillow", "keras", "crop", "ptq", "qat", "int8",
    "int16x8", "float16", "uint8", "float32", "dynamic", "auto", "fixed", "observed", "learned", "operator",
    "rewritten", "per-channel", "per-tensor", "xnnpack", "edgetpu", "interpreter", "compiled", "host", "coral",
    "mobile", "micro", "mlflow", "mirrored", "multiworker",
    r"ethos-u\d+-\d+", "classification", "binary", "multilabel", "segmentation",
    "regression", "detection", "reconstruction", "outputs",
)  # fmt: skip
_NAMES = r"'[^']*'|mean-std:[\d.,/]*\d|[a-z][\w.]*:\w+|[a-z][\w*/]*=\w+|\d+(?:\.\d+)?"
_VALUE = rf"{_NAMES}|{'|'.join(_CHOICES)}"
_PLACEHOLDER = r"SPEC|FILE|NAME|MODEL|N|PATTERN=TO|MODULE:NAME|BYTES|MS|X"
_OPTION = re.compile(
    rf"(?P<code>`[^`]*`)|(?<!\w)--(?P<name>[a-z][a-z0-9-]*)(?: (?:(?P<value>{_VALUE})|(?:{_PLACEHOLDER}))(?![\w:=-]))?"
)
# Arrays have no name but that of their class.
_GIVEN = re.compile(r"(?<=\bin )(?:tuple|ndarray|dict|list)\b|(?<=\bfrom )(?:tuple|ndarray|dict|list)\b")
_HELP = re.compile(r"See: edgeswap (\w+) --help")


def in_python_words(text: str) -> str:
    """The text with options as keywords; commands in backticks, and what is no option of edgeswap, stay."""
    text = _HELP.sub(lambda found: f"See: help(edgeswap.{found[1]})", text)
    text = _GIVEN.sub("the data given", text)
    return _OPTION.sub(_keyword, text.replace("; --debug shows the whole traceback", ""))


@contextmanager
def python_words() -> Iterator[None]:
    """Let errors of the block name keywords in place of options."""
    try:
        yield
    except EdgeswapError as error:
        error.problem, error.remedy = in_python_words(error.problem), in_python_words(error.remedy)
        error.args = (error.problem, error.remedy)
        raise


def _keyword(found: re.Match[str]) -> str:
    name = found["name"]
    if name == "int8":
        return 'precision="int8"'
    if name in _SWITCHES:
        return f"{name.replace('-', '_')}=True{found[0].removeprefix(f'--{name}')}"
    if name is not None and name.removeprefix("no-") in _SWITCHES:
        return f"{name.removeprefix('no-').replace('-', '_')}=False"
    if name not in _TAKES_A_VALUE:
        return found[0]
    keyword, value = _OTHER_NAMES.get(name, name.replace("-", "_")), found["value"]
    if value is None:
        return f"{keyword}=..."
    return f"{keyword}={value}" if value[0] == "'" or value[0].isdigit() else f'{keyword}="{value}"'
