"""What terminal, page and plots all say, in the same words.

Numbers are formatted in `numbers` and nowhere else.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import Any, NamedTuple, TypeVar

from edgeswap.evaluation.drop_cause import LARGE_DROP
from edgeswap.evaluation.worth_telling import small_below
from edgeswap.records import (
    BenchCandidate,
    BenchReport,
    Caution,
    Comparison,
    ExportReport,
    Quality,
    Record,
    TargetResult,
)
from edgeswap.report import metric_words as metrics
from edgeswap.report import numbers
from edgeswap.report.limit_words import limit_text
from edgeswap.report.speed_words import speed_clause
from edgeswap.tasks.titles import title

Report = ExportReport | BenchReport
AnyReport = TypeVar("AnyReport", bound=Record)

MOST_SPOKEN = 3


class Stage(NamedTuple):
    """One model on the way from the one given to int8."""

    name: str
    quality: Quality | None
    meaning: str


class Kept(NamedTuple):
    """Activations that stay for one reason."""

    activation: str
    reason: str
    layers: tuple[str, ...]


def printable(report: AnyReport) -> AnyReport:
    """The same report with every character that would not print, such as an escape, written out as in `\\x1b`.

    Layer names and paths are other people's text. In a terminal a control character could rewrite what stands there.
    """
    return type(report).model_validate(_printable(json.loads(report.model_dump_json(by_alias=True))))


def printable_text(text: str) -> str:
    """The same for a text."""
    return "".join(c if c.isprintable() else " " if c in "\n\t" else ascii(c)[1:-1] for c in text)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable_text(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def baseline_name(report: Report) -> str:
    """The name of the baseline."""
    return report.baseline if isinstance(report, BenchReport) else "float32"


def candidate_name(report: Report) -> str:
    """The name of the candidate; in a bench of several files, of the second."""
    if isinstance(report, BenchReport) and report.candidates:
        return report.candidates[0].name
    return report.precision.replace("_", " ")


def compared(report: Report) -> list[BenchCandidate]:
    """The models of `--compare`; a bench has none, since each of its files is a candidate."""
    return report.compared if isinstance(report, ExportReport) else []


def pairs(report: BenchReport) -> list[BenchReport]:
    """A report of two files for each candidate."""
    if len(report.candidates) < 2:
        return [report]
    return [
        report.model_copy(
            update={
                "precision": candidate.precision,
                "int8": candidate.model,
                "comparison": candidate.comparison,
                "targets": candidate.targets,
                "candidates": [candidate],
                "limits": [],
            }
        )
        for candidate in report.candidates
    ]


def each_candidate(report: Report) -> list[tuple[str, Report]]:
    """The name of each candidate and the report of it alone; a single one needs no name, which is empty then."""
    if isinstance(report, BenchReport) and len(report.candidates) > 1:
        return [(candidate_name(pair), pair) for pair in pairs(report)]
    return [("", report)]


def compared_quality(report: Report) -> Comparison | None:
    """The comparison of quality; None where no model ran with samples."""
    measured = not isinstance(report, ExportReport) or report.measured
    return report.comparison if measured else None


def stages(report: Report) -> list[Stage]:
    """The models whose quality is known, in the order in which they came about."""
    if isinstance(report, BenchReport):
        first, second = baseline_name(report), candidate_name(report)
        both = ((first, report.float32, "the baseline"), (second, report.int8, "the candidate"))
        return [Stage(name, record.quality, meaning) for name, record, meaning in both]
    found = (
        ("float32", report.float32, "the baseline: the model as it was given"),
        ("after swap", report.float32_swapped, "float32 right after the swap, before any training"),
        ("recovered", report.float32_recovered, "float32, fine-tuned after the swap"),
        ("control", report.float32_finetuned, f"float32 with the same extra training as {report.precision}"),
        (report.precision, report.int8, "the candidate: the exported model"),
    )
    return [Stage(name, record.quality, meaning) for name, record, meaning in found if record is not None]


def size_gain(report: Report) -> str:
    """How much smaller the int8 file is."""
    return numbers.ratio(report.float32.size_bytes / report.int8.size_bytes, "smaller", "larger", "as large")


def target_quality(target: TargetResult, candidate: str, baseline: str = "float32") -> str:
    """The metric of both models, with their names, as measured on the target itself; `-` without samples."""
    float32, int8 = target.float32.quality, target.int8.quality
    if int8 is None:
        return "-"
    if int8.value is None or float32 is None or float32.value is None:
        return numbers.plural(int8.samples, "sample")
    both = f"{title(int8.metric)} {metrics.of(float32)} {baseline}, {metrics.of(int8)} {candidate}"
    return f"{both} on {numbers.plural(int8.samples, 'sample')}"


def verdict(report: ExportReport) -> str:
    """One sentence: whether the limits hold, and the figures that matter."""
    if missed := _missed(report):
        opening = missed
    elif report.failures:
        opening = _incomplete(report)
    elif not report.passed:
        opening = "Failed"
    elif report.limits:
        opening = f"Passed (within {', '.join(limit.name for limit in report.limits)})"
        opening += ", but with a large drop" * has_large_drop(report) + " without measuring" * (not report.measured)
    elif not report.measured:
        opening = "Exported without measuring"
    else:
        opening = "Exported" + " with a large drop" * has_large_drop(report) + " (no limits were set)"
    return _sentence(opening, report)


def bench_verdict(report: BenchReport) -> str:
    """One sentence: whether the limits hold, and the figures that matter of a bench."""
    return _sentence(_missed(report) or (_incomplete(report) if report.failures else "Measured"), report)


def has_large_drop(report: ExportReport) -> bool:
    """Whether a warning of the report says that int8 is much worse than float32."""
    return any(caution.kind == LARGE_DROP for caution in report.warnings)


def _missed(report: Report) -> str:
    """The limits that do not hold; empty where all do."""
    missed = [limit for limit in report.limits if not limit.passed]
    said = "; ".join(f"{limit.name} {limit_text(limit, report)}" for limit in missed)
    return said and f"Failed ({said})"


def _incomplete(report: Report) -> str:
    return f"Incomplete (no figures from {', '.join(failure.name for failure in report.failures)})"


def _sentence(opening: str, report: Report) -> str:
    comparison = compared_quality(report)
    quality = [] if comparison is None else [_quality_clause(report, comparison)]
    clauses = [*quality, f"is {size_gain(report)} ({numbers.size(report.int8.size_bytes)})"]
    spoken = report.targets if len(report.targets) <= MOST_SPOKEN else report.targets[:1]  # the table has them all
    clauses += [clause for target in spoken if (clause := speed_clause(target, label(report, target)))]
    if report.int8.float_tensors and report.precision in ("int8", "int16x8"):
        clauses.append(f"still holds {numbers.plural(report.int8.float_tensors, 'float tensor')}")
    text = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"
    return f"{opening}: {_the_model(candidate_name(report))} {text}."


def _the_model(name: str) -> str:
    """`the int8 model`; of one that is called by its file, that alone."""
    return name if "." in name else f"the {name} model"


def label(report: Report, target: TargetResult) -> str:
    """A target's name; with the runtime where several results share the name, as for an emulated Pi."""
    alike = [other for other in report.targets if other.name == target.name]
    return target.name if len(alike) == 1 else f"{target.name} ({target.runtime.split()[0]})"


