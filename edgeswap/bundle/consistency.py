"""Do the files of a bundle agree with each other? Each function says in sentences what is wrong; no model is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeswap.bundle import describe
from edgeswap.bundle.archive import Archive
from edgeswap.bundle.holds import shown_by
from edgeswap.bundle.manifest import LABELS, MANIFEST, MODEL, SUMS, Manifest, app_facts, from_json, input_facts
from edgeswap.errors import ModelError
from edgeswap.tflite.flatbuffer import read
from edgeswap.tflite.metadata import read_attached
from edgeswap.tflite.runtime_version import minimum_runtime
from edgeswap.tflite.runtime_version import text as version_text
from edgeswap.tflite.state import keeps_state

NEEDED = (MODEL, MANIFEST, SUMS)
LANGUAGES = ("android", "cpp", "ios", "python")


@dataclass(frozen=True)
class Opened:
    """A bundle that can be read through."""

    files: Mapping[str, bytes]
    manifest: Manifest
    model: Any


def file_faults(archive: Archive) -> list[str]:
    """What is damaged, missing, unknown or changed by `SHA256SUMS`."""
    faults = [f"{name}: its bytes differ from those that the zip was made from" for name in archive.damaged]
    there = {*archive.files, *archive.damaged}
    faults += [f"{name}: missing" for name in NEEDED if name not in there]
    if SUMS not in archive.files:
        return faults
    said = {}
    for line in archive.files[SUMS].decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        said[name] = digest
    for name in sorted(there - {SUMS} | set(said)):
        if name not in there:
            faults += [f"{name}: missing"] if name not in NEEDED else []
        elif name not in said:
            faults.append(f"{name}: not in {SUMS}")
        elif name in archive.files and sha256(archive.files[name]) != said[name]:
            faults.append(f"{name}: changed: expected SHA-256 {said[name]}, got {sha256(archive.files[name])}")
    return faults


def open_bundle(archive: Archive) -> tuple[Opened | None, str]:
    """The bundle, where it can be read through; else what stands against it."""
    for name in (MANIFEST, MODEL):
        if name not in archive.files:
            return None, f"{name}: not there, or damaged"
    try:
        opened = Opened(archive.files, from_json(archive.files[MANIFEST]), read(archive.files[MODEL]))
        app_facts(opened.manifest, sha256(opened.files[MODEL]))  # refuses what does not fit together
    except ModelError as error:
        return None, error.problem
    return opened, ""


def list_faults(bundle: Opened) -> list[str]:
    """Where the list of files in `model.json` is not what is there."""
    listed, files = bundle.manifest.files, bundle.files
    there = set(files) - {MANIFEST, SUMS}
    faults = [f"{name}: not in {MANIFEST}" for name in sorted(there - set(listed))]
    faults += [f"{name}: {MANIFEST} names it, but the bundle lacks it" for name in sorted(set(listed) - there)]
    changed = [name for name in sorted(there & set(listed)) if sha256(files[name]) != listed[name]]
    return faults + [f"{name}: differs from {MANIFEST}" for name in changed]


def model_faults(bundle: Opened) -> list[str]:
    """Where the model has other tensors, operators or versions than `model.json` says."""
    manifest, model = bundle.manifest, bundle.model
    facts = [input_facts(tensor) for tensor in manifest.inputs]
    steps = [given.pixels for given in facts]
    normalizations = {given.name: given.normalization for given in facts if given.normalization is not None}
    if len(steps) != len(describe.input_tensors(model)):
        return [f"expected {len(steps)} inputs, the model has {len(describe.input_tensors(model))}"]
    if len(manifest.outputs) != len(model.subgraphs[0].outputs):
        return [f"expected {len(manifest.outputs)} outputs, the model has {len(model.subgraphs[0].outputs)}"]
    shown, layers = shown_by(manifest.outputs[0]), [tensor.layer for tensor in manifest.outputs]
    version = minimum_runtime(model)
    try:
        found: list[tuple[str, Any, Any]] = [
            ("inputs", manifest.inputs, describe.inputs(model, steps, normalizations)),
            ("outputs", manifest.outputs, describe.outputs(model, shown, layers)),
            ("operators", manifest.operators, describe.operators(model)),
            ("keeps_state", manifest.keeps_state, keeps_state(model)),
            (
                "minimum_tensorflow_lite",
                manifest.minimum_tensorflow_lite,
                None if version is None else version_text(version),
            ),
            ("preprocessing", manifest.preprocessing, describe.preprocessing(manifest.inputs)),
        ]
    except ModelError as error:
        return [error.problem]
    return [f"{name}: expected {said}, the model has {own}" for name, said, own in found if said != own]


def metadata_faults(bundle: Opened) -> list[str]:
    """Where the metadata and labels in the model are not those of `model.json` and `labels.txt`."""
    try:
        attached = read_attached(bundle.files[MODEL])
    except ModelError as error:
        return [error.problem]
    faults = _differences("", describe.metadata(bundle.manifest), attached.metadata)
    if attached.minimum_runtime != bundle.manifest.minimum_tensorflow_lite:
        faults.append(
            f"minimum runtime: expected {bundle.manifest.minimum_tensorflow_lite}, got {attached.minimum_runtime}"
        )
    beside = {LABELS: bundle.files[LABELS]} if LABELS in bundle.files else {}
    if attached.files != beside:
        faults.append("labels: those in the model differ from labels.txt")
    return faults


def _differences(where: str, expected: Any, got: Any) -> list[str]:
    """Where two nested values part, as sentences."""
    if isinstance(expected, dict) and isinstance(got, dict):
        keys = [*expected, *(key for key in got if key not in expected)]
        return [line for key in keys for line in _differences(f"{where}{key} ", expected.get(key), got.get(key))]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for index, (one, other) in pairs for line in _differences(f"{where}{index} ", one, other)]
    return [] if expected == got else [f"{where.strip()}: expected {expected!r}, got {got!r}"]


def label_faults(bundle: Opened) -> list[str]:
    """Where there are not as many labels as classes."""
    manifest = bundle.manifest
    if (LABELS in bundle.files) != (manifest.labels is not None):
        return [f"{LABELS}: {'present' if LABELS in bundle.files else 'missing'}, unlike in {MANIFEST}"]
    if LABELS in bundle.files:
        count = len(bundle.files[LABELS].decode("utf-8", "replace").splitlines())
        if count != manifest.classes:
            return [f"{LABELS}: expected {manifest.classes} names, one for each class, got {count}"]
    return []


def code_faults(bundle: Opened) -> list[str]:
    """Which languages' app code was generated for another model: it names the model that its self-test is for."""
    digest = sha256(bundle.files[MODEL]).encode()
    return [
        f"{language}: not for this model"
        for language in LANGUAGES
        if not any(digest in content for name, content in bundle.files.items() if name.startswith(f"{language}/"))
    ]


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
