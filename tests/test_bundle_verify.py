"""verify: a whole bundle passes; whatever is changed is named, however well the change is hidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeswap.bundle.make import sums
from edgeswap.bundle.manifest import from_json
from edgeswap.bundle.verify import Verification, verify
from edgeswap.errors import VerificationError
from edgeswap.targets.host import Host
from edgeswap.tflite.flatbuffer import changed, read, write
from edgeswap.tflite.metadata import attach, read_attached
from tests.bundles import (
    InProcess,
    adder_bundle,
    classifier,
    contents,
    image_bundle,
    manifest,
    packed_again,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return image_bundle(tmp_path_factory.mktemp("bundle"))


def verified(folder: Path, data: bytes, *targets: Any) -> Verification:
    file = folder / "bundle.zip"
    file.write_bytes(data)
    return verify(file, targets)


def faults(found: Verification) -> dict[str, list[str]]:
    return {check.name: check.faults for check in found.checks if check.faults}


@pytest.mark.parametrize("kind", ["image", "symmetric", "caffe", "adder"])
def test_a_bundle_verifies(tmp_path: Path, kind: str) -> None:
    data = {
        "image": lambda: image_bundle(tmp_path),
        "symmetric": lambda: image_bundle(tmp_path, "symmetric", names=None, scale=2 / 255, zero_point=0),
        "caffe": lambda: image_bundle(tmp_path, "caffe", shape=(5, 4, 3), scale=0.83, zero_point=11),
        "adder": lambda: adder_bundle(tmp_path),
    }[kind]()
    found = verified(tmp_path, data, Host() if kind == "image" else InProcess())
    assert (found.passed, faults(found)) == (True, {})
    assert [check.name for check in found.checks][-2:] == ["golden input", "golden output on host"]
    assert found.checks[-1].about == "ai-edge-litert 2.3.0: greatest difference 0 int8 steps, allowed 0"


def test_a_bundle_of_an_earlier_edgeswap_verifies(tmp_path: Path) -> None:
    """It says edgeswap.bundle/1 and `scores`; written by edgeswap before there were other models than classifiers."""
    data = (Path(__file__).parent / "apps/bundle_1.zip").read_bytes()
    assert b'"schema": "edgeswap.bundle/1"' in contents(data)["model.json"]
    found = verified(tmp_path, data, InProcess())
    assert (found.passed, faults(found)) == (True, {})
    files = contents(data)
    told = files["model.json"].replace(b'"scores": "logits"', b'"scores": "values"')
    found = verified(tmp_path, packed_again({**files, "model.json": told}, keep_sums=True))
    assert "as many classes as the output tells apart" in faults(found)["model.json"][0]
    told = files["model.json"].replace(b'"scores": "logits"', b'"scores": "probabilities"')
    found = verified(tmp_path, packed_again({**files, "model.json": told}, keep_sums=True))
    assert "the model has" in faults(found)["model"][0]


def test_every_changed_file_is_named(tmp_path: Path, bundle: bytes) -> None:
    files = contents(bundle)
    for name, content in files.items():
        if not content:
            continue
        middle = len(content) // 2
        other = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        found = verified(tmp_path, packed_again({**files, name: other}, keep_sums=True), InProcess())
        assert not found.passed, name
        said = " ".join(faults(found)["files"])
        # A digit changed within SHA256SUMS names the file it belongs to, a letter of a name that file.
        assert (f"{name}: changed" in said) or name == "SHA256SUMS", said
        assert "golden output on host" not in [check.name for check in found.checks]  # it is not run


def test_a_byte_changed_on_disk_is_named(tmp_path: Path, bundle: bytes) -> None:
    for name in ("model.tflite", "labels.txt", "model.json", "golden/0.output0.i8"):
        data = bytearray(bundle)
        data[data.index(contents(bundle)[name]) + 5] ^= 1
        found = verified(tmp_path, bytes(data), InProcess())
        assert f"{name}: its bytes differ from those that the zip was made from" in faults(found)["files"]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_verifies_holds_the_same_files(tmp_path: Path, bundle: bytes, data: st.DataObject) -> None:
    """Whatever bytes are changed: a bundle is refused, or does not verify, or only the zip's own frame is another."""
    whole = bytearray(bundle)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=3)):
        whole[at] ^= data.draw(st.integers(1, 255))
    try:
        found = verified(tmp_path, bytes(whole))
    except VerificationError:
        return
    if found.passed:
        assert contents(bytes(whole)) == contents(bundle)


