"""The app code for one model, from the templates in `templates/`: Python, C++, Kotlin and Swift."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jinja2 import Environment

from edgeswap.bundle.apps.facts import SCORES, AppFacts, InputFacts, OutputFacts, elements, golden_files
from edgeswap.bundle.apps.pixels import LIMITS
from edgeswap.bundle.templates import environment
from edgeswap.data.resizing import RESIZE, Resize

TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".jinja"
BY_BOTH = ("model.py", "Model.kt", "Model.swift")  # written for LiteRT's CompiledModel and for an Interpreter
BYTES = {"int8": 1, "uint8": 1, "float32": 4, "int32": 4}


def generate(facts: AppFacts) -> dict[str, bytes]:
    """The files for an app, by their paths in the bundle, such as `python/model.py`: UTF-8 text, the same every time.

    Each language has code that loads the model, makes its inputs, runs it and reads its outputs as real values, and a
    self-test that runs the golden vectors and names the first step that differs. Code for LiteRT's CompiledModel has a
    second file `interpreter/...` for runtimes that have only an Interpreter. A model with a state, which CompiledModel
    cannot reset, has the Interpreter alone.

    Args:
        facts: of the model; the golden vectors must lie where `golden_files` says.
    """
    values = _values(facts)
    environment = _environment()
    names = sorted(name for name in environment.list_templates() if name.endswith(SUFFIX))
    written = {}
    for name in names:
        template, path = environment.get_template(name), PurePosixPath(name.removesuffix(SUFFIX))
        compiled = path.name in BY_BOTH and not facts.keeps_state
        written[str(path)] = template.render(values, compiled=compiled).encode()
        if compiled:
            second = path.parent / "interpreter" / path.name
            written[str(second)] = template.render(values, compiled=False).encode()
    return written


@cache
def _environment() -> Environment:
    return environment(TEMPLATES, c_string=c_string, float32=float32, plain=plain)


def plain(name: str) -> str:
    """A name as it may stand in a comment or in a string of any of the languages."""
    return re.sub(r"[^A-Za-z0-9_.,()/:;@+' -]", "_", name)


def c_string(name: str) -> str:
    """A string literal of C++ with just the bytes of `name`; octal escapes end after three digits, others do not."""
    text = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in name.encode())
    return f'"{text}"'


def float32(value: float) -> str:
    """The shortest digits that a float32 is read back from; all of the languages read them alike."""
    return str(float(str(np.float32(value))))


def _values(facts: AppFacts) -> dict[str, Any]:
    vector = golden_files(0, facts.inputs, facts.outputs)
    first = facts.outputs[0]
    return {
        "facts": facts,
        "inputs": [
            _input(given, *files) for given, *files in zip(facts.inputs, vector.inputs, vector.quantized, strict=True)
        ],
        "outputs": [
            _output(given, file, key)
            for given, file, key in zip(facts.outputs, vector.outputs, _keys(facts.outputs), strict=True)
        ],
        "io": facts.io,
        "prepare": "prepare" if facts.io == "float32" else "quantize",  # what an app calls to make an input
        "real": "real" if facts.io == "float32" else "dequantize",  # and to read an output
        "lowest": LIMITS["uint8" if facts.io == "uint8" else "int8"][0],
        "highest": LIMITS["uint8" if facts.io == "uint8" else "int8"][1],
        "scored": first.holds in SCORES,
        "mapped": first.holds == "class map",
        "unit": first.threshold is not None and not first.each_by_itself,
        "several": first.each_by_itself,
        "logits": first.holds == "logits",
        "place": "pixel" if len(first.shape) == 4 else "place",  # of a class map, which may be a sequence
        "width": (1, *first.shape)[-2],
        "modes": {1: "L", 3: "RGB", 4: "RGBA"},  # Pillow's names, as in `resizing`
        "way": next((_way(given.pixels.resize) for given in facts.inputs if given.pixels), "pillow"),
        "resize": next((plain(given.pixels.resize) for given in facts.inputs if given.pixels), ""),
        "offsets_in_code": any(given.pixels and not given.pixels.is_pixel_minus_128 for given in facts.inputs),
        "forms": sorted({given.form for given in facts.inputs}),
    }


def _way(resize: str) -> Resize:
    """The name of how images were resized, from the words for it; arrays had the model's size, and any way will do."""
    return next((name for name, words in RESIZE.items() if words == resize), "pillow")


def _input(given: InputFacts, sample_file: str, quantized_file: str) -> dict[str, Any]:
    """What the templates say of an input; files are without the `golden/0.` that the code counts through."""
    count = elements(given.shape)
    return {
        "facts": given,
        "name": plain(given.name),
        "form": given.form,
        "count": count,
        "size_bytes": count * BYTES[given.dtype],
        "sample_file": sample_file.removeprefix("golden/0."),
        "quantized_file": quantized_file.removeprefix("golden/0."),
    }


def _output(given: OutputFacts, file: str, key: str) -> dict[str, Any]:
    return {
        "facts": given,
        "name": plain(given.name),
        "key": key,
        "count": elements(given.shape),
        "size_bytes": elements(given.shape) * BYTES[given.dtype],
        "file": file.removeprefix("golden/0."),
    }


def _keys(outputs: Sequence[OutputFacts]) -> list[str]:
    """The names of the outputs, each once, as an app finds them by."""
    keys: list[str] = []
    for index, output in enumerate(outputs):
        name = plain(output.layer or output.name)
        keys.append(f"{name}_{index}" if name in keys else name)
    return keys
