"""What a step of QAT takes beside a step of the float32 network, and beside one of tfmot's own `quantize_model`.

The same network, batch and training loop (`edgeswap.training.fit.train`) for all three, which take turns. Counted is
the time of all cores, step by step, without those that trace the network.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.latency import network, photographs, samples_of, with_activation
from benchmarks.measuring import OtherLoad, busy_s, pin
from benchmarks.section import write_section
from deploy.benchmark import describe_machine
from edgeswap.frameworks import tf_keras, tfmot
from edgeswap.graph.build import build
from edgeswap.progress import Silent
from edgeswap.quantization.fitted import Fitting
from edgeswap.quantization.qat import quantize
from edgeswap.training.fit import train

README = Path(__file__).parent / "README.md"
SIZE, BATCH_SIZE = 64, 32
STEPS, TRACED = 12, 3
MOST = {"relu6": 1.12, "swish": 1.2}
SIDES = ("float32", "edgeswap", "tfmot")


class StepClock:
    """A `Progress` that notes the processor time of each step of a training."""

    def __init__(self) -> None:
        self.at: list[float] = []

    @contextmanager
    def step(self, title: str, total: float | None = None) -> Iterator[StepClock]:
        """The training is its only step."""
        del title, total
        yield self

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Note the time."""
        del amount, note
        self.at.append(time.process_time())

    def expect(self, total: float) -> None:
        """Nothing here depends on the total."""

    def warn(self, problem: str, remedy: str) -> None:
        """Nobody is there to read it."""

    def seconds(self) -> list[float]:
        """Of each step, without those that trace."""
        return [after - before for before, after in pairwise(self.at)][TRACED:]


def models(activation: str, seed: int) -> dict[str, Any]:
    """The network in float32, with edgeswap's fake-quants and, where tfmot takes it, with tfmot's own."""
    given = samples_of(photographs(BATCH_SIZE, SIZE))
    graph = with_activation(network(SIZE, seed, classes=10), activation, given)
    fitting = Fitting(
        graph,
        [given],
        {graph.inputs[0].node: (0.0, 1.0)},
        "auto",
        per_channel=True,
        per_channel_dense=True,
        progress=Silent(),
    )
    fitted = fitting.ptq(trains=True)
    found = {"float32": build(graph, tf_keras), "edgeswap": quantize(fitted.placement, fitted.ranges)}
    try:
        found["tfmot"] = tfmot.quantization.keras.quantize_model(build(graph, tf_keras))
    except (ValueError, RuntimeError) as error:
        print(f"tfmot refuses {activation}: {' '.join(str(error).split())[:200]}")
    return found


def measured(activation: str, seed: int, times: int) -> dict[str, list[float]]:
    """Seconds of processor time of the steps of each side, turn by turn."""
    sides = models(activation, seed)
    images = samples_of(photographs(BATCH_SIZE * STEPS, SIZE))
    labels = np.arange(len(images), dtype=np.int64) % 10

    def read(indices: npt.NDArray[np.int64]) -> Sequence[npt.NDArray[np.float32]]:
        return [images[indices]]

    found: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(times):
        for side in list(sides)[:: 1 if turn % 2 == 0 else -1]:
            clock = StepClock()
            with tfmot.quantization.keras.quantize_scope():
                train(
                    sides[side],
                    read=read,
                    count=len(images),
                    labels=labels,
                    epochs=1,
                    learning_rate=1e-4,
                    seed=seed,
                    batch_size=BATCH_SIZE,
                    progress=clock,
                )
            found[side].append(float(np.median(clock.seconds())))
            print(f"{activation}, {side}: {found[side][-1] * 1e3:.0f} ms a step", flush=True)
    return found


def ratios(found: Mapping[str, Sequence[float]], side: str) -> npt.NDArray[np.float64]:
    """The side's step by that of float32 in the same turn."""
    return np.divide(found[side], found["float32"], dtype=np.float64)


def section(
    found: Mapping[str, Mapping[str, Sequence[float]]], command: str, pinned: Sequence[int], others: float
) -> str:
    """The section of benchmarks/README.md."""
    table = [
        "| activation | float32 step | edgeswap | tfmot | shall be at most |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    missed = []
    for activation, sides in found.items():
        cells = [f"{np.median(sides['float32']) * 1e3:.0f} ms"]
        for side in SIDES[1:]:
            each = ratios(sides, side) if side in sides else None
            told = "refused" if each is None else f"{np.median(each):.2f} ({each.min():.2f} to {each.max():.2f})"
            cells.append(told)
        missed += [activation] if np.median(ratios(sides, "edgeswap")) > MOST[activation] else []
        table.append(f"| {' | '.join([activation, *cells, f'{MOST[activation]:.2f}'])} |")
    verdict = f"Missed with {', '.join(missed)}." if missed else "All hold."
    count, steps = len(next(iter(found.values()))["float32"]), STEPS - 1 - TRACED
    turns = f"{count} turn{'s' if count > 1 else ''}"
    return f"""```sh
{command}
```

A step of QAT by that of the float32 network, in processor time of all cores: MobileNetV2 at {SIZE}x{SIZE}, batches of
{BATCH_SIZE}, batch normalization frozen, the same loop for all. Medians over {turns} of {steps} steps, and the
least and the most. {verdict}

{chr(10).join(table)}

CPU: {describe_machine()["cpu"]}, {len(busy_s())} cores, all pinned to cores {", ".join(map(str, pinned))}, of which
other programs took {others:.1f} meanwhile. {date.today().isoformat()}.
"""  # noqa: DTZ011  (the day on the machine's own calendar)


def main() -> int:
    """Measure, print and write the table; 1 where a step takes longer than it shall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", type=int, default=3, help="turns")
    parser.add_argument("--cores", metavar="N,N", help="which cores to keep to (default: the two idlest)")
    parser.add_argument("--no-section", action="store_true", help="print the table and leave the README as it is")
    arguments = parser.parse_args()
    pinned = pin(arguments.cores, 2)
    load = OtherLoad(pinned)
    found = {activation: measured(activation, arguments.seed, arguments.times) for activation in MOST}
    command = f"python -m benchmarks.qat_step --seed {arguments.seed} --times {arguments.times}"
    text = section(found, command, pinned, load.cores())
    print(text)
    if not arguments.no_section:
        write_section(README, "qat-step", text)
    fast = all(np.median(ratios(found[name], "edgeswap")) <= most for name, most in MOST.items())
    return 0 if fast else 1


if __name__ == "__main__":
    sys.exit(main())
