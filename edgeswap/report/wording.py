"""What terminal, page and plots all say, in the same words.

Numbers are formatted in `numbers` and nowhere else.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import Any, NamedTuple, TypeVar

from edgeswap.evaluation.large_drop import LARGE_DROP
from edgeswap.records import (
    Accuracy,
    BenchReport,
    Caution,
    Comparison,
    ExportReport,
    Limit,
    TargetResult,
)
from edgeswap.report import numbers

Report = ExportReport | BenchReport
AnyReport = TypeVar("AnyReport", ExportReport, BenchReport)

MOST_SPOKEN = 3


class Stage(NamedTuple):
    """One model on the way from the one given to int8."""

    name: str
    accuracy: Accuracy
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


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(c if c.isprintable() else " " if c in "\n\t" else ascii(c)[1:-1] for c in value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def baseline_name(report: Report) -> str:
    """What the model is called that the other is compared with."""
    return report.baseline if isinstance(report, BenchReport) else "float32"


def candidate_name(report: Report) -> str:
    """What the other model is called; of a bench of several files, the second."""
    if isinstance(report, BenchReport) and report.candidates:
        return report.candidates[0].name
    return report.precision.replace("_", " ")


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
            }
        )
        for candidate in report.candidates
    ]


def stages(report: Report) -> list[Stage]:
    """The models whose accuracy is known, in the order in which they came about."""
    if isinstance(report, BenchReport):
        first, second = baseline_name(report), candidate_name(report)
        both = ((first, report.float32, "the baseline"), (second, report.int8, "the candidate"))
        return [Stage(name, record.accuracy, meaning) for name, record, meaning in both]
    found = (
        ("float32", report.float32, "as it was given"),
        ("after swap", report.float32_swapped, "float32 right after the swap, not trained"),
        ("recovered", report.float32_recovered, "float32, fine-tuned after the swap"),
        ("control", report.float32_finetuned, f"float32, trained on just as {report.precision} was: the fair control"),
        (report.precision, report.int8, "the candidate"),
    )
    return [Stage(name, record.accuracy, meaning) for name, record, meaning in found if record is not None]


def size_gain(report: Report) -> str:
    """How much smaller the int8 file is."""
    return numbers.ratio(report.float32.size_bytes / report.int8.size_bytes, "smaller", "larger", "as large")


def speed_gain(target: TargetResult) -> str:
    """How much faster int8 is on a target; in an emulator, how many fewer instructions it takes."""
    if target.speedup_p50 is not None:
        return numbers.ratio(target.speedup_p50, "faster", "slower", "as fast")
    if target.float32.instructions and target.int8.instructions:
        words = ("fewer instructions", "more instructions", "as many instructions")
        return numbers.ratio(target.float32.instructions / target.int8.instructions, *words)
    return "-"


def target_accuracy(target: TargetResult, candidate: str, baseline: str = "float32") -> str:
    """Accuracy of both models, by their names, as measured on the target itself."""
    float32, int8 = target.float32.accuracy, target.int8.accuracy
    if int8.top1 is None:
        return numbers.plural(int8.samples, "sample")
    both = f"top-1 {numbers.percent(float32.top1)} {baseline}, {numbers.percent(int8.top1)} {candidate}"
    return f"{both} on {numbers.plural(int8.samples, 'sample')}"


def limit_text(limit: Limit) -> str:
    """How the run stands to a limit, with digits enough to tell two close numbers apart."""
    if limit.name == "max_size":
        return f"{limit.value:,.0f} bytes, limit {limit.limit:,.0f}"
    unit = {"max_drop": "points", "max_latency_ms": "ms"}[limit.name]
    return f"{limit.value:.4g}{numbers.NBSP}{unit}, limit {limit.limit:g}"


def verdict(report: ExportReport) -> str:
    """One sentence: whether the limits hold, and the figures that matter."""
    missed = [limit for limit in report.limits if not limit.passed]
    if missed:
        opening = "Failed (" + "; ".join(f"{limit.name} {limit_text(limit)}" for limit in missed) + ")"
    elif report.failures:
        opening = _incomplete(report)
    elif not report.passed:
        opening = "Failed"
    elif report.limits:
        opening = f"Passed (within {', '.join(limit.name for limit in report.limits)})"
        opening += ", but with a large drop" * has_large_drop(report)
    else:
        opening = "Exported" + " with a large drop" * has_large_drop(report) + " (no limits were set)"
    return _sentence(opening, report)


def bench_verdict(report: BenchReport) -> str:
    """One sentence: the figures that matter of two models that were there already."""
    return _sentence(_incomplete(report) if report.failures else "Measured", report)


def has_large_drop(report: ExportReport) -> bool:
    """Whether a warning of the report says that int8 is much worse than float32."""
    return any(caution.kind == LARGE_DROP for caution in report.warnings)


def _incomplete(report: Report) -> str:
    return f"Incomplete (no figures from {', '.join(failure.name for failure in report.failures)})"


def _sentence(opening: str, report: Report) -> str:
    accuracy = [] if report.comparison is None else [_accuracy_clause(report, report.comparison)]
    clauses = [*accuracy, f"is {size_gain(report)} ({numbers.size(report.int8.size_bytes)})"]
    spoken = report.targets if len(report.targets) <= MOST_SPOKEN else report.targets[:1]  # the table has them all
    clauses += [clause for target in spoken if (clause := _speed_clause(target, label(report, target)))]
    if report.int8.float_tensors and report.precision in ("int8", "int16x8"):
        clauses.append(f"still holds {numbers.plural(report.int8.float_tensors, 'float tensor')}")
    text = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"
    return f"{opening}: {_the_model(candidate_name(report))} {text}."


def _the_model(name: str) -> str:
    """`the int8 model`; of one that is called by its file, that alone."""
    return name if "." in name else f"the {name} model"


def label(report: Report, target: TargetResult) -> str:
    """A target's name; with the runtime where several results bear it, as an emulated Pi has one for each."""
    alike = [other for other in report.targets if other.name == target.name]
    return target.name if len(alike) == 1 else f"{target.name} ({target.runtime.split()[0]})"


