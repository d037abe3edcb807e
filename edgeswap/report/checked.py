"""What `edgeswap check` found, on a terminal: the verdict, the activations and the findings of each target."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgeswap.compatibility.findings import ActivationUse, CheckReport, ExpectedGain, LikelyTask, TargetCheck
from edgeswap.errors import shortened
from edgeswap.report import numbers
from edgeswap.tasks.titles import title

WIDEST = 100
NAMES = ("where", "activation")  # columns of names, which leave room for the words beside them
WIDEST_NAME = 22
STYLES = {"blocks": "red", "costs": "yellow", "note": "dim"}


def render(report: CheckReport, console: Console) -> None:
    """Print the report.

    Args:
        report: of `edgeswap check`.
        console: where to print; its width is kept to.
    """
    width = min(console.width, WIDEST)
    if report.kind is not None:
        console.print(_text(f"{report.model}: {report.kind}."))
    if report.activations is not None:
        swapped, kept = report.activations.swapped, report.activations.skipped
        names = shortened([entry.layer for entry in swapped])
        would = f"Would swap {numbers.plural(len(swapped), 'activation')}: {names}."
        console.print(_text(would if swapped else "Nothing to swap."))
        for skipped in kept:
            console.print(_text(f"{skipped.layer} ({skipped.activation}) stays: {skipped.reason}."), style="dim")
        console.print()
    for command, task in (("export", report.export), ("bench", report.bench)):
        _show_task(command, task, console)
    for target in report.targets:
        console.print(_text(_verdict(target, report.form)), style="green" if target.passed else "bold red")
        console.print(_text(f"Based on: {target.basis}."), style="dim")
        if target.gain is not None:
            console.print(_text(_gain(target.gain)))
        if target.activations:
            console.print()
            console.print(_activations(target.activations), width=width)
        if target.findings:
            console.print()
            console.print(_findings(target), width=width)
        console.print()
    if report.form == "keras":
        console.print(_text("These are estimates from the Keras model: check the .tflite too, once it is converted."))


def _show_task(command: str, likely: LikelyTask | None, console: Console) -> None:
    if likely is not None:
        for line in _task(command, likely):
            console.print(_text(line))
        console.print()


def _task(command: str, likely: LikelyTask) -> Iterator[str]:
    """What `command` does with the model: the task, the metric and what it needs, and other tasks."""
    if likely.task is None or likely.metric is None:
        yield f"Task for {command}: not decided. {likely.reason} {' '.join(likely.needs)}"
    else:
        yield f"Task for {command}: {likely.task} ({likely.reason})."
        needs = f", which needs {' and '.join(likely.needs)}" if likely.needs else ", without labels"
        yield f"Metric: {title(likely.metric)}{needs}."
    others = [f"{other.task} ({'; '.join(filter(None, (other.option, other.labels)))})" for other in likely.others]
    if others:
        labels = "With other labels" if likely.metric and likely.needs else "With labels"
        yield f"{labels} it can be: {', '.join(others)}."


def _verdict(target: TargetCheck, form: str) -> str:
    counts = {severity: sum(finding.severity == severity for finding in target.findings) for severity in STYLES}
    leaves = f"; from {target.leaves_at} on it runs on the CPU" if target.leaves_at else ""
    if target.passed:
        costs = f", with {numbers.plural(counts['costs'], 'cost')}" if counts["costs"] else ""
        all_of_it = "every layer can be int8" if form == "keras" else "full-integer"
        return f"{target.target}: {all_of_it}{costs}{leaves}."
    blocking = f"{numbers.plural(counts['blocks'], 'finding')} {'blocks' if counts['blocks'] == 1 else 'block'}"
    return f"{target.target}: {blocking} int8{leaves}."


def _gain(gain: ExpectedGain) -> str:
    """What int8 gains there, in instructions."""
    int8, float32 = map(numbers.instructions, (gain.int8_instructions, gain.float32_instructions))
    words = ("fewer instructions", "more instructions", "as many instructions")
    said = f"Int8 there: {numbers.ratio(gain.ratio, *words)}: about {int8} an inference, float32 {float32}."
    if gain.not_counted:
        said += f" Not in the table, so not counted: {shortened(gain.not_counted)}."
    return said


def _activations(uses: list[ActivationUse]) -> Table:
    table = _table("activation", "layers", "becomes", "int8 range", "on this target")
    for use in uses:
        there = {None: "runs", "note": "runs, see below"}.get(use.severity, str(use.severity))
        if use.suggestion:
            there += f"; nearest that runs: {use.suggestion}"
        becomes = ", ".join(use.operators) or "fused"
        cells = (use.activation, str(len(use.layers)), becomes, _range(use.bounds), there)
        table.add_row(*map(_text, cells), style=STYLES[use.severity] if use.severity in ("blocks", "costs") else "")
    return table


def _range(bounds: tuple[float | None, float | None]) -> str:
    """`0 to 6`; where the activation has no bound, the data decide."""
    if bounds == (None, None):
        return "from data"
    low, high = ("(data)" if bound is None else f"{bound:.3g}" for bound in bounds)
    return f"{low} to {high}"


def _findings(target: TargetCheck) -> Table:
    """A row for each finding; with its basis, where that differs from the basis of the target."""
    table = _table("", "where", "what, why, and the remedy")
    for finding in target.findings:
        where = shortened(finding.layers or list(dict.fromkeys(map(_short, finding.tensors))), most=2)
        about = Text.assemble((f"{_printable(finding.what)}. ", "bold"), _printable(finding.why))
        if finding.instead:
            about.append(f" {_printable(finding.instead)}")
        if finding.basis != target.basis:
            about.append(f" ({_printable(finding.basis)})", style="dim")
        table.add_row(Text(finding.severity, style=STYLES[finding.severity]), _text(where), about)
    return table


def _short(tensor: str) -> str:
    """The end of a tensor's name, which may hold the paths of several fused operators: `model/a/Relu;model/b/Add`."""
    return tensor.split(";", maxsplit=1)[0].rsplit("/", 1)[-1] or tensor


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(Text(header), overflow="fold", max_width=WIDEST_NAME if header in NAMES else None)
    return table


def _text(text: str) -> Text:
    return Text(_printable(text))


def _printable(text: str) -> str:
    """Layer names are other people's text: a control character is written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text.replace(numbers.NBSP, " "))
