"""The section of benchmarks/README.md that `benchmarks.micro` writes."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from datetime import datetime, timezone

from benchmarks.micro_rows import MOST_SAMPLES, Apart, Figures
from benchmarks.section import cpu, wrapped
from benchmarks.tasks_rows import CALIBRATION_SAMPLES
from edgeswap import __version__
from edgeswap.system.installed import installed_version
from edgeswap.targets.micro.installed import PACKAGE

OWN_STEPS = 2
STEEPEST = 128  # steps of 1/256 that a SOFTMAX moves by at most where each of its inputs moves by 1
MOST_SHORT_DB = 0.5
MOST_WORSE = 1.0  # percent of the metric's scale, which is 0 to 1 in every row

HEADERS = ["network", "metric", "samples", "float32", "int8, ai-edge-litert", "int8, TFLM", "arena", "of it tensors"]
HEADERS += ["flash", "kernels", "missing", "TFLM to XNNPACK", "reference to XNNPACK", "TFLM to reference"]
HEADERS += ["allowed"]
HEADERS += ["worst output, TFLM", "reference", "XNNPACK"]
NAMES = 2  # columns of names stand left, those of numbers right


def section(found: Mapping[str, Figures | None]) -> tuple[str, list[str]]:
    """The section's text, and where the rows that were measured miss what they must show."""
    measured = {network: one for network, one in found.items() if one is not None}
    missed = [f"{network}: {words}" for network, one in measured.items() for words in _missed(one)]
    rules = ["---"] * NAMES + ["---:"] * (len(HEADERS) - NAMES)
    lines = [_line(network, one) for network, one in measured.items()]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in (HEADERS, rules, *lines))
    lacking = [network for network, one in found.items() if one is None]
    rest = f"Not measured yet: {', '.join(lacking)}." if lacking else "Every network was measured."
    held = f"Missed: {'; '.join(missed)}." if missed else "Every row above holds it."
    text = f"""```sh
python -m benchmarks.micro
```

{wrapped(_what())}

{table}

{wrapped(_why_they_differ())}

{wrapped(f"{_asked()} {held} {rest}")}

CPU: {cpu()}. edgeswap {__version__}, {PACKAGE} {installed_version(PACKAGE)}, ai-edge-litert
{installed_version("ai-edge-litert")}, Python {platform.python_version()}, {datetime.now(timezone.utc).date()}.
"""
    return text, missed


def _line(network: str, one: Figures) -> list[str]:
    if one.missing:
        return [network, *["-"] * 8, ", ".join(one.missing), *["-"] * 7]
    assert one.metric is not None
    assert one.arena is not None
    assert one.flash is not None
    assert one.snr_db is not None
    metric = one.metric.rpartition(":")[2]
    return [
        network,
        metric if one.higher_is_better else f"{metric} (lower is better)",
        str(one.samples),
        *(f"{100 * (value or 0.0):.2f}" for value in (one.float32, one.litert, one.micro)),
        *(f"{size / 1000:.1f} kB" for size in (*one.arena[:2], one.flash)),
        str(one.kernels),
        "none",
        *(_steps(each) for each in (one.apart, one.reference, one.own)),
        str(own_allowed(one)),
        *(f"{ratio:.1f} dB" for ratio in one.snr_db),
    ]


def own_allowed(one: Figures) -> int:
    """Steps by which TensorFlow Lite Micro may be off the reference kernels of ai-edge-litert."""
    return OWN_STEPS + (0 if one.last_step is None else math.ceil(STEEPEST * one.last_step))


def _steps(apart: Apart | None) -> str:
    assert apart is not None
    return f"{100 * apart.differing:.1f} %, {apart.max_steps}" if apart.max_steps else "equal"


def _missed(one: Figures) -> list[str]:
    if one.missing:
        return []  # it is said before training; there is nothing to measure
    assert one.snr_db is not None
    assert one.apart is not None
    assert one.reference is not None
    assert one.own is not None
    assert one.micro is not None
    assert one.litert is not None
    words = []
    own = own_allowed(one)
    if one.own.max_steps > own:
        words.append(f"outputs are {one.own.max_steps} steps from the reference kernels', at most {own}")
    if one.apart.max_steps > one.reference.max_steps + own:
        words.append(f"outputs are {one.apart.max_steps} steps from XNNPACK's, at most {one.reference.max_steps + own}")
    micro_db, reference_db, _ = one.snr_db
    if micro_db < reference_db - MOST_SHORT_DB:
        words.append(f"its worst output is {reference_db - micro_db:.1f} dB below the reference kernels'")
    worse = 100 * (one.litert - one.micro) * (1 if one.higher_is_better else -1)
    if worse > MOST_WORSE:
        words.append(f"its metric is {worse:.2f} below ai-edge-litert's")
    return words


def _what() -> str:
    return f"""The networks of "A network for each task" from seed 0, exported by `--method ptq --target micro --target
        host` with {CALIBRATION_SAMPLES} calibration samples, and run on the same test samples, at most {MOST_SAMPLES}.
        Metrics are in percent of their scale. `TFLM` is TensorFlow Lite for Microcontrollers on this machine. The arena
        is what its recording allocator tells, of a 64-bit machine; flash is the size of the `.tflite`, without the
        kernels, whose number is that of the methods that the resolver calls. `missing` are operators that TFLM lacks:
        an export with one ends before it trains. The next three columns compare all values of all outputs of the int8
        model under three sets of kernels: the share that differs, and by how many int8 steps at most. `XNNPACK` is what
        ai-edge-litert runs by itself, `reference` its own reference kernels. The first of them is what the report
        tells. `allowed` is for the last of the three. The last columns are the lowest
        signal-to-noise ratio of an output against float32 under each set."""


def _why_they_differ() -> str:
    return f"""Why outputs differ, and how far they may. A kernel multiplies whole numbers exactly; sets of kernels part
        where the sum is brought to the output's scale. XNNPACK rounds once, in float32. The reference kernels multiply
        by a 31-bit fixed-point factor and may round twice, and TFLM's are the same: networks without a dense layer
        (unet, ssd) are equal to the bit. A dense layer is brought to scale in float32 by both sets of ai-edge-litert
        (the autoencoder has nothing else before its end), and in fixed point by TFLM, which is at most one step off for
        equal inputs. So {OWN_STEPS} steps are allowed to the reference kernels: one of the last dense layer, and one
        for what it makes of steps before it. The second is no proof, for weights could make more of them; steps of
        rounding mostly cancel. Where a SOFTMAX or LOGISTIC is last, a step of size s before it becomes more: the slope
        of a LOGISTIC is at most 1/4, and where every input of a SOFTMAX is a step off, an output moves by at most s/2,
        which is {STEEPEST} s steps of 1/256. XNNPACK is farther off, and no bound of the network is known. But it can
        be measured: how far ai-edge-litert's own two sets of kernels part on the same samples is what rounding does to
        this network, for neither is more right. TFLM may be as far from XNNPACK as the reference kernels are, and by
        what it may be off these."""


def _asked() -> str:
    return f"""What was asked: outputs at most `allowed` steps from the reference kernels of ai-edge-litert; from
        XNNPACK at most `allowed` steps more than those are; the worst output at most {MOST_SHORT_DB} dB below theirs;
        the metric at most {MOST_WORSE:g} below ai-edge-litert's."""
