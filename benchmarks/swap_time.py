"""How long a swap takes: `edgeswap.swap_activations` on large networks of both frameworks, loading not counted."""

from __future__ import annotations

import time
from pathlib import Path

import edgeswap
from benchmarks.section import write_section
from edgeswap.frameworks import keras, tf_keras

README = Path(__file__).parent / "README.md"
NETWORKS = ("EfficientNetB0", "MobileNetV3Large", "ResNet101")


def main() -> None:
    """Time each network once, after a first small swap that loads what is loaded once, and write the section."""
    rows = [
        "| network | framework | layers | swapped | stayed | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for framework in (keras, tf_keras):
        first = [framework.Input((4,)), framework.layers.Dense(2, "relu"), framework.layers.Dense(2)]
        edgeswap.swap_activations(framework.Sequential(first), "relu6")
        for network in NETWORKS:
            model = getattr(framework.applications, network)(weights=None)
            started = time.perf_counter()
            result = edgeswap.swap_activations(model, "hard_swish")
            seconds = time.perf_counter() - started
            counts = f"{len(model.layers)} | {len(result.swapped)} | {len(result.skipped)}"
            rows.append(f"| {network} | {framework.__name__} | {counts} | {seconds:.1f} |")
    table = "\n".join(rows)
    print(table)
    text = (
        "```sh\npython -m benchmarks.swap_time\n```\n\n"
        "`edgeswap.swap_activations(model, 'hard_swish')`: from a model in memory to a new one with its weights. What\n"
        "stayed is the output activation and the gates of squeeze-and-excite blocks.\n\n" + table
    )
    write_section(README, "swap-time", text)


if __name__ == "__main__":
    main()
