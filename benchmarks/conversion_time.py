"""How long PTQ through edgeswap takes beside the bare TFLiteConverter: the same network, samples and cores.

Each measurement is a fresh process, the two sides take turns, and a ratio is that of two neighbours. Process start and
the import of TensorFlow are not counted: neither this script's nor, on edgeswap's side, its converter process's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency import (
    RUNTIME,
    STATISTICS_SAMPLES,
    Samples,
    int8_conversion,
    network,
    photographs,
    samples_of,
    with_activation,
)
from benchmarks.measuring import OtherLoad, busy_s, pin
from benchmarks.section import write_section
from deploy.benchmark import describe_machine
from edgeswap.conversion.convert import convert_all
from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.tflite.lower import lower

README = Path(__file__).parent / "README.md"
SIZE = 96
SAMPLES = 500
MOST_RATIO = 1.3
SIDES = ("edgeswap", "bare")


@dataclass
class ImportClock:
    """A `Progress` that notes how long the converter process took to start and to import TensorFlow.

    Its step's next word is that the model is being loaded.
    """

    seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[ImportClock]:
        """Begin anew with each step, of which the one with the converter is the last."""
        del title, total
        self.seconds, self.started = 0.0, time.perf_counter()
        yield self

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Note the time when the import is done."""
        del amount
        if note == "load":
            self.seconds = time.perf_counter() - self.started

    def expect(self, total: float) -> None:
        """Nothing here depends on the total."""

    def warn(self, problem: str, remedy: str) -> None:
        """Nobody is there to read it."""


def edgeswap_s(model: Any, samples: Samples) -> tuple[float, bytes]:
    """Seconds from the Keras model to the lowered int8 `.tflite`, as `edgeswap export` does it, and the file."""
    clock = ImportClock()
    started = time.perf_counter()
    conversion = int8_conversion(canonicalize(read(model)), samples)
    (converted,) = convert_all([conversion], progress=clock)
    data = lower(converted, runtime=RUNTIME)
    seconds = time.perf_counter() - started
    if not clock.seconds:
        raise RuntimeError("Expected the converter process to tell when its import was done; it did not.")
    return seconds - clock.seconds, data


def bare_s(model: Any, samples: Samples) -> tuple[float, bytes]:
    """Seconds that the TFLiteConverter takes for a clone of batch size 1, the clone not counted, and the file."""
    clone = build(canonicalize(read(model)), tf_keras, batch_size=1)
    started = time.perf_counter()
    converter = tf.lite.TFLiteConverter.from_keras_model(clone)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([samples[index : index + 1]] for index in range(len(samples)))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    data = converter.convert()
    return time.perf_counter() - started, data


def once(side: str, activation: str, seed: int) -> dict[str, float]:
    """One measurement, in this process."""
    samples = samples_of(photographs(SAMPLES, SIZE))
    graph = with_activation(network(SIZE, seed), activation, samples[:: SAMPLES // STATISTICS_SAMPLES])
    model = build(graph, tf_keras)
    seconds, data = {"edgeswap": edgeswap_s, "bare": bare_s}[side](model, samples)
    return {"seconds": seconds, "size_bytes": len(data)}


def repeated(activation: str, seed: int, times: int) -> dict[str, list[float]]:
    """Seconds of each side, each measurement in a process of its own, the sides in turn."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for turn in range(times):
        for side in SIDES if turn % 2 == 0 else reversed(SIDES):
            command = [sys.executable, "-m", __spec__.name, "--side", side, "--activations", activation]
            done = subprocess.run([*command, "--seed", str(seed)], stdout=subprocess.PIPE, text=True, check=True)
            answer = json.loads(done.stdout.splitlines()[-1])
            seconds[side].append(answer["seconds"])
            print(f"{activation} {side}: {answer['seconds']:.1f} s, {answer['size_bytes']:,} bytes", flush=True)
    return seconds


def ratio(seconds: Mapping[str, Sequence[float]]) -> float:
    """The median of edgeswap's time by the bare converter's in the same turn."""
    return float(np.median(np.array(seconds["edgeswap"]) / np.array(seconds["bare"])))


def section(
    found: Mapping[str, Mapping[str, Sequence[float]]], command: str, pinned: Sequence[int], others: float
) -> str:
    """The section of benchmarks/README.md."""
    table = [
        "| activation | edgeswap, median | bare converter, median | ratio, median | lowest to highest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for activation, seconds in found.items():
        ratios = np.array(seconds["edgeswap"]) / np.array(seconds["bare"])
        own, bare = (float(np.median(seconds[side])) for side in SIDES)
        spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
        table.append(f"| {activation} | {own:.1f} s | {bare:.1f} s | {ratio(seconds):.2f} | {spread} |")
    missed = [activation for activation, seconds in found.items() if ratio(seconds) > MOST_RATIO]
    verdict = f"Missed with {', '.join(missed)}." if missed else "It holds."
    times = len(next(iter(found.values()))["bare"])
    machine = describe_machine()
    return f"""```sh
{command}
```

MobileNetV2 1.0 at {SIZE}x{SIZE}, PTQ on {SAMPLES} samples, from a tf_keras model in memory to the bytes of the int8
`.tflite`. On edgeswap's side: read, canonicalize, place, calibrate, quantize, convert in its own process, lower. On
the other: `TFLiteConverter.from_keras_model` on a clone of batch size 1, the clone not counted. The start of processes
and the import of TensorFlow are counted on neither side. {times} turns, each measurement in a fresh process; the ratio
is the median over the turns and shall be at most {MOST_RATIO}. {verdict}

{chr(10).join(table)}

CPU: {machine["cpu"]}, {len(busy_s())} cores, both sides pinned to cores {", ".join(map(str, pinned))}, of which other
programs took {others:.1f} meanwhile. TensorFlow {tf.__version__}, {date.today().isoformat()}.
"""  # noqa: DTZ011  (the day on the machine's own calendar)


def main() -> int:
    """Measure, print and write the table; 1 where edgeswap takes longer than it shall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=5, help="measurements of each side")
    parser.add_argument("--activations", default="relu6,hard_swish")
    parser.add_argument("--cores", metavar="N,N", help="which cores to keep to (default: the two idlest)")
    parser.add_argument("--side", choices=SIDES, help="measure this side once and print JSON")
    arguments = parser.parse_args()
    activations = arguments.activations.split(",")
    if arguments.side:
        print(json.dumps(once(arguments.side, activations[0], arguments.seed)))
        return 0
    pinned = pin(arguments.cores, 2)
    load = OtherLoad(pinned)
    found = {activation: repeated(activation, arguments.seed, arguments.times) for activation in activations}
    command = (
        f"python -m benchmarks.conversion_time --seed {arguments.seed} --times {arguments.times} "
        f"--activations {arguments.activations}"
    )
    text = section(found, command, pinned, load.cores())
    print(text)
    write_section(README, "conversion", text)
    return 1 if any(ratio(seconds) > MOST_RATIO for seconds in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
