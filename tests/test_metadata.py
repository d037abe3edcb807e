"""TFLite Metadata: written, read back by us and by tflite-support, and no burden to the model."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.data.preprocess import from_name
from edgeswap.errors import ModelError
from edgeswap.tasks.task import Shown
from edgeswap.tflite import metadata_schema
from edgeswap.tflite.flatbuffer import read, tensors
from edgeswap.tflite.metadata import attach, read_attached
from tests import bundles, tflite_support
from tests.app_bundle import split
from tests.bundles import CREDITS, LABELS, InProcess, adder_bundle, bundle_of, contents, dataset, image_bundle, report

FULL: dict[str, Any] = {
    "name": "tiny",
    "description": "größer",
    "subgraph_metadata": [
        {
            "input_tensor_metadata": [
                {
                    "name": "image",
                    "content": {
                        "content_properties": {
                            "ImageProperties": {"color_space": 1, "default_size": {"width": 4, "height": 5}}
                        }
                    },
                    "process_units": [{"options": {"NormalizationOptions": {"mean": [0.0, 1.5], "std": [255.0]}}}],
                    "stats": {"max": [1.0], "min": [0.0]},
                }
            ],
            "output_tensor_metadata": [
                {
                    "content": {"content_properties": {"FeatureProperties": {}}},
                    "associated_files": [{"name": "labels.txt", "type": 2}],
                }
            ],
        }
    ],
    "min_parser_version": "1.0.0",
}


def values(kind: str) -> st.SearchStrategy[Any]:
    """Anything that a field of this kind can hold."""
    scalars = {
        "byte": st.integers(-128, 127),
        "uint": st.integers(0, 2**32 - 1),
        "float": st.floats(width=32, allow_nan=False),
        "string": st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    }
    if kind in scalars:
        return scalars[kind]
    if kind.startswith("["):
        return st.lists(values(kind[1:-1]), max_size=2)
    if kind.startswith("union "):
        return st.one_of([values(table).map(lambda value, table=table: {table: value}) for table in kind.split()[1:]])
    fields = {name: values(field) for name, field in metadata_schema.TABLES[kind]}
    return st.fixed_dictionaries({}, optional=fields)


@pytest.mark.slow
@given(values("ModelMetadata"))
def test_what_is_written_is_read(metadata: dict[str, Any]) -> None:
    assert metadata_schema.decode(metadata_schema.encode(metadata)) == metadata


@pytest.mark.slow
@given(st.data())
def test_damaged_metadata_are_an_error_or_other_metadata(data: st.DataObject) -> None:
    whole = bytearray(metadata_schema.encode(FULL))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with suppress(ModelError):  # and nothing else
        assert isinstance(metadata_schema.decode(damaged), dict)


@pytest.mark.slow
def test_a_small_file_that_stands_for_endless_values_is_refused() -> None:
    """Vectors of tables that share one table: 2,000 graphs of 2,000 tensors are 4 million."""
    count = 2000

    def vtable(*entries: int) -> bytes:
        return struct.pack(f"<{2 + len(entries)}H", 4 + 2 * len(entries), 8, *entries)

    def vector_of(following: int) -> bytes:
        """A vector whose entries are all the table right behind it; offsets only lead forward."""
        ends = 4 * following
        return struct.pack("<I", following) + b"".join(struct.pack("<I", ends - 4 * n) for n in range(following))

    vtables = [vtable(0, 0, 0, 4), vtable(0, 0, 4, 0), vtable(0, 0, 0, 0)]  # of the model, a graph, a tensor
    size, first = len(vtables[0]), 8

    def table(at: int, which: int) -> bytes:
        """One field, an offset to what stands right behind it."""
        return struct.pack("<iI", at - (first + size * which), 4)

    data = b"".join(vtables)
    for which in range(3):
        data += table(first + len(data), which)
        data += vector_of(count) if which < 2 else b""
    data = struct.pack("<I", first + 3 * size) + b"M001" + data
    with pytest.raises(ModelError, match="more than 100000 values"):
        metadata_schema.decode(data)


def test_a_text_that_ends_beyond_the_file_is_told() -> None:
    data = metadata_schema.encode({"name": "abc"})
    longer = data.replace(b"\x03\0\0\0abc", b"\x7f\0\0\0abc")
    assert longer != data
    with pytest.raises(ModelError, match="a text that ends at byte"):
        metadata_schema.decode(longer)


# --- in a model -------------------------------------------------------------------------------------------------------


def outputs(model: bytes, samples: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    into, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    found = []
    for sample in samples:
        interpreter.set_tensor(into, sample[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(out)[0])
    return np.stack(found)


@pytest.mark.parametrize("files", [{}, {"labels.txt": b"a\nb\n", "more.txt": b""}])
def test_the_model_gives_the_same_outputs(tmp_path: Path, files: dict[str, bytes]) -> None:
    model = bundles.classifier(tmp_path)
    described = attach(model, FULL, files)
    samples = (bundles.pixels((5, 4, 1)).astype(np.int16) - 128).astype(np.int8)
    assert np.array_equal(outputs(described, samples), outputs(model, samples))
    assert len(np.unique(outputs(model, samples))) > 50  # they could have differed
    assert tensors(read(described)) == tensors(read(model))
    found = read_attached(described)
    assert (found.metadata, found.files, found.minimum_runtime) == (FULL, files, "1.14.0")


def test_metadata_take_the_place_of_older_ones(tmp_path: Path) -> None:
    once = attach(bundles.classifier(tmp_path), FULL, {"labels.txt": b"old"})
    twice = attach(once, {"name": "new"}, {"labels.txt": b"new"})
    found = read_attached(twice)
    assert (found.metadata, found.files) == ({"name": "new"}, {"labels.txt": b"new"})
    assert "größer".encode() not in twice
    names = [bytes(entry.name) for entry in read(twice).metadata]
    assert names == [b"min_runtime_version", b"TFLITE_METADATA"]


def test_the_zip_behind_counts_from_the_start_of_the_model(tmp_path: Path) -> None:
    """Android's reader takes the offsets of the central directory so, and does not look for what stands before."""
    described = attach(bundles.classifier(tmp_path), FULL, {"labels.txt": b"a\n"})
    (directory,) = struct.unpack_from("<I", described, described.rindex(b"PK\x05\x06") + 16)
    assert described[directory : directory + 4] == b"PK\x01\x02"
    (local,) = struct.unpack_from("<I", described, directory + 42)
    assert described[local : local + 4] == b"PK\x03\x04"


