"""How much PTQ depends on which samples calibrate it: random sets beside the one that `edgeswap calibrate` chooses.

Judged by the fake-quant model, which rounds where the int8 model rounds, so that a set takes seconds.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.section import cpu, wrapped, write_section
from edgeswap import __version__
from edgeswap.commands.source import Source, open_source, train_example
from edgeswap.data.calibration import choose
from edgeswap.data.coverage import choose_covering
from edgeswap.data.dataset import Dataset
from edgeswap.data.load import load
from edgeswap.data.preprocess import from_name
from edgeswap.evaluation.model_inputs import model_inputs
from edgeswap.evaluation.predictions import BATCH_SIZE
from edgeswap.frameworks import tf
from edgeswap.graph.build import build
from edgeswap.graph.layer_names import built_name
from edgeswap.model.zoo import digits
from edgeswap.progress import Silent
from edgeswap.quantization.calibrate import sample_extremes
from edgeswap.quantization.gated import gated
from edgeswap.quantization.placement import place
from edgeswap.quantization.ranges import End, Ends, resolve
from edgeswap.tasks.fidelity import Fidelity

README = Path(__file__).parent / "README.md"
COUNTS = (100, 300, 500)
RANDOM_SETS = 10
CALIBRATION_POOL, TESTED = 5_000, 2_000
NETWORKS = ("digits", "ResNet8")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """PTQ by one calibration set: signal-to-noise ratio of the output in dB, and agreement with float32 as a share."""

    snr_db: float
    agreement: float


def results(source: Source, pool: Dataset, test: Dataset, preprocess: str) -> dict[int, tuple[Result, list[Result]]]:
    """For each number of samples: by the chosen set, and by each random one."""
    mapping = from_name(preprocess)
    bounds = None if mapping.quantization is None else mapping.quantization.range
    placement = place(source.graph, input_ranges=dict.fromkeys(source.input_shapes, bounds), per_channel_dense=True)
    low, high = _extremes(sample_extremes(placement), pool, mapping)
    names = [name for name, output in placement.outputs.items() if not output.fixed or name not in placement.prescribed]
    tested = model_inputs(test, mapping, np.arange(len(test)), as_app=True)[0]
    wanted = _in_batches(tf.function(build(source.graph)), tested)

    movable = gated(placement, dict.fromkeys(placement.outputs, Ends(End(0.0, "observed"), End(1.0, "observed"))))
    movable.switch(movable.gates)
    run = movable.runner()

    def by(indices: npt.NDArray[np.int64]) -> Result:
        lows, highs = low[indices].min(axis=0), high[indices].max(axis=0)
        ends = zip(lows.tolist(), highs.tolist(), strict=True)
        _move(movable.model, resolve(placement, dict(zip(names, ends, strict=True)), trains=False))
        got = _in_batches(lambda batch: run([batch])[0][0], tested)
        alike = float(np.mean(wanted.argmax(axis=1) == got.argmax(axis=1)))
        return Result(Fidelity.of(wanted, got, None).snr_db or float("inf"), alike)

    def of(count: int) -> tuple[Result, list[Result]]:
        chosen = choose_covering(low, high, pool.classes, count, seed=0).indices
        return by(chosen), [by(choose(len(pool), pool.classes, count, seed)) for seed in range(RANDOM_SETS)]

    return {count: of(count) for count in COUNTS}


def _move(fake_quant_model: Any, ranges: Mapping[str, Ends]) -> None:
    """Set the ranges of a model that was built once: a new one for each set would take seconds."""
    for name, ends in ranges.items():
        for variable in fake_quant_model.get_layer(built_name(name)).weights:
            side = variable.name.rpartition("output_")[2].split(":")[0]
            if side in ("low", "high"):
                variable.assign(ends.low.value if side == "low" else ends.high.value)


def _extremes(extremes: Any, pool: Dataset, mapping: Any) -> tuple[Floats, Floats]:
    starts = range(0, len(pool), BATCH_SIZE)
    rows = [np.arange(start, min(start + BATCH_SIZE, len(pool))) for start in starts]
    lows, highs = zip(*(extremes(model_inputs(pool, mapping, each, as_app=True)) for each in rows), strict=True)
    return np.concatenate(lows), np.concatenate(highs)


def _in_batches(run: Any, samples: Floats) -> Floats:
    parts = [np.asarray(run(samples[start : start + 256])) for start in range(0, len(samples), 256)]
    return np.concatenate(parts)


def _resnet8() -> dict[int, tuple[Result, list[Result]]]:
    shared = Path(os.environ.get("EDGESWAP_SHARED", "../shared"))
    shapes = {"input_1": (32, 32, 3)}
    pool = load(str(shared / "data" / "cifar10_train.zip"), input_shapes=shapes)
    test = load(str(shared / "data" / "cifar10_validation.zip"), input_shapes=shapes)
    pool = pool.subset(choose(len(pool), pool.classes, CALIBRATION_POOL, seed=0))
    test = test.subset(choose(len(test), test.classes, TESTED, seed=0))
    source = open_source(shared / "models" / "mlperf_tiny_resnet8.h5", seed=0, progress=Silent())
    return results(source, pool, test, "raw")


def _digits(seed: int = 0) -> dict[int, tuple[Result, list[Result]]]:
    source = train_example(open_source(None, seed=seed, progress=Silent()), seed=seed, progress=Silent())
    pool, test = (load(part, input_shapes=source.input_shapes) for part in ("digits", "digits/test"))
    return results(source, pool, test, digits.PREPROCESS)


def section(found: Mapping[str, Mapping[int, tuple[Result, Sequence[Result]]]]) -> str:
    """The text of the section."""
    lines = [
        "```sh\npython -m benchmarks.calibration_spread\n```\n",
        wrapped(
            f"""PTQ of two networks by the fake-quant model: {RANDOM_SETS} random calibration sets of each size, in
            which each class is about as often, and the one that `edgeswap calibrate --model` chooses. The
            signal-to-noise ratio is that of the output against float32, the agreement the share of test
            samples that get float32's class. Ranges end at the extremes of the calibration set."""
        ),
        "\n| network | samples | random: worst, mean, best | chosen | random: worst, mean, best | chosen |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for network, counts in found.items():
        for count, (chosen, random) in counts.items():
            db = [one.snr_db for one in random]
            share = [100 * one.agreement for one in random]
            lines.append(
                f"| {network} | {count} | {min(db):.1f}, {np.mean(db):.1f}, {max(db):.1f} dB | {chosen.snr_db:.1f} dB "
                f"| {min(share):.2f}, {np.mean(share):.2f}, {max(share):.2f} % | {100 * chosen.agreement:.2f} % |"
            )
    now = datetime.now(timezone.utc)
    lines += ["", wrapped(f"CPU: {cpu()}. edgeswap {__version__}, {now:%Y-%m-%d}.")]
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NETWORKS, action="append", help="Repeatable.  [default: both]")
    networks = parser.parse_args().network or NETWORKS
    found = {name: _digits() if name == "digits" else _resnet8() for name in networks}
    text = section(found)
    print(text)
    if set(networks) == set(NETWORKS):
        write_section(README, "calibration", text)


if __name__ == "__main__":
    main()
