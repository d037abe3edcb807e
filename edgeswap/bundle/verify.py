"""Is a bundle whole, do its files agree, and does its model give the golden outputs on a target?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeswap.bundle.apps.facts import golden_files
from edgeswap.bundle.archive import unpack
from edgeswap.bundle.consistency import (
    Opened,
    code_faults,
    file_faults,
    label_faults,
    list_faults,
    metadata_faults,
    model_faults,
    open_bundle,
)
from edgeswap.bundle.drift import Drift, drift
from edgeswap.bundle.golden import Array, from_bytes, quantize
from edgeswap.bundle.golden_check import GoldenVector, judge
from edgeswap.bundle.manifest import input_facts, output_facts
from edgeswap.progress import Progress
from edgeswap.records import Record
from edgeswap.targets.measure import Target
from edgeswap.targets.other_runtime import RuntimeVersion


class Check(Record):
    """One thing that was looked at; `faults` are sentences, none where it is right."""

    name: str
    about: str
    faults: list[str]


class Verification(Record):
    """What was looked at, in order. What could not be looked at for an earlier fault is not in it.

    Attributes:
        checks: of the files, and of each target.
        runtimes: what each other runtime version made of the golden vectors.
        passed: nothing is wrong.
    """

    checks: list[Check]
    runtimes: list[Drift]
    passed: bool


def verify(
    bundle: Path,
    targets: Sequence[Target],
    runtimes: Sequence[RuntimeVersion] = (),
    *,
    progress: Progress | None = None,
) -> Verification:
    """Check the bundle's files against each other, and its golden vectors on each target.

    Args:
        bundle: a bundle.zip; nothing of it is extracted.
        targets: where the model is run.
        runtimes: under which other versions it is run on this machine.
        progress: told how far a target is.

    Raises:
        VerificationError: it is a zip that no bundle is, see `archive.unpack`.
        TargetError: a target failed. That a runtime version cannot be installed stands in the findings.
        OutputError: the folder of a runtime version cannot be written.
    """
    archive = unpack(bundle)
    checks = [Check(name="files", about="each is what SHA256SUMS says", faults=file_faults(archive))]
    opened, fault = open_bundle(archive)
    if opened is None:
        return _judged([*checks, Check(name="model.json", about="it can be read", faults=[fault])])
    checks += [
        Check(name="model.json", about="it lists each file, with its hash", faults=list_faults(opened)),
        Check(name="model", about="its tensors and operators are those of model.json", faults=model_faults(opened)),
        Check(name="metadata", about="the model's own metadata say the same", faults=metadata_faults(opened)),
        Check(
            name="labels",
            about="none" if opened.manifest.labels is None else "one for each class",
            faults=label_faults(opened),
        ),
        Check(name="app code", about="it is for this model", faults=code_faults(opened)),
    ]
    vectors, faults = _vectors(opened)
    checks.append(Check(name="golden input", about="the preprocessing gives the quantized values", faults=faults))
    # A model that is not the one that was packed is not run.
    if vectors is not None and not any(check.faults for check in checks):
        for target in targets:
            checks.append(_golden_check(opened, vectors, target, progress))
        drifts = [drift(opened, vectors, runtime, progress=progress) for runtime in runtimes]
        return _judged(checks, drifts)
    return _judged(checks)


def _judged(checks: list[Check], runtimes: Sequence[Drift] = ()) -> Verification:
    passed = not any(check.faults for check in checks) and all(found.problem is None for found in runtimes)
    return Verification(checks=checks, runtimes=list(runtimes), passed=passed)


def _vectors(bundle: Opened) -> tuple[list[GoldenVector] | None, list[str]]:
    """The golden vectors and what is wrong with them; None where they cannot be run."""
    manifest, faults, found = bundle.manifest, [], []
    facts = [input_facts(tensor) for tensor in manifest.inputs], [output_facts(tensor) for tensor in manifest.outputs]
    inputs = [tensor.shape for tensor in manifest.inputs]
    shapes = [*inputs, *inputs, *(tensor.shape for tensor in manifest.outputs)]
    for number, vector in enumerate(manifest.golden.vectors):
        names = golden_files(number, *facts)
        paths = [*names.inputs, *names.quantized, *names.outputs]
        if [*vector.inputs, *vector.quantized, *vector.outputs] != paths:
            return None, [f"golden vector {number}: expected the files {', '.join(paths)}"]
        arrays: list[Array] = []
        for path, shape in zip(paths, shapes, strict=True):
            array = from_bytes(path, bundle.files[path], shape) if path in bundle.files else None
            if array is None:
                return None, [f"{path}: not there, or not of the tensor's size {shape}"]
            arrays.append(array)
        count = len(inputs)
        held, quantized, outputs = arrays[:count], arrays[count : 2 * count], arrays[2 * count :]
        for tensor, sample, expected in zip(manifest.inputs, held, quantized, strict=True):
            if wrong := int(np.count_nonzero(quantize(tensor, sample) != expected)):
                faults.append(f"golden vector {number}, {tensor.name}: {wrong} quantized values are others")
        found.append((quantized, outputs))
    return found, faults


def _golden_check(bundle: Opened, vectors: list[GoldenVector], target: Target, progress: Progress | None) -> Check:
    judged = judge(bundle, vectors, target, progress=progress)
    about = judged.runtime
    if judged.max_steps is not None:
        about += f": greatest difference {judged.max_steps} int8 steps, allowed {judged.allowed_steps}"
    return Check(name=f"golden output on {target.name}", about=about, faults=judged.faults)
