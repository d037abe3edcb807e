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
from edgeswap.bundle.golden import Array, from_bytes, in_steps, quantize, run, steps_apart
from edgeswap.bundle.manifest import MODEL, input_facts, output_facts
from edgeswap.progress import Progress
from edgeswap.records import Record
from edgeswap.targets.measure import Target

GoldenVector = tuple[list[Array], list[Array]]  # quantized inputs, outputs

# One runtime rounds alike everywhere but where a kernel reads a table that it makes with exp(): the C libraries of two
# processors differ in the last bit of a float. SOFTMAX of many places was seen a step off (x86-64 and Cortex-A76).
OTHER_PROCESSOR_STEPS = 1


class Check(Record):
    """One thing that was looked at; `faults` are sentences, none where it is right."""

    name: str
    about: str
    faults: list[str]


class Verification(Record):
    """What was looked at, in order. What could not be looked at for an earlier fault is not in it."""

    checks: list[Check]
    passed: bool


def verify(bundle: Path, targets: Sequence[Target], *, progress: Progress | None = None) -> Verification:
    """Check the bundle's files against each other, and its golden vectors on each target.

    Args:
        bundle: a bundle.zip; nothing of it is extracted.
        targets: where the model is run.
        progress: told how far a target is.

    Raises:
        VerificationError: it is a zip that no bundle is, see `archive.unpack`.
        TargetError: a target failed.
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
    return _judged(checks)


def _judged(checks: list[Check]) -> Verification:
    return Verification(checks=checks, passed=not any(check.faults for check in checks))


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
    manifest, golden = bundle.manifest, bundle.manifest.golden
    quantized = [np.concatenate([vector[0][index] for vector in vectors]) for index in range(len(manifest.inputs))]
    expected = [np.concatenate([vector[1][index] for vector in vectors]) for index in range(len(manifest.outputs))]
    name = f"golden output on {target.name}"
    ran = run(target, bundle.files[MODEL], manifest.inputs, quantized, progress=progress)
    same = (ran.runtime, ran.version) == (golden.runtime, golden.runtime_version)
    elsewhere = golden.architecture is not None and ran.architecture != golden.architecture
    allowed = (OTHER_PROCESSOR_STEPS if elsewhere else 0) if same else golden.tolerance_steps
    runtime = f"{ran.runtime} {ran.version}"
    shapes, got = [array.shape for array in expected], [array.shape for array in ran.outputs]
    if shapes != got:
        wrong = f"expected outputs of shapes {shapes}, got {got}"
        return Check(name=name, about=runtime, faults=[wrong])
    apart = steps_apart(in_steps(manifest.outputs, ran.outputs), in_steps(manifest.outputs, expected))
    about = f"{runtime}: greatest difference {apart.max()} int8 steps, allowed {allowed}"
    faults = [
        f"golden vector {number}, {output.name}: off by {apart[index, number]} int8 steps, {allowed} are allowed"
        for number in range(len(vectors))
        for index, output in enumerate(manifest.outputs)
        if apart[index, number] > allowed
    ]
    return Check(name=name, about=about, faults=faults)
