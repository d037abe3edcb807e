"""`--method auto` on EfficientNet-Lite0 with its ImageNet weights: PTQ, one scale a weight tensor, rescaled channels.

`python -m benchmarks.budget` needs `EDGESWAP_SHARED`, the folder with the network and the photographs, and some half an
hour. Calibration and test photographs are different ones; no label is used but for the figures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edgeswap
from benchmarks.section import cpu, write_section
from edgeswap.data.class_names import read_names
from edgeswap.data.load import load
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.model.load import load_model
from edgeswap.quantization.channel_groups import channel_groups
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.records import ExportReport
from edgeswap.report.ladder_wording import NAMES

README = Path(__file__).parent / "README.md"
TEST, SEED = 250, 0


def main() -> None:
    """Export the three rows by PTQ and by auto, and write the section."""
    shared = Path(os.environ["EDGESWAP_SHARED"])
    model = load_model(shared / "models" / "efficientnet_lite0.keras")
    labels = shared / "data" / "imagenet_wnids.txt"
    photographs = load(
        str(shared / "data" / "imagenet_500.zip"),
        input_shapes={model.inputs[0].name: tuple(model.inputs[0].shape[1:])},
        classes=1000,
        class_names=read_names(labels, 1000),
        names_from=str(labels),
    )
    order = np.random.default_rng(SEED).permutation(len(photographs))
    test, others = photographs.subset(np.sort(order[:TEST])), photographs.subset(np.sort(order[TEST:]))
    x, y = test.read(np.arange(len(test))), test.classes
    graph = fold_batch_norms(canonicalize(read(model)))
    rows = [
        "| network | method | top-1 | drop, points | agreement | way taken | seconds on the ladder |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    published: dict[str, Any] = {}
    for name, given, settings in (
        ("as published", model, published),
        ("one scale a weight tensor", model, {"weight_scales": "per-tensor"}),
        ("bottlenecks rescaled by exp(N(0, 1))", build(rescaled(graph)), published),
    ):
        for method in ("ptq", "auto"):
            report = edgeswap.export(
                given,
                calibration=others.read(np.arange(len(others))),
                test_data=(x, y),
                preprocess="symmetric",
                method=method,
                max_drop=0.5,
                target_samples=TEST,
                cache=False,
                **settings,
            ).report
            rows.append(_row(name, method, report))
            print(rows[-1], flush=True)
    text = (
        "```sh\nEDGESWAP_SHARED=... python -m benchmarks.budget\n```\n\n"
        f"EfficientNet-Lite0, {TEST} photographs to test, {len(others)} to calibrate and to choose by, without labels; "
        f"budget 0.5 points; {cpu()}.\n\n" + "\n".join(rows)
    )
    write_section(README, "budget", text)


def rescaled(graph: Graph) -> Graph:
    """The same function with the channels of each linear bottleneck multiplied, and divided where they are read."""
    random = np.random.default_rng(SEED)
    return multiplied(graph, lambda channels: np.exp(random.normal(size=channels)).astype(np.float32))


def multiplied(graph: Graph, factors: Callable[[int], npt.NDArray[np.float32]]) -> Graph:
    """The same function with the channels of each linear bottleneck times `factors`, and divided where they are read.

    Args:
        graph: with batch normalizations folded.
        factors: from a number of channels to a factor for each, (channels,).
    """
    layers = dict(graph.layers)
    for group in channel_groups(graph):
        factor = factors(group.channels)
        for name in group.writers:
            kernel, bias = layers[name].weights
            layers[name] = replace(layers[name], weights=(kernel * factor, bias * factor))
        for name in group.readers:
            kernel, bias = layers[name].weights
            layers[name] = replace(layers[name], weights=(kernel / factor[:, None], bias))
    return graph.with_layers(layers)


def _row(name: str, method: str, report: ExportReport) -> str:
    quality: Any = report.int8.quality
    taken = next((NAMES[rung.rung] for rung in report.ladder if rung.taken), "PTQ")
    seconds = f"{sum(rung.seconds for rung in report.ladder):.0f}" if report.ladder else ""
    found: Any = report.comparison
    return (
        f"| {name} | {method} | {100 * quality.value:.1f} % | {found.drop:.2f} | {100 * found.agreement:.1f} % "
        f"| {taken} | {seconds} |"
    )


if __name__ == "__main__":
    main()