def cautions(report: Report) -> list[Caution]:
    """What must be known before the figures are believed; of a bench there is nothing of the kind."""
    return report.warnings if isinstance(report, ExportReport) else []


def warnings(report: Report) -> list[tuple[str, str]]:
    """Each warning once, with the targets that gave it."""
    found: dict[str, list[str]] = {}
    for target in report.targets:
        for warning in target.warnings:
            found.setdefault(warning, []).append(label(report, target))
    return [(warning, ", ".join(names)) for warning, names in found.items()]


def _accuracy_clause(report: Report, comparison: Comparison) -> str:
    accuracy = report.int8.accuracy
    if accuracy.top1 is None or comparison.top1_drop is None:
        agreement = numbers.percent(comparison.top1_agreement)
        return f"gives the class of {_the_model(baseline_name(report))} on {agreement} of {accuracy.samples:,} samples"
    change = (
        f"{numbers.drop_or_gain(comparison.top1_drop)} {numbers.number_of_points(abs(comparison.top1_drop))} points"
    )
    if comparison.top1_drop_ci95 is not None:
        low, high = comparison.top1_drop_ci95
        interval = (low, high) if comparison.top1_drop >= 0 else (-high, -low)
        change += f", 95{numbers.NBSP}% interval {numbers.points_interval(interval)}"
    first = f"{baseline_name(report)} {numbers.percent(report.float32.accuracy.top1)}"
    return f"has {numbers.percent(accuracy.top1)} top-1 ({first}; {change})"


def _speed_clause(target: TargetResult, name: str) -> str:
    if target.speedup_p50 is not None and target.int8.latency_ms is not None:
        p50 = numbers.three_digits(target.int8.latency_ms.p50)
        return f"is {speed_gain(target)} on {name} (p50 {p50}{numbers.NBSP}ms)"
    if target.int8.instructions and target.float32.instructions:
        return f"takes {speed_gain(target)} on {name} ({numbers.instructions(target.int8.instructions)})"
    return ""


