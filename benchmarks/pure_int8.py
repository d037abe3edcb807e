"""Every bounded activation in int8: top-1 of PTQ and QAT beside a float network that had the same training.

Three networks, seven activations, three seeds, on photographs. Each network is a cell with a file of its own, so that a
run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.pure_int8_cells import (
    CALIBRATION_SAMPLES,
    ORIGINAL_EPOCHS,
    QAT,
    RECOVERY,
    TRAINED_ON,
    Made,
    NetworkName,
    Row,
    data,
    given,
    make,
    original,
)
from benchmarks.pure_int8_section import Result, section
from benchmarks.section import write_section

NETWORKS: tuple[NetworkName, ...] = ("MobileNetV2", "ResNet8", "EfficientNet")
METHODS = ("ptq", "qat")
ACTIVATIONS = (
    "relu6",
    "relu_n(max_value=4)",
    "clipped_elu",
    "hard_swish",
    "hard_swish(max_value=6)",
    "pact",
    "swish",
)
SEEDS = (0, 1, 2)


def run(cache_folder: Path, processes: int) -> dict[Row, Made]:
    """Make what the cache does not hold, `processes` rows at a time, each on one thread."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"  # read as a worker starts
    rows = [Row(network, activation, seed) for seed in SEEDS for network in NETWORKS for activation in ACTIVATIONS]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        originals = {seed: [pool.submit(_start, network, seed, cache_folder) for network in NETWORKS] for seed in SEEDS}
        waiting: dict[Row, Future[Made]] = {}
        for seed, futures in originals.items():
            for future in futures:
                future.result()
            waiting |= {row: pool.submit(make, row, cache_folder) for row in rows if row.seed == seed}
        return {row: future.result() for row, future in waiting.items()}


def _start(name: NetworkName, seed: int, cache_folder: Path) -> None:
    original(name, seed, cache_folder)


def results(made: Mapping[Row, Made], cache_folder: Path) -> list[Result]:
    """The rows of the table: one for each network, activation and method, of all seeds."""
    return [
        _result(network, activation, method, made, cache_folder)
        for network in NETWORKS
        for activation in ACTIVATIONS
        for method in METHODS
    ]


def _result(network: NetworkName, activation: str, method: str, made: Mapping[Row, Made], cache_folder: Path) -> Result:
    cells = [made[Row(network, activation, seed)] for seed in SEEDS]
    return Result(
        network,
        activation,
        method,
        float32=[given(network, seed, cache_folder)["classes"] for seed in SEEDS],
        control=[(one.recovered if method == "ptq" else one.control)["classes"] for one in cells],
        int8=[one.int8[f"{method}_classes"] for one in cells],
        float_tensors=sum(int(one.int8[f"{method}_float_tensors"]) for one in cells),
        int8_ends=all(bool(one.int8[f"{method}_int8_ends"]) for one in cells),
    )


def _how() -> str:
    return f"""ResNet8 is MLPerf Tiny's, as published, with ReLU. The MobileNetV2 of five inverted residuals and the
        network in the manner of EfficientNetB0 (five inverted residuals with gates) were trained with swish for
        {ORIGINAL_EPOCHS} epochs on {len(data().train):,} images, see `benchmarks/cifar.py`, from each seed. Every
        activation that differs was swapped, and the network trained back for {RECOVERY.epochs} epoch on
        {TRAINED_ON:,} images by labels and by the network as it was given; QAT and its control went on for
        {QAT.epochs} epoch on the same images. Ranges were observed on {CALIBRATION_SAMPLES} of them. These are small
        trainings, so that all cells take hours and not days: compare the figures of a row with each other, not with
        what such networks reach at best."""


def main() -> int:
    """Make all cells and write the section; 1 where it misses what it must show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".cache/pure_int8"), help="where the cells are kept")
    parser.add_argument("--processes", type=int, default=2, help="rows at a time, one thread each")
    arguments = parser.parse_args()
    labels = data().figures.classes
    assert labels is not None
    made = run(arguments.cache, arguments.processes)
    text, missed = section(results(made, arguments.cache), labels, _how())
    write_section(Path(__file__).with_name("README.md"), "pure-int8", text)
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