def cautions(report: Report) -> list[Caution]:
    """Warnings of the whole run; a bench has none."""
    return report.warnings if isinstance(report, ExportReport) else []


def warnings(report: Report) -> list[tuple[str, str]]:
    """Each warning once, with the targets that gave it."""
    found: dict[str, dict[str, None]] = {}
    for _, one in each_candidate(report):
        for target in one.targets:  # those of the baseline occur with every candidate
            for warning in target.warnings:
                found.setdefault(warning, {})[label(one, target)] = None
    return [(warning, ", ".join(names)) for warning, names in found.items()]


def _quality_clause(report: Report, comparison: Comparison) -> str:
    quality = report.int8.quality
    samples = 0 if quality is None else quality.samples
    baseline = _the_model(baseline_name(report))
    if quality is not None and quality.value is not None and comparison.drop is not None:
        size, ends = metrics.change(comparison)
        changed = f"{metrics.change_word(comparison, higher_is_better=quality.higher_is_better)} {size}"
        if comparison.drop_ci95 is not None:
            changed += f", 95{numbers.NBSP}% interval {ends}"
        first = f"{baseline_name(report)} {metrics.of(report.float32.quality)}"
        return f"has {metrics.named(quality)} ({first}; {changed})"
    if comparison.agreement is not None:
        return f"gives {metrics.decisions_of(baseline, _task(report), comparison.agreement, samples)}"
    if (worst := metrics.worst_output(comparison)) is not None:
        which = f" (output {worst.name}, the worst of {len(comparison.outputs)})" if len(comparison.outputs) > 1 else ""
        near = f"a signal-to-noise ratio of {metrics.value(worst.snr_db, 'dB')}{which}"
        return f"gives the outputs of {baseline} with {near} on {numbers.plural(samples, 'sample')}"
    return f"gives the outputs of {baseline} on {samples:,} samples"