def significance(report: Report) -> str:
    """What the drop is worth: in samples, and whether it could be chance. Empty without labels."""
    comparison, samples = report.comparison, report.int8.accuracy.samples
    if comparison is None or comparison.top1_drop is None:
        return ""
    baseline = baseline_name(report)
    lost = round(comparison.top1_drop * samples / 100)
    of_samples = f"{abs(lost)} {'fewer' if lost > 0 else 'more'} of {samples:,} test samples right than {baseline}"
    if lost == 0:
        of_samples = f"as many of {samples:,} test samples right as {baseline}"
    chance = "can be chance" if comparison.can_be_chance else "is more than chance would explain"
    holds = "holds" if comparison.can_be_chance else "does not hold"
    difference = f"The difference {chance}: its 95{numbers.NBSP}% interval {holds} 0."
    agreement = f"gives the same class on {numbers.percent(comparison.top1_agreement)}"
    return f"{candidate_name(report)} gets {of_samples}, and {agreement}. {difference}"


def control(report: ExportReport) -> str:
    """int8 against the fair control; empty where none ran."""
    drop = report.comparison.control_drop
    if drop is None:
        return ""
    points, candidate = numbers.number_of_points(abs(drop)), report.precision
    higher = "as high" if points == "0.00" else f"{points} points {'lower' if drop > 0 else 'higher'}"
    return (
        f"Beside the control, the float32 model trained on just as {candidate} was, top-1 of {candidate} is {higher}."
    )


INSTRUCTIONS = "An emulator counts instructions instead of time. They repeat well, but they are no milliseconds."


def counts_instructions(report: Report) -> bool:
    """Whether a target gave instructions instead of time."""
    return any(target.int8.instructions for target in report.targets)


def ranges(report: ExportReport) -> str:
    """Where the int8 ranges of activations end; empty where the converter set them."""
    found = report.ranges
    if found is None:
        return ""
    ways = {
        "fixed at a bound": found.fixed,
        "narrowed to what was observed": found.narrowed,
        "observed": found.observed,
        "put where the next activation is flat": found.saturated,
        "learned": found.learned,
    }
    total = numbers.plural(sum(ways.values()) // 2, "int8 range")
    return f"{total}, of whose ends {', '.join(f'{count} {way}' for way, count in ways.items() if count)}"


def normalized(report: ExportReport) -> str:
    """Which inputs the app normalizes; empty where there are none."""
    names = ", ".join(report.normalized_by_app)
    return names and (
        f"The app normalizes {names}, feature by feature, as the model's own layer did: both .tflite files (and a "
        "saved QAT model) take normalized values, which the bundle's code makes. One int8 scale then fits all features."
    )


def dense(report: ExportReport) -> str:
    """How many scales the weights of dense layers have, and why; empty where there are no such weights."""
    scales = report.int8.dense_scales
    if scales is None:
        return ""
    where = "the Edge TPU" if scales == "per tensor" else "where the model is to run"
    why = {"user": ", as --dense-scales asked", "target": f", chosen for {where}", None: ""}[report.dense_scales_by]
    if scales == "per channel":
        return (
            f"Weights of dense layers have a scale for each unit{why}. TFLite 2.9 and before compute nonsense from it: "
            "for these pass --dense-scales per-tensor."
        )
    return (
        f"Weights of dense layers have one scale each{why}. One for each unit is more exact, but TFLite 2.9 and "
        "before, and perhaps the Edge TPU compiler, compute nonsense from it."
    )


def parity(report: ExportReport) -> str:
    """The fake-quant model against int8; empty where there is none."""
    found = report.parity
    if found is None:
        return ""
    ties = f" ({numbers.plural(found.ties, 'tie')} left out)" if found.ties else ""
    text = f"Every one of {numbers.plural(found.samples, 'sample')} is a tie in the fake-quant model"
    if found.agreement is not None:
        same = f"The same class on {numbers.percent(found.agreement)} of {numbers.plural(found.samples, 'sample')}"
        text = f"{same}{ties} as the fake-quant model it was made from"
    if found.worst_layer is None:
        return f"{text}."
    if found.worst_layer_snr_db is None:
        return f"{text}; {numbers.plural(found.layers, 'layer')} compared, all equal."
    ratio_db = f"signal-to-noise {found.worst_layer_snr_db:.1f}{numbers.NBSP}dB"
    return f"{text}; of {numbers.plural(found.layers, 'layer')} they part most in {found.worst_layer} ({ratio_db})."


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
