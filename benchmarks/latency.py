"""What an activation costs in int8: MobileNetV2 1.0 at 224x224, one network with several, timed side by side.

The weights are random and shared; the batch-normalization statistics are those of photographs, for without them the
activations shrink to nothing, scales leave the range that XNNPACK takes, and every figure is wrong. The photographs are
CIFAR-10's training images (see `benchmarks.cifar` for where they are read), enlarged.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.measuring import pin
from benchmarks.section import write_section
from edgeswap.activations.catalog import parse
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.data.load import Dataset, load
from edgeswap.data.preprocess import from_name
from edgeswap.frameworks import keras, tf_keras
from edgeswap.graph.build import build, with_weights_of
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.graph.swap import swap
from edgeswap.model.zoo import mobilenet_v2
from edgeswap.progress import Silent
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.targets.host import Host
from edgeswap.tflite.flatbuffer import changed, operator_name
from edgeswap.tflite.flatbuffer import read as flatbuffer_read
from edgeswap.tflite.full_integer import require_full_integer
from edgeswap.tflite.lower import lower
from edgeswap.tflite.rewriting import Draft, rewrite

README = Path(__file__).parent / "README.md"
SIZE = 224
CALIBRATION_SAMPLES = 100
STATISTICS_SAMPLES = 32
PREPROCESS = from_name("unit")
RUNTIME = "ai-edge-litert"
MOST_TIMES_RELU6 = 1.15
REFERENCE = "int8 relu6"
FLOAT32 = "float32 relu6"
AS_CONVERTED = "int8 hard_swish, as converted"
ONE_PASS = "int8 swish, its LOGISTIC taken out"
NO_PASS = "int8 swish, LOGISTIC and MUL taken out"
INT8 = {"relu6": REFERENCE, **{name: f"int8 {name}" for name in ("clipped_elu", "hard_swish", "swish")}}
HELD = tuple(INT8[name] for name in ("clipped_elu", "hard_swish", "swish"))

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """One model of the run.

    Attributes:
        name: what it is.
        p50_ms: median of all its runs.
        added_ms: that, less the reference's.
        ratio: median over the blocks of its median divided by the reference's in the same block.
        spread: lowest and highest of those ratios.
        ratio_p10: of the tenth percentiles of all runs, which other programs disturb less than medians.
        operators: how many it has.
        taken: how many of them XNNPACK runs.
        partitions: in how many pieces.
    """

    name: str
    p50_ms: float
    added_ms: float
    ratio: float
    spread: tuple[float, float]
    ratio_p10: float
    operators: int
    taken: int
    partitions: int

    def missed(self) -> str | None:
        """What it should have shown, by medians and by tenth percentiles, and did not."""
        most = max(self.ratio, self.ratio_p10)
        if self.name not in HELD or most <= MOST_TIMES_RELU6:
            return None
        return f"{self.name}: {most:.2f} times {REFERENCE}, at most {MOST_TIMES_RELU6}"


def photographs(count: int, size: int) -> Dataset:
    """`count` photographs with their labels, evenly over the classes: uint8 (count, size, size, 3).

    Raises:
        DataError: they are not where EDGESWAP_SHARED says.
    """
    file = Path(os.environ.get("EDGESWAP_SHARED", "../shared")) / "data" / "cifar10_train.zip"
    dataset = load(file, input_shapes={"image": (size, size, 3)})
    return dataset.subset(np.arange(count) * len(dataset) // count)


def samples_of(dataset: Dataset) -> Samples:
    """All of it as the networks here take it: float32 in 0..1."""
    return np.asarray(PREPROCESS(dataset.read(np.arange(len(dataset)))))


def network(size: int, seed: int, **options: Any) -> Graph:
    """MobileNetV2 with relu6 and random weights; the next batch it sees in training sets its statistics.

    Args:
        size: height and width of its images.
        seed: of its weights.
        **options: of `edgeswap.model.zoo.mobilenet_v2.build`.
    """
    keras.utils.set_random_seed(seed)
    return canonicalize(read(mobilenet_v2.build((size, size, 3), momentum=0.0, **options)))


def with_activation(graph: Graph, activation: str, samples: Samples) -> Graph:
    """`graph` with another activation and the batch-normalization statistics that `samples` then have in it."""
    swapped = swap(graph, parse(activation)).graph
    model = build(swapped, keras)
    model(samples, training=True)
    return with_weights_of(swapped, model)


def int8_conversion(graph: Graph, samples: Samples) -> Conversion:
    """What `edgeswap.commands.export` hands to the converter for PTQ."""
    placement = place(graph, input_ranges={graph.inputs[0].node: (0.0, 1.0)})
    model = quantize(placement, resolve(placement, calibrate(placement, [samples])))
    return Conversion(model, "int8", [samples if placement.needs_samples else samples[:1]])


def models(size: int, seed: int) -> dict[str, bytes]:
    """The `.tflite` of each row; every int8 one is full-integer."""
    samples = samples_of(photographs(CALIBRATION_SAMPLES, size))
    relu6 = network(size, seed)
    graphs = {kind: with_activation(relu6, kind, samples[:: len(samples) // STATISTICS_SAMPLES]) for kind in INT8}
    conversions = {INT8[kind]: int8_conversion(graph, samples) for kind, graph in graphs.items()}
    conversions[FLOAT32] = Conversion(build(graphs["relu6"], tf_keras), "float32")
    converted = dict(zip(conversions, convert_all(list(conversions.values())), strict=True))
    found = {name: lower(converted[name], runtime=RUNTIME) for name in INT8.values()}
    found[AS_CONVERTED] = lower(converted[INT8["hard_swish"]], runtime=RUNTIME, hard_swish="operator")
    for data in found.values():
        require_full_integer(data)
    profile = {
        ONE_PASS: without(found[INT8["swish"]], ["LOGISTIC"]),
        NO_PASS: without(found[INT8["swish"]], ["LOGISTIC", "MUL"]),
    }
    return {**found, FLOAT32: converted[FLOAT32], **profile}


def without(data: bytes, kinds: Sequence[str]) -> bytes:
    """`data` with what reads an operator of `kinds` reading that one's first input instead: a profile, no model.

    The Python interpreters have no profiler; what an operator costs is what a model without it takes less.
    """

    def bypassed(model: Any) -> Any:
        draft = Draft(model)
        (subgraph,) = draft.subgraphs
        instead: dict[int, int] = {}
        kept = []
        for operator in subgraph.operators:
            first = int(operator.inputs[0])
            if operator_name(model.operatorCodes[operator.opcodeIndex]) in kinds:
                instead[int(operator.outputs[0])] = instead.get(first, first)
            else:
                inputs = [instead.get(int(index), int(index)) for index in operator.inputs]
                kept.append(changed(operator, inputs=inputs))
        subgraph.operators = kept
        return draft.model

    return rewrite(data, bypassed)


def values_written(data: bytes, kind: str) -> int:
    """How many values the operators of `kind` write in an inference."""
    model = flatbuffer_read(data)
    (subgraph,) = model.subgraphs
    outputs = [
        subgraph.tensors[operator.outputs[0]]
        for operator in subgraph.operators
        if operator_name(model.operatorCodes[operator.opcodeIndex]) == kind
    ]
    return sum(int(np.prod(tensor.shape)) for tensor in outputs)


def measured(found: Mapping[str, bytes], runs: int) -> dict[str, Any]:
    """The answer of one run of the device script over all models, one thread."""
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as folder:
        files = {f"{index}.tflite": Path(folder) / f"{index}.tflite" for index in range(len(found))}
        for file, data in zip(files.values(), found.values(), strict=True):
            file.write_bytes(data)
        return Host().run(files, [*files, "--threads", "1", "--runs", str(runs), "--no-load"], progress=Silent())


def rows(names: Sequence[str], answer: Mapping[str, Any]) -> list[Row]:
    """The script's answer as rows, in the order of `names`; one of them is the reference.

    The blocks of the models take turns, so that a ratio within a block has less of the machine's drift than one of
    medians over the whole run.
    """
    medians = [[float(np.median(block)) for block in model["latency_ms"]["blocks"]] for model in answer["models"]]
    p10_ms = [float(np.percentile(np.concatenate(model["latency_ms"]["blocks"]), 10)) for model in answer["models"]]
    which = list(names).index(REFERENCE)
    reference, reference_p50_ms = np.array(medians[which]), answer["models"][which]["latency_ms"]["p50"]
    found = []
    for name, model, own, low in zip(names, answer["models"], medians, p10_ms, strict=True):
        ratios = np.array(own) / reference
        xnnpack = [entry for entry in model["delegates"] if entry["name"] == "xnnpack"]
        found.append(
            Row(
                name,
                model["latency_ms"]["p50"],
                model["latency_ms"]["p50"] - reference_p50_ms,
                float(np.median(ratios)),
                (float(ratios.min()), float(ratios.max())),
                low / p10_ms[which],
                sum(model["operators"].values()),
                sum(entry["operators"] for entry in xnnpack),
                sum(entry["partitions"] for entry in xnnpack),
            )
        )
    return found


def section(found: Sequence[Row], answer: Mapping[str, Any], values: int, command: str, pinned: Sequence[int]) -> str:
    """The section of benchmarks/README.md; `values` is how many the activations write in an inference."""
    table = [
        "| model | p50 | to int8 relu6 | times int8 relu6 | from to | by p10 | operators in XNNPACK | partitions |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.name} | {row.p50_ms:.2f} ms | {row.added_ms:+.2f} ms | {row.ratio:.2f} "
            f"| {row.spread[0]:.2f} to {row.spread[1]:.2f} | {row.ratio_p10:.2f} "
            f"| {row.taken} of {row.operators} | {row.partitions} |"
            for row in found
        ),
    ]
    missed = [text for row in found if (text := row.missed())]
    verdict = f"Missed: {'; '.join(missed)}." if missed else "All three hold."
    machine, first = answer["machine"], answer["models"][0]["latency_ms"]
    return f"""```sh
{command}
```

