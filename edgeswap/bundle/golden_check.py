"""How far a target is from the golden outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeswap.bundle.consistency import Opened
from edgeswap.bundle.golden import Array, in_steps, run, steps_apart
from edgeswap.bundle.manifest import MODEL
from edgeswap.progress import Progress
from edgeswap.targets.measure import Target

GoldenVector = tuple[list[Array], list[Array]]  # quantized inputs, outputs

# One runtime rounds alike everywhere but where a kernel reads a table that it makes with exp(): the C libraries of two
# processors differ in the last bit of a float. SOFTMAX of many places was seen a step off (x86-64 and Cortex-A76).
OTHER_PROCESSOR_STEPS = 1


@dataclass(frozen=True)
class Judged:
    """What a target gave for the golden inputs.

    Attributes:
        runtime: its name and version.
        max_steps: the largest difference of an output value, in int8 steps; None where the outputs have other shapes.
        allowed_steps: how large it may be.
        faults: a sentence for each output that is off by more.
    """

    runtime: str
    max_steps: int | None
    allowed_steps: int
    faults: list[str]


def judge(bundle: Opened, vectors: list[GoldenVector], target: Target, *, progress: Progress | None = None) -> Judged:
    """Run the golden vectors on `target` and hold its outputs against theirs.

    Raises:
        TargetError: the target failed.
    """
    manifest, golden = bundle.manifest, bundle.manifest.golden
    quantized = [np.concatenate([vector[0][index] for vector in vectors]) for index in range(len(manifest.inputs))]
    expected = [np.concatenate([vector[1][index] for vector in vectors]) for index in range(len(manifest.outputs))]
    ran = run(target, bundle.files[MODEL], manifest.inputs, quantized, progress=progress)
    same = (ran.runtime, ran.version) == (golden.runtime, golden.runtime_version)
    elsewhere = golden.architecture is not None and ran.architecture != golden.architecture
    allowed = (OTHER_PROCESSOR_STEPS if elsewhere else 0) if same else golden.tolerance_steps
    runtime = f"{ran.runtime} {ran.version}"
    shapes, got = [array.shape for array in expected], [array.shape for array in ran.outputs]
    if shapes != got:
        return Judged(runtime, None, allowed, [f"expected outputs of shapes {shapes}, got {got}"])
    apart = steps_apart(in_steps(manifest.outputs, ran.outputs), in_steps(manifest.outputs, expected))
    faults = [
        f"golden vector {number}, {output.name}: off by {apart[index, number]} int8 steps, {allowed} are allowed"
        for number in range(len(vectors))
        for index, output in enumerate(manifest.outputs)
        if apart[index, number] > allowed
    ]
    return Judged(runtime, int(apart.max()), allowed, faults)
