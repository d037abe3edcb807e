"""The section of benchmarks/README.md that `benchmarks.tasks` writes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import numpy as np

from benchmarks.section import cpu, wrapped
from benchmarks.tasks_rows import CALIBRATION_SAMPLES, METHODS, NETWORKS, SEEDS, Figures, Method, Row
from edgeswap import __version__

MOST_LOST = 1.0  # percent of the metric's scale, which is 0 to 1 in every row
LARGEST_SHORTFALL_DB = 0.5

HEADERS = ["network", "task", "metric", "method", "seeds", "float32", "control", "int8", "int8 minus control"]
HEADERS += ["int8 minus float32 (95 %)", "worst output", "TFLiteConverter", "float tensors", "speedup"]
NAMES = 4  # columns of names stand left, those of numbers right


def section(found: Mapping[Row, Figures | None]) -> tuple[str, list[str]]:
    """The section's text, and where the rows that were measured miss what they must show."""
    lines, missed = [], []
    gains: dict[tuple[str, Method], float] = {}
    for network in NETWORKS:
        for method in METHODS:
            seeds = {row.seed: one for row, one in found.items() if row[::2] == (network, method) and one is not None}
            if not seeds:
                continue
            lines.append(_line(network, method, seeds))
            missed += [f"{network} by {method}: {words}" for words in _missed(method, list(seeds.values()))]
            gains[network, method] = _mean([_better(one, one.float32) for one in seeds.values()])
    both = [network for network in NETWORKS if all((network, method) in gains for method in METHODS)]
    more = [gains[network, "qat"] - gains[network, "ptq"] for network in both]
    if more and np.mean(more) < 0:
        missed.append(f"QAT is {-np.mean(more):.2f} below PTQ in the mean")
    rules = ["---"] * NAMES + ["---:"] * (len(HEADERS) - NAMES)
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in (HEADERS, rules, *lines))
    text = f"""```sh
python -m benchmarks.tasks
```

{wrapped(_what())}

{table}

{wrapped(_verdict(missed, float(np.mean(more)) if more else 0.0, len(both)))}

{wrapped(_not_measured(found))}

CPU: {cpu()}, one thread for latency, other programs running beside. edgeswap {__version__},
Python {platform.python_version()}, {datetime.now(timezone.utc).date()}.
"""
    return text, missed


def _line(network: str, method: Method, seeds: Mapping[int, Figures]) -> list[str]:
    every, first = list(seeds.values()), next(iter(seeds.values()))
    gain, low, high = (100 * _mean([one.gain[end] for one in every]) for end in range(3))
    metric = first.metric.rpartition(":")[2]
    return [
        network,
        first.task,
        metric if first.higher_is_better else f"{metric} (lower is better)",
        method,
        ", ".join(map(str, sorted(seeds))),
        *(f"{100 * _mean([value(one) for one in every]):.2f}" for value in (_float32, _control, _int8)),
        f"{_mean([_better(one, one.control) for one in every]):+.2f}",
        f"{gain:+.2f} ({low:+.2f} to {high:+.2f})",
        f"{min(one.snr_db for one in every):.1f} dB",
        f"{min(one.converter_snr_db for one in every):.1f} dB",
        str(sum(one.float_tensors for one in every)),
        f"{np.median([one.speedup for one in every]):.2f}x",
    ]


def _float32(one: Figures) -> float:
    return one.float32


def _control(one: Figures) -> float:
    return one.control


def _int8(one: Figures) -> float:
    return one.int8


def _better(one: Figures, than: float) -> float:
    """How much better int8 is than another model's value, in percent of the metric's scale."""
    return 100 * (one.int8 - than) * (1 if one.higher_is_better else -1)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _missed(method: Method, every: Sequence[Figures]) -> list[str]:
    lost = -_mean([_better(one, one.control) for one in every])
    short = max(one.converter_snr_db - one.snr_db for one in every)
    tensors = sum(one.float_tensors for one in every)
    words = [f"int8 is {lost:.2f} below its control"] if lost > MOST_LOST else []
    if method == "ptq" and short > LARGEST_SHORTFALL_DB:
        words.append(f"its worst output is {short:.1f} dB below TFLiteConverter's")
    return [*words, f"{tensors} float tensors"] if tensors else words


def _what() -> str:
    return f"""One small network for each task, trained on the built-in digits or on canvases of them
        (`edgeswap/training/zoo_recipe.py` has the networks and their samples), and on photographs of CIFAR-10 the
        MobileNetV2 of "edgeswap beside other tools" and MLPerf Tiny's ResNet8. Each was exported as it is, without a
        swap, with {CALIBRATION_SAMPLES} calibration samples. Metrics are in percent of their scale, which is 0 to 1:
        key points are told as shares of the canvas, and `right` is the share of canvases of which both outputs are
        right. Figures are means over the seeds. `control` is the float network that had the training that int8 had; PTQ
        trains nothing, so it is float32. The differences are positive where int8 is better; the interval is that of the
        paired difference, its ends the means over the seeds. `worst output` is the lowest signal-to-noise ratio of an
        output against float32 over all seeds, `TFLiteConverter` that of its full-integer PTQ of the same float network
        with the same calibration and test samples. `speedup` is float32 latency over int8 latency on this machine;
        networks this small take some hundredths of a millisecond, so it says little. A network that is poor in float32
        shows how near int8 is to a poor network, and no more. QAT's part of the differences to float32 is mostly the
        extra training, which the control had too."""


def _verdict(missed: Sequence[str], more: float, networks: int) -> str:
    held = f"Missed: {'; '.join(missed)}." if missed else "Every row above holds it."
    return f"""What was asked: no float tensor; int8 at most {MOST_LOST:g} below its control in the mean; PTQ's worst
        output at most {LARGEST_SHORTFALL_DB} dB below TFLiteConverter's in every seed; QAT's metric not below PTQ's in
        the mean over the networks: int8 after QAT is {more:+.2f} from int8 after PTQ over {networks} networks.
        {held}"""


def _not_measured(found: Mapping[Row, Figures | None]) -> str:
    lacking = [f"{row.network} by {row.method}, seed {row.seed}" for row, one in found.items() if one is None]
    seeds = [seed for seed in SEEDS if all(one is None for row, one in found.items() if row.seed == seed)]
    named = [words for words in lacking if not words.endswith(tuple(f"seed {seed}" for seed in seeds))]
    whole = f"no network was measured from seed {' or '.join(map(str, seeds))}" if seeds else ""
    rest = [*([whole] if whole else []), *named]
    return f"Not measured yet: {'; '.join(rest)}." if rest else "Every network was measured from every seed."