def _task(report: Report) -> str:
    return "" if report.task is None else report.task.name


def significance(report: Report) -> str:
    """How large the change is, and whether it can be chance; empty without one."""
    comparison, quality = report.comparison, report.int8.quality
    if comparison is None or quality is None or comparison.drop is None:
        return ""
    told = f"Of {numbers.plural(quality.samples, 'test sample')}, {_in_samples(report, comparison, quality.samples)}."
    if comparison.mcnemar_p is None:
        told = f"On {numbers.plural(quality.samples, 'test sample')}, {_in_metric(report, comparison)}."
    agreement = ""
    if comparison.agreement is not None:
        agreement = f" Both give {metrics.same_decisions(_task(report), comparison.agreement)}."
    if comparison.drop_ci95 is None or (comparison.drop == 0 and comparison.agreement == 1):
        return told + agreement
    if not comparison.can_be_chance and 0 < abs(comparison.drop) < small_below(comparison, report.float32.quality):
        interval = f"its 95{numbers.NBSP}% interval does not include 0"
        return f"{told}{agreement} The difference is too small to act on, though {interval}."
    chance = "can be chance" if comparison.can_be_chance else "is more than chance would explain"
    includes = "includes" if comparison.can_be_chance else "does not include"
    return f"{told}{agreement} The difference {chance}: its 95{numbers.NBSP}% interval {includes} 0."


def _in_samples(report: Report, comparison: Comparison, samples: int) -> str:
    assert comparison.drop is not None
    baseline, candidate = baseline_name(report), candidate_name(report)
    lost = round(comparison.drop * samples / 100)
    if lost == 0:
        return f"{candidate} and {baseline} get the same number right"
    return f"{candidate} gets {abs(lost):,} {'fewer' if lost > 0 else 'more'} right than {baseline}"


def _in_metric(report: Report, comparison: Comparison) -> str:
    assert comparison.drop is not None
    size = metrics.difference(abs(comparison.drop), comparison.unit)
    way = "worse" if comparison.drop > 0 else "better"
    than = f"{size} {way} than" if comparison.drop else "the same as"
    return f"{title(comparison.metric)} of {candidate_name(report)} is {than} that of {baseline_name(report)}"


def outputs(report: Report) -> str:
    """How near each output is to the baseline's; empty where nothing was compared."""
    comparison = report.comparison
    if comparison is None or not comparison.outputs:
        return ""
    each = "; ".join(map(metrics.fidelity, comparison.outputs))
    return f"Signal-to-noise ratio against {baseline_name(report)}: {each}.{_meant_to_differ(report)}"


def _meant_to_differ(report: Report) -> str:
    """That some of a difference to float32 was asked for: a swap and training change what the outputs are."""
    if isinstance(report, BenchReport):
        return ""
    trained = report.float32_recovered or report.float32_finetuned
    changes = ["the swap"] * bool(report.activations.swapped) + ["training"] * bool(trained)
    return f" What {' and '.join(changes)} changed is part of it." if changes else ""


def control(report: ExportReport) -> str:
    """int8 against the control, which had the same extra training; empty where none ran."""
    drop, name = report.comparison.control_drop, title(report.comparison.metric)
    if drop is None:
        return ""
    size = metrics.difference(abs(drop), report.comparison.unit)
    where = "equal to"
    if size != metrics.difference(0.0, report.comparison.unit):
        higher = report.int8.quality is None or report.int8.quality.higher_is_better
        where = f"{size} {'below' if (drop > 0) == higher else 'above'}"
    return f"{report.precision} {name} is {where} the float32 control, which had the same extra training."


def swapped(report: ExportReport) -> str:
    """What was swapped, counted by kind."""
    counts = Counter((entry.from_, entry.to) for entry in report.activations.swapped)
    kinds = ", ".join(f"{count} {old} to {new}" for (old, new), count in counts.most_common())
    return kinds or "nothing"


def kept(report: ExportReport) -> list[Kept]:
    """What was skipped, one entry for each activation and reason, in the order of the model."""
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in report.activations.skipped:
        groups.setdefault((entry.activation, entry.reason), []).append(entry.layer)
    return [Kept(activation, reason, tuple(layers)) for (activation, reason), layers in groups.items()]


def command(report: Report) -> str | None:
    """The command line that was run, quoted for a shell; None where the run was called from Python."""
    return shlex.join(report.command) if report.command else None