@pytest.mark.parametrize("name", ["model.tflite", "model.json", "SHA256SUMS", "labels.txt", "golden/1.output0.i8"])
def test_a_missing_file_is_named(tmp_path: Path, bundle: bytes, name: str) -> None:
    files = {kept: content for kept, content in contents(bundle).items() if kept != name}
    found = verified(tmp_path, packed_again(files, keep_sums=True), InProcess())
    assert f"{name}: missing" in faults(found)["files"]


def test_a_file_more_is_named(tmp_path: Path, bundle: bytes) -> None:
    more = {**contents(bundle), "ios/More.swift": b"x"}
    found = faults(verified(tmp_path, packed_again(more, keep_sums=True)))
    assert found == {
        "files": ["ios/More.swift: not in SHA256SUMS"],
        "model.json": ["ios/More.swift: not in model.json"],
    }


def test_hashes_made_again_in_one_place_alone_are_named(tmp_path: Path, bundle: bytes) -> None:
    files = {name: content for name, content in contents(bundle).items() if name != "SHA256SUMS"}
    files["README.md"] += b"More."
    found = faults(verified(tmp_path, packed_again({**files, "SHA256SUMS": sums(files)}, keep_sums=True)))
    assert found == {"model.json": ["README.md: differs from model.json"]}


# --- changes whose hashes are right -----------------------------------------------------------------------------------


def test_a_label_file_too_short_is_named(tmp_path: Path, bundle: bytes) -> None:
    files = contents(bundle)
    short = b"".join(files["labels.txt"].splitlines(keepends=True)[:-1])
    found = faults(verified(tmp_path, packed_again({**files, "labels.txt": short}), InProcess()))
    assert found["labels"] == ["labels.txt: expected 6 names, one for each class, got 5"]
    assert found["metadata"] == ["labels: those in the model differ from labels.txt"]


def test_a_bundle_without_labels_is_not_said_to_have_one_for_each_output(tmp_path: Path, bundle: bytes) -> None:
    for packed, about in ((bundle, "one for each class"), (adder_bundle(tmp_path), "none")):
        (check,) = (check for check in verified(tmp_path, packed).checks if check.name == "labels")
        assert (check.about, check.faults) == (about, [])


def test_labels_in_another_order_are_named(tmp_path: Path, bundle: bytes) -> None:
    files = contents(bundle)
    turned = b"".join(reversed(files["labels.txt"].splitlines(keepends=True)))
    found = faults(verified(tmp_path, packed_again({**files, "labels.txt": turned}), InProcess()))
    assert found == {"metadata": ["labels: those in the model differ from labels.txt"]}


def swapped(bundle: bytes, model: bytes) -> bytes:
    """Another model with the metadata and labels of this one, and app code that expects it; every hash is right."""
    from edgeswap.bundle.apps.generate import generate
    from edgeswap.bundle.consistency import sha256
    from edgeswap.bundle.manifest import app_facts

    files = contents(bundle)
    own = read_attached(files["model.tflite"])
    described = attach(model, own.metadata, own.files)
    code = generate(app_facts(from_json(files["model.json"]), sha256(described)))
    return packed_again({**files, **code, "model.tflite": described})


def test_a_model_swapped_for_one_of_the_same_form_is_named(tmp_path: Path, bundle: bytes) -> None:
    data = swapped(bundle, classifier(tmp_path, seed=1))
    assert faults(verified(tmp_path, data)) == {}  # nothing but its outputs tells them apart
    found = faults(verified(tmp_path, data, InProcess()))
    (name,) = found
    assert name == "golden output on host"
    assert "golden vector 0, logits: off by" in found[name][0]


def test_a_model_of_other_scales_is_named(tmp_path: Path, bundle: bytes) -> None:
    found = faults(verified(tmp_path, swapped(bundle, classifier(tmp_path, scale=2 / 255)), InProcess()))
    assert {"inputs", "outputs"} == {fault.partition(":")[0] for fault in found["model"]}


def test_a_model_of_other_classes_or_inputs_is_named(tmp_path: Path, bundle: bytes) -> None:
    found = faults(verified(tmp_path, swapped(bundle, contents(adder_bundle(tmp_path))["model.tflite"]), InProcess()))
    assert found["model"] == ["expected 1 inputs, the model has 2"]


def test_code_for_another_model_is_named(tmp_path: Path, bundle: bytes) -> None:
    own = read_attached(contents(bundle)["model.tflite"])
    described = attach(classifier(tmp_path, seed=1), own.metadata, own.files)
    found = faults(verified(tmp_path, packed_again({**contents(bundle), "model.tflite": described})))
    assert found["app code"] == [f"{name}: not for this model" for name in ("android", "cpp", "ios", "python")]