MobileNetV2 1.0 at {SIZE}x{SIZE}, one network of random weights with each activation in turn and the
batch-normalization statistics of {STATISTICS_SAMPLES} photographs; PTQ by edgeswap's own stages on
{CALIBRATION_SAMPLES}. All models in one run of `deploy/benchmark.py`, one thread, {first["runs"]} runs each in
{len(first["blocks"])} blocks that take turns. The ratio is the median over the blocks of the model's median by that of
int8 relu6 in the same block, beside its lowest and highest. `by p10` is that of the tenth percentiles of all runs,
which other programs disturb less: where the two differ the machine was busy. `as converted` keeps the converter's
HARD_SWISH operators; plain int8 hard_swish is what `edgeswap export` ships. int8 clipped_elu, hard_swish and swish
shall take at most {MOST_TIMES_RELU6} times what relu6 takes, by both ratios. {verdict}

relu6 costs nothing: the convolution clamps as it writes. Every other activation is a pass of its own over the
{values / 1e6:.1f} million values that the convolutions write, and it is the pass that costs, not the function: a lone
MUL in its place (the last row but one) costs about as much, and a network without any activation what relu6 costs (the
last row; neither is a model of anything). So what an activation adds is milliseconds, and the ratio depends on how fast
this CPU is at int8 convolutions.

{chr(10).join(table)}

CPU: {machine["cpu"]}, {os.cpu_count()} cores, the run pinned to core {", ".join(map(str, pinned))}. Other programs kept
{answer["other_load_cores"]:.1f} cores busy meanwhile. {answer["runtime"]["name"]} {answer["runtime"]["version"]},
{answer["created"][:10]}.
"""


def main() -> int:
    """Convert and time all models, print and write the table; 1 where one takes longer than it shall."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=300, help="timed runs of each model")
    parser.add_argument("--core", help="which core to time on (default: the idlest)")
    arguments = parser.parse_args()
    found = models(SIZE, arguments.seed)
    pinned = pin(arguments.core, 1)
    answer = measured(found, arguments.runs)
    table = rows(list(found), answer)
    command = f"python -m benchmarks.latency --seed {arguments.seed} --runs {arguments.runs}"
    text = section(table, answer, values_written(found[INT8["swish"]], "LOGISTIC"), command, pinned)
    print(text)
    write_section(README, "latency", text)
    return 1 if any(row.missed() for row in table) else 0


if __name__ == "__main__":
    sys.exit(main())
