"""The catalog on a terminal: all of it as a table, or a few activations in full. Made for 80 columns and no colour.

All text is ASCII, so that it prints in any locale.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeswap.activations.catalog import ALIASES, CATALOG, FRAMEWORK_FUNCTIONS, Activation
from edgeswap.activations.int8_endings import ENDINGS, TARGETS
from edgeswap.activations.kinds import NAMED

WIDEST_LINE = 100
LABEL_WIDTH = 26
NOTES = (
    "A bracket [ ] is a value the function reaches, ( ) one it only approaches. A parameter that is left out has its "
    "default, as in clipped_elu(max_value=4). * runs outside the delegate: each one cuts the graph in two. "
    "For details: edgeswap activations NAME."
)


def render(activations: Sequence[Activation], console: Console) -> None:
    """Print the activations in full or, where none is given, the table of all kinds."""
    width = min(console.width, WIDEST_LINE)
    if not activations:
        console.print(_table())
        console.print()
        console.print(Text(textwrap.fill(NOTES, width)), soft_wrap=True)
    for index, activation in enumerate(activations):
        if index:
            console.print()
        console.print(Text(str(activation), style="bold"), soft_wrap=True)
        for label, text in _items(activation):
            console.print(Text(_filled(label, text, width)), soft_wrap=True)


def _filled(label: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        max(width, 2 * LABEL_WIDTH),
        initial_indent=f"  {label:<{LABEL_WIDTH}}",
        subsequent_indent=" " * (LABEL_WIDTH + 2),
        break_on_hyphens=False,
    )


def _table() -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("f(x)")
    table.add_column("values", no_wrap=True)
    table.add_column(f"int8, {TARGETS[0]}")
    for kind, row in CATALOG.items():
        ending = ENDINGS[kind][TARGETS[0]]
        cells = (kind, row.formula, _values(Activation(kind)), f"{ending.way}{'*' if ending.outside else ''}")
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _items(activation: Activation) -> Iterator[tuple[str, str]]:
    """Label and text of each paragraph about one activation."""
    row = CATALOG[activation.kind]
    yield "f(x)", row.formula
    yield "gradient f'(x)", row.slope
    yield "values", f"{_values(activation)}; {_step(activation)}"
    for name in row.defaults:
        yield name, _parameter(activation, name)
    plain = activation.simplified()
    if plain != activation:
        yield "same as", str(plain)
    yield "also called", ", ".join(_other_names(activation)) or "-"
    for framework, names in FRAMEWORK_FUNCTIONS.items():
        own = [name for name, text in names.items() if text == str(activation)]
        yield f"in {framework}.activations", ", ".join(own) or "-"
    for target in TARGETS:
        ending = str(ENDINGS[plain.kind][target])
        yield f"int8, {target}", f"{ending}, says its published list" if target == "Edge TPU" else ending
    yield "source", row.source


def _values(activation: Activation) -> str:
    """Its values as an interval, such as [-0.278, inf)."""
    (low, high), (low_reached, high_reached) = activation.bounds, activation.attained
    left = "[" if low_reached else "("
    right = "]" if high_reached else ")"
    return f"{left}{'-inf' if low is None else f'{low:.3g}'}, {'inf' if high is None else f'{high:.3g}'}{right}"


def _step(activation: Activation) -> str:
    step = activation.int8_step
    return "int8 step from data" if step is None else f"int8 step {step:.4g}, the range / 255"


def _parameter(activation: Activation, name: str) -> str:
    row = CATALOG[activation.kind]
    value, default = activation.parameters[name], row.defaults[name]
    parts = [_number(value)]
    if value != default:
        parts.append(f"default {_number(default)}")
    if name in row.limits:
        parts.append(f"must be {row.limits[name]}")
    if name in activation.learned:
        parts.append("start of training, one per " + ("channel" if row.per_channel else "layer"))
    return ", ".join(parts)


def _number(value: float | bool | None) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}"


def _other_names(activation: Activation) -> list[str]:
    aliases = [alias for alias, kind in ALIASES.items() if activation == Activation(kind)]
    return aliases + [name for name in NAMED if activation == Activation(name)]