def test_metadata_that_say_something_else_are_named(tmp_path: Path, bundle: bytes) -> None:
    files = contents(bundle)
    own = read_attached(files["model.tflite"])
    graph = own.metadata["subgraph_metadata"][0]
    image = graph["input_tensor_metadata"][0]
    unit = {"options": {"NormalizationOptions": {"mean": [127.5], "std": [127.5]}}}
    told = {**graph, "input_tensor_metadata": [{**image, "process_units": [unit]}]}
    metadata = {**own.metadata, "author": "someone", "subgraph_metadata": [told]}
    described = attach(files["model.tflite"], metadata, own.files)
    found = faults(verified(tmp_path, packed_again({**files, "model.tflite": described})))["metadata"]
    assert "author: expected 'Zoë', got 'someone'" in found
    assert any("NormalizationOptions mean 0: expected 0.0, got 127.5" in fault for fault in found)


def test_metadata_that_are_gone_are_named(tmp_path: Path, bundle: bytes) -> None:
    files = contents(bundle)
    bare = write(changed(read(files["model.tflite"]), metadata=[]))
    found = faults(verified(tmp_path, packed_again({**files, "model.tflite": bare})))
    assert found["metadata"] == ["Expected TFLite Metadata in the model, got none."]


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"minimum_tensorflow_lite": "2.0.0"}, "metadata", "minimum runtime: expected 2.0.0, got 1.14.0"),
        ({"operators": []}, "model", "operators: expected []"),
        ({"preprocessing": ["nothing"]}, "model", "preprocessing: expected ['nothing']"),
        ({"author": "someone"}, "metadata", "author: expected 'someone', got 'Zoë'"),
        ({"classes": 5}, "model.json", "Expected as many classes as the output tells apart, got 5"),
        ({"labels": None}, "labels", "labels.txt: present, unlike in model.json"),
    ],
)
def test_a_model_json_that_says_something_else_is_named(
    tmp_path: Path, bundle: bytes, change: dict[str, Any], check: str, said: str
) -> None:
    found = faults(verified(tmp_path, packed_again(contents(bundle), **change)))
    assert said in " ".join(found[check])


def test_pixel_steps_that_are_others_are_named(tmp_path: Path, bundle: bytes) -> None:
    (tensor,) = manifest(bundle).inputs
    assert tensor.pixels is not None
    twice = tensor.model_copy(update={"pixels": tensor.pixels.model_copy(update={"scales": [1 / 255]})})
    found = faults(verified(tmp_path, packed_again(contents(bundle), inputs=[twice])))
    assert "quantized values are others" in found["golden input"][0]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"{", b"\xff", b'{"schema": "edgeswap.bundle/1"}'])
def test_a_model_json_of_another_form(tmp_path: Path, bundle: bytes, content: bytes) -> None:
    files = {**contents(bundle), "model.json": content}
    found = faults(verified(tmp_path, packed_again(files, keep_sums=True), InProcess()))
    assert "Expected a model.json of schema 'edgeswap.bundle/2'" in found["model.json"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1, 2**62, 4, 1]},
        {"shape": [1, 5, 4, 3]},
        {"shape": []},
        {"scale": 0.0},
        {"dtype": "int32"},
    ],
)
def test_a_model_json_that_cannot_be_is_no_crash(tmp_path: Path, bundle: bytes, change: dict[str, Any]) -> None:
    (tensor,) = manifest(bundle).inputs
    found = verified(tmp_path, packed_again(contents(bundle), inputs=[tensor.model_copy(update=change)]), InProcess())
    assert not found.passed


def test_golden_files_of_another_size_are_named(tmp_path: Path, bundle: bytes) -> None:
    files = {**contents(bundle), "golden/2.quantized0.i8": b"x"}
    found = faults(verified(tmp_path, packed_again(files), InProcess()))
    assert found == {"golden input": ["golden/2.quantized0.i8: not there, or not of the tensor's size [1, 5, 4, 1]"]}


def test_golden_files_of_other_names_are_named(tmp_path: Path, bundle: bytes) -> None:
    golden = manifest(bundle).golden
    vectors = [vector.model_copy(update={"inputs": ["../etc/passwd"]}) for vector in golden.vectors]
    found = faults(
        verified(tmp_path, packed_again(contents(bundle), golden=golden.model_copy(update={"vectors": vectors})))
    )
    assert "golden vector 0: expected the files" in found["golden input"][0]


def test_a_hostile_zip_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="cannot be read"):
        verified(tmp_path, b"PK\x05\x06")


@pytest.mark.slow
def test_verifying_needs_no_tensorflow() -> None:
    code = "import sys; import edgeswap.bundle.verify; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