def test_a_model_without_metadata_and_a_damaged_zip_are_told(tmp_path: Path) -> None:
    model = bundles.classifier(tmp_path)
    with pytest.raises(ModelError, match="got none"):
        read_attached(model)
    described = bytearray(attach(model, FULL, {"labels.txt": b"aaaa\n"}))
    described[described.rindex(b"aaaa")] ^= 1
    with pytest.raises(ModelError, match="damaged zip"):
        read_attached(bytes(described))


# --- read by tflite-support -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def reader(pytestconfig: pytest.Config) -> tflite_support.Reader:
    assert pytestconfig.cache is not None
    return tflite_support.install(pytestconfig.cache.mkdir("tflite-support"))


def seen_in(bundle: bytes, reader: tflite_support.Reader, folder: Path) -> tflite_support.Seen:
    file = folder / "model.tflite"
    file.write_bytes(contents(bundle)["model.tflite"])
    return reader.read(file)


@pytest.mark.slow
def test_an_image_classifier_read_by_tflite_support(tmp_path: Path, reader: tflite_support.Reader) -> None:
    bundle = image_bundle(tmp_path, "symmetric", shape=(5, 4, 3), scale=2 / 255, zero_point=0)
    seen = seen_in(bundle, reader, tmp_path)
    assert seen.files == {"labels.txt": "".join(f"{label}\n" for label in LABELS)}
    assert (seen.metadata["name"], seen.metadata["author"]) == ("tiny", CREDITS.author)
    assert (seen.metadata["description"], seen.metadata["license"]) == (CREDITS.description, CREDITS.licence)
    assert seen.metadata["min_parser_version"] == seen.parser_version == "1.0.0"
    assert len(seen.metadata["version"]) == 12
    (graph,) = seen.metadata["subgraph_metadata"]
    (image,) = graph["input_tensor_metadata"]
    assert image["name"] == "x"
    assert image["content"] == {
        "content_properties_type": "ImageProperties",
        "content_properties": {"color_space": "RGB", "default_size": {"width": 4, "height": 5}},
    }
    (unit,) = image["process_units"]
    # Not 127.5: with 128 the app's real value falls on an int8, and not halfway between two.
    options = {"mean": [128.0], "std": pytest.approx([127.5])}
    assert unit == {"options_type": "NormalizationOptions", "options": options}
    assert image["stats"]["min"] == pytest.approx([-256 / 255])
    assert image["stats"]["max"] == pytest.approx([254 / 255])
    (logits,) = graph["output_tensor_metadata"]
    (labels,) = logits["associated_files"]
    assert (labels["name"], labels["type"]) == ("labels.txt", "TENSOR_AXIS_LABELS")


@pytest.mark.slow
def test_several_inputs_and_no_labels_read_by_tflite_support(tmp_path: Path, reader: tflite_support.Reader) -> None:
    seen = seen_in(adder_bundle(tmp_path), reader, tmp_path)
    assert seen.files == {}
    (graph,) = seen.metadata["subgraph_metadata"]
    assert [tensor["name"] for tensor in graph["input_tensor_metadata"]] == ["left", "right"]
    kinds = {tensor["content"]["content_properties_type"] for tensor in graph["input_tensor_metadata"]}
    assert kinds == {"FeatureProperties"}
    (total,) = graph["output_tensor_metadata"]
    assert (total["name"], "associated_files" in total) == ("sum", False)


@pytest.mark.slow
def test_an_image_without_labels_read_by_tflite_support(tmp_path: Path, reader: tflite_support.Reader) -> None:
    seen = seen_in(image_bundle(tmp_path, names=None), reader, tmp_path)
    (graph,) = seen.metadata["subgraph_metadata"]
    (image,), (logits,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    assert image["content"]["content_properties"]["color_space"] == "GRAYSCALE"
    assert image["process_units"][0]["options"] == {"mean": [0.0], "std": pytest.approx([255.0])}
    assert (seen.files, "associated_files" in logits) == ({}, False)


@pytest.mark.slow
def test_several_outputs_with_names_of_classes_read_by_tflite_support(
    tmp_path: Path, reader: tflite_support.Reader
) -> None:
    """Boxes are in some coding, so that their names belong to the model and to no axis of an output."""
    model = split(tmp_path).read_bytes()
    images = dataset({"image": np.zeros((4, 2, 3, 4), np.float32)}, ("car", "bus"))
    shown: Shown = "boxes as the model gives them"
    bundle = bundle_of(model, report("none"), images, from_name("none"), InProcess(), shown=shown)
    seen = seen_in(bundle, reader, tmp_path)
    assert seen.files == {"labels.txt": "car\nbus\n"}
    assert [file["name"] for file in seen.metadata["associated_files"]] == ["labels.txt"]
    (graph,) = seen.metadata["subgraph_metadata"]
    assert [tensor["description"] for tensor in graph["output_tensor_metadata"]] == [f"{shown}, 12 values"] * 2
    assert not any("associated_files" in tensor for tensor in graph["output_tensor_metadata"])
