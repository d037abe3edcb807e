"""Files that would run code or read and write files are refused, and none of it happens; SECURITY.md claims so."""

from __future__ import annotations

import base64
import json
import marshal
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attack_files as make
import h5py
import pytest
from attack_files import dense, function, functional, record

from edgeswap.errors import ConfigError, ModelError
from edgeswap.model.allowed import TENSORFLOW_INITIALIZERS
from edgeswap.model.rehearsal import preview

TFMOT = "tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper"
SECRET = "the secret of another file"


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that only an attack would write."""
    return tmp_path / "canary"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no model has any business with."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET)
    return path


def refused(path: Path, **given: Any) -> str:
    """The message that the file is refused with, in two sentences."""
    with pytest.raises(ModelError) as raised:
        preview(path, **given)
    assert raised.value.problem.startswith("Expected ")
    assert raised.value.remedy
    assert SECRET not in str(raised.value)
    return str(raised.value)


def code(canary: Path) -> list[Any]:
    """A lambda that writes the canary, as Keras 2 keeps it: marshalled, in base64."""
    compiled = compile(f"lambda x: (open({str(canary)!r}, 'w').close(), x)[1]", "<attack>", "eval").co_consts[0]
    return [base64.b64encode(marshal.dumps(compiled)).decode(), None, None]


def lambda_layer(canary: Path, module: str | None = "keras.layers") -> make.Config:
    more = {"function_type": "lambda", "module": "builtins", "output_shape_type": "raw", "output_shape": None}
    return record("Lambda", {"name": "bad", "function": code(canary), "arguments": {}, **more}, module)


def operation(symbol: Any, class_name: str = "TFOpLambda") -> make.Config:
    return record(class_name, {"name": "bad", "function": symbol, "trainable": True, "dtype": "float32"})


SYMBOLS = [
    "io.write_file", "io.read_file", "io.gfile.rmtree", "io.gfile.copy", "io.gfile.remove", "load_op_library",
    "load_library", "keras.models.load_model", "keras.utils.get_file", "keras.backend.eval", "keras.backend.foldl",
    "py_function", "numpy_function", "compat.v1.py_func", "raw_ops.WriteFile", "raw_ops.ReadFile", "print", "map_fn",
    "while_loop", "function", "saved_model.load", "data.experimental.load", "summary.create_file_writer",
    "image.decode_image", "import_graph_def", "compat.v1.compat.v1.add", "math.add.__globals__", "", None,
    ["math.add"], {"math.add": 1},
]  # fmt: skip


@pytest.mark.parametrize("symbol", SYMBOLS, ids=str)
def test_no_function_of_tensorflow_that_does_more_than_compute(symbol, tmp_path, canary):
    arguments = {"contents": "written", "filename": str(canary)}
    config = functional(operation(symbol), arguments=arguments)
    for path in (make.write_keras(tmp_path / "a.keras", config), make.write_h5(tmp_path / "a.h5", config)):
        assert "only compute" in refused(path)
    bare = functional(operation(symbol, "SlicingOpLambda"), arguments=arguments, module=False)
    assert "only compute" in refused(make.write_h5(tmp_path / "b.h5", bare))
    assert "only compute" in refused(make.write_saved_model(tmp_path / "saved", bare))
    assert not canary.exists()


def test_a_function_that_only_computes_is_taken(tmp_path):
    config = functional(operation("math.add"), arguments={"y": 3.0})
    assert preview(make.write_h5(tmp_path / "a.h5", config), load=False).names >= {"TFOpLambda"}


def nested(layer: make.Config) -> make.Config:
    return record("Sequential", {"name": "bad", "layers": [layer]}, "keras")


def in_wrapper(name: str) -> Callable[[make.Config], make.Config]:
    return lambda layer: record(name, {"name": "bad", "layer": layer})


DOORS: dict[str, Callable[[make.Config], make.Config]] = {
    "as a layer": lambda layer: layer,
    "in a nested model": nested,
    "in a model in a model": lambda layer: nested(nested(layer)),
    "in a functional model": lambda layer: functional(layer, keras=3),
    "in TimeDistributed": in_wrapper("TimeDistributed"),
    "in Bidirectional": in_wrapper("Bidirectional"),
    "as the backward layer": lambda layer: record(
        "Bidirectional", {"layer": record("LSTM", {"units": 4}), "backward_layer": layer}
    ),
    "as the cell of an RNN": lambda layer: record("RNN", {"cell": layer}),
    "as an activation": lambda layer: dense(activation=layer),
    "as an initializer": lambda layer: dense(kernel_initializer=layer),
    "in a layer's build": lambda layer: {**dense(), "build_config": {"input_shape": layer}},
    "in a nested model's loss": lambda layer: {**nested(dense()), "compile_config": {"loss": layer}},
    "as the value of some key": lambda layer: dense(nobody_knows={"deep": [{"er": layer}]}),
    "in a pruning wrapper": lambda layer: record("PruneLowMagnitude", {"layer": layer}, TFMOT, "PruneLowMagnitude"),
    "in an operation of edgeswap": lambda layer: record(
        "EdgeswapOperation",
        {"source": layer, "arguments": [], "keywords": {}},
        "edgeswap",
        "edgeswap>EdgeswapOperation",
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_lambda_by_any_door(door, tmp_path, canary):
    held = {"class_name": "__lambda__", "config": {"value": code(canary)}}
    for layer in (lambda_layer(canary), lambda_layer(canary, "keras.src.layers.core.lambda_layer"), held):
        for keras, version in ((2, "2.15.0"), (3, "3.15.0")):
            config = functional(DOORS[door](layer), keras=keras)
            assert "would run" in refused(make.write_keras(tmp_path / "a.keras", config, version))
            assert "would run" in refused(make.write_h5(tmp_path / "a.h5", config, version))
    bare = functional(DOORS[door](lambda_layer(canary)), module=False)
    assert "would run" in refused(make.write_h5(tmp_path / "b.h5", bare))
    for number, style in enumerate(({}, {"indent": 3}, {"separators": (" , ", " : ")})):
        assert "would run" in refused(make.write_saved_model(tmp_path / f"saved{number}", bare, **style))
    assert not canary.exists()


def test_no_lambda_among_the_arguments_of_a_call(tmp_path, canary):
    config = functional(dense(), keras=3, arguments={"mask": lambda_layer(canary)})
    assert "would run" in refused(make.write_keras(tmp_path / "a.keras", config, "3.15.0"))
    config["compile_config"] = {"loss": lambda_layer(canary)}  # the whole model's own, which is never compiled
    assert "would run" in refused(make.write_keras(tmp_path / "a.keras", config, "3.15.0"))


NAMED: dict[str, make.Config] = {
    "a module of Python as activation": dense(activation=function("system", "os")),
    "subprocess as a layer": record("Popen", {"args": "true"}, "subprocess"),
    "eval as activation": dense(activation=function("eval", "builtins")),
    "a file fetched by Keras": dense(activation=function("get_file", "keras.src.utils.file_utils")),
    "a public function of Keras": dense(activation=function("get_file", "keras.utils")),
    "switching Keras's own guard off": dense(activation=function("enable_unsafe_deserialization", "keras.config")),
    "Keras's own reader": dense(activation=function("deserialize_keras_object", "keras.src.saving.serialization_lib")),
    "a function by another registered name": dense(activation=function("relu", "builtins", "planted>relu")),
    "a function by another module": dense(activation=function("relu", "planted")),
    "an activation by a text": dense(activation="deserialize"),
    "a layer of a stranger's module": record("Planted", {}, "planted", "x>Planted"),
    "a layer of Keras from elsewhere": record("Dense", {"units": 4}, "planted"),
    "a layer of Keras by another name": record("Dense", {"units": 4}, registered="x>Planted"),
    "a test of Keras": record("Dense", {"units": 4}, "keras.src.layers.core.dense_test"),
    "a module in edgeswap": record("CatalogActivation", {"kind": "relu"}, "edgeswap.cli.main", "CatalogActivation"),
    "an initializer": dense(kernel_initializer=record("Planted", {}, "planted")),
    "an initializer of a known name": dense(kernel_initializer=record("Zeros", {}, "planted")),
    "an initializer of TensorFlow": dense(kernel_initializer=record("Planted", {}, TENSORFLOW_INITIALIZERS)),
    "a regularizer": dense(kernel_regularizer=record("Planted", {}, "planted")),
    "a regularizer by a text": dense(kernel_regularizer="deserialize"),
    "a constraint": dense(kernel_constraint=record("Planted", {}, "planted")),
    "a dtype policy": dense(dtype=record("Planted", {"name": "float32"}, "planted")),
    "a type of tensor": dense(spec={**record("__typespec__", [], "planted"), "spec_name": "Planted"}),
    "a type of tensor of Keras 2": dense(spec={"class_name": "TypeSpec", "type_spec": "Planted", "serialized": []}),
    "a nested model's loss": {**nested(dense()), "compile_config": {"loss": function("planted", "planted")}},
    "a nested model's optimizer": {
        **nested(dense()),
        "compile_config": {"optimizer": record("Planted", {}, "planted")},
    },
    "a class method": record("ClassMethod", {"cls_symbol": "RaggedTensor", "method_name": "from_tensor"}),
    "a method": record("InstanceMethod", {"attr_name": "eval"}),
    "a property": record("InstanceProperty", {"attr_name": "graph"}),
    "another model's folder": record("TFSMLayer", {"filepath": "/tmp/planted"}),
    "pickled PyTorch": record("TorchModuleWrapper", {"module": "gASVHQAAAAAAAACMBXBvc2l4"}),
    "a JAX function": record("JaxLayer", {"call_fn": function("planted", "planted")}),
    "a Flax module": record("FlaxLayer", {"module": record("Planted", {}, "planted")}),
    "a table in a file": record("DynamicEmbedding", {"initial_vocabulary": "/etc/passwd"}),
    "an operation with a function": record("Map", {}, "keras.src.ops.core"),
    "another operation with one": record(
        "VectorizedMap", {"function": function("planted", "planted")}, "keras.src.ops"
    ),
    "a condition": record("Cond", {}, "keras.src.ops.core"),
    "no name": record(["Dense"], {}),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("attack", NAMED)
def test_no_object_from_elsewhere(attack, tmp_path, canary, monkeypatch):
    planted = f"open({str(canary)!r}, 'w').close()\n"
    (tmp_path / "planted.py").write_text(planted)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for keras, version in ((2, "2.15.0"), (3, "3.15.0")):
        config = functional(NAMED[attack], keras=keras)
        refused(make.write_keras(tmp_path / "a.keras", config, version))
        refused(make.write_h5(tmp_path / "a.h5", config, version))
    assert not canary.exists()


@pytest.mark.parametrize("registered", [None, "Other", "x>Other"])
def test_an_own_layer_is_imported_from_where_the_user_says_only(registered, tmp_path):
    """The file's module would be imported where the registered name is not the given class's."""
    config = functional(record("Mine", {}, "planted", registered))
    assert "registered" in refused(make.write_keras(tmp_path / "a.keras", config), custom_objects=["mine:Mine"])


@pytest.mark.parametrize("symbol", ["io.write_file", "nothing"])
def test_edgeswaps_own_layer_calls_nothing_else_either(symbol, tmp_path, canary):
    settings = {"source": {"tensorflow": symbol}, "arguments": [str(canary), "written"], "keywords": {}}
    layer = record("EdgeswapOperation", settings, "edgeswap.graph.operation_layer", "edgeswap>EdgeswapOperation")
    assert "only compute" in refused(make.write_keras(tmp_path / "a.keras", functional(layer)))
    legacy = functional({"class_name": "edgeswap>EdgeswapOperation", "config": settings}, module=False)
    assert "only compute" in refused(make.write_h5(tmp_path / "a.h5", legacy))
    python = {**settings, "source": {**record("Add", {}, "keras.src.ops.numpy"), "python": "open"}}
    layer = record("EdgeswapOperation", python, "edgeswap", "edgeswap>EdgeswapOperation")
    assert "only compute" in refused(make.write_keras(tmp_path / "a.keras", functional(layer)))
    assert not canary.exists()


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
@pytest.mark.parametrize("key", ["vocabulary", "idf_weights"])
def test_no_vocabulary_from_a_file(name, key, tmp_path, secret):
    for config in (functional(record(name, {key: str(secret)})), functional(nested(record(name, {key: str(secret)})))):
        assert "which Keras would read" in refused(make.write_keras(tmp_path / "a.keras", config))
        assert "which Keras would read" in refused(make.write_h5(tmp_path / "a.h5", config))


def external(h5: h5py.Group, secret: Path) -> None:
    h5.create_dataset("bad", (len(SECRET),), "u1", external=[(str(secret), 0, len(SECRET))])


def external_link(h5: h5py.Group, secret: Path) -> None:
    h5["bad"] = h5py.ExternalLink(str(secret), "/x")


def soft_link(h5: h5py.Group, _: Path) -> None:
    h5["bad"] = h5py.SoftLink("/elsewhere")


def virtual(h5: h5py.Group, secret: Path) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(secret), "x", (3,))
    h5.create_virtual_dataset("bad", layout)


def unstored(h5: h5py.Group, _: Path) -> None:
    h5.create_dataset("bad", (10**9,), "f4", chunks=(1000,))


def unstored_compressed(h5: h5py.Group, _: Path) -> None:
    h5.create_dataset("bad", (10**6, 10**6), "f4", chunks=(1000, 1), compression="gzip")


def of_objects(h5: h5py.Group, _: Path) -> None:
    h5.create_dataset("bad", data=["text"] * 3)


@pytest.mark.parametrize(
    "change", [external, external_link, soft_link, virtual, unstored, unstored_compressed, of_objects]
)
def test_no_numbers_from_outside_and_none_that_are_not_there(change, tmp_path, secret):
    config = functional(dense())
    path = make.write_h5(tmp_path / "a.h5", config)
    with h5py.File(path, "a") as h5:
        change(h5["model_weights/head"], secret)
    assert "cannot be read: 'model_weights/head/bad'" in refused(path)
    held = make.inner_h5(lambda h5: change(h5.create_group("layers/dense_1/vars"), secret))
    assert "'layers/dense_1/vars/bad'" in refused(make.write_keras(tmp_path / "a.keras", config, held=held))


def test_a_file_is_one_thing_only(tmp_path):
    config = functional(dense())
    h5, keras = make.write_h5(tmp_path / "a.h5", config), make.write_keras(tmp_path / "a.keras", config)
    (tmp_path / "both.h5").write_bytes(h5.read_bytes() + keras.read_bytes())
    assert "a zip too" in refused(tmp_path / "both.h5")
    (tmp_path / "late.keras").write_bytes(b"#!/bin/sh\n" + keras.read_bytes())
    assert "neither a zip nor an HDF5 file" in refused(tmp_path / "late.keras")
    with h5py.File(tmp_path / "user.h5", "w", userblock_size=512) as file:
        file.attrs["model_config"] = "{}"
    hidden = make.write_keras(tmp_path / "hidden.keras", config)
    offset = 512  # HDF5 looks for its beginning at 512 bytes, 1024, 2048, …
    with zipfile.ZipFile(hidden, "a") as archive:
        begin = archive.start_dir + 30 + len("assets/x")
        while offset < begin + 64:
            offset *= 2
        archive.writestr("assets/x", bytes(offset - begin) + (tmp_path / "user.h5").read_bytes()[512:])
    assert "an HDF5 file too" in refused(hidden)


def test_a_zip_means_one_thing_only(tmp_path, canary):
    good, bad = functional(dense()), functional(lambda_layer(canary))
    path = make.write_keras(tmp_path / "a.keras", good)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", json.dumps(bad))
    assert "2 config.json" in refused(path)
    twice = json.dumps(good)[:-1] + ', "config": ' + json.dumps(bad["config"]) + "}"
    assert "gives 'config' twice" in refused(make.write_keras(tmp_path / "b.keras", twice))
    assert "gives 'config' twice" in refused(make.write_h5(tmp_path / "b.h5", twice))


@pytest.mark.slow
def test_no_bombs(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(make.write_keras(path, functional(dense())), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(65 << 20))
    assert "68157440 bytes long when it is unpacked" in refused(path)
    deep = functional(dense(nobody_knows=json.loads("[" * 250 + "]" * 250)))
    assert "nested deeper than 200 levels" in refused(make.write_keras(tmp_path / "deep.keras", deep))
    deeper = '{"deep": ' + "[" * 10**6 + "]" * 10**6 + "}"
    assert "nested deeper than 200 levels" in refused(make.write_keras(tmp_path / "deeper.keras", deeper))


@pytest.mark.parametrize("key", ["units", "filters", "output_dim"])
def test_no_layer_larger_than_its_file(key, tmp_path):
    config = functional(dense(**{key: 10**9}))
    assert f"1e+09 {key} and the file 10 numbers" in refused(make.write_keras(tmp_path / "a.keras", config))
    assert f"1e+09 {key} and the file 10 numbers" in refused(make.write_h5(tmp_path / "a.h5", config))


def test_no_device_or_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.keras")
    assert "not a regular file" in refused(tmp_path / "a.keras")
    assert "not a regular file" in refused(Path("/dev/zero"))


def test_a_saved_model_reads_nothing_outside_its_folder(tmp_path, secret):
    path = make.write_saved_model(tmp_path / "saved", functional(dense()))
    data = path / "variables" / "variables.data-00000-of-00001"
    data.unlink()
    data.symlink_to(secret)
    assert "leads to" in refused(path)
    data.unlink()
    os.mkfifo(data)
    assert "leads to" in refused(path)


@pytest.mark.parametrize("cut", [0, 1, 5, 100])
def test_a_saved_model_with_broken_metadata(cut, tmp_path):
    path = make.write_saved_model(tmp_path / "saved", functional(dense()))
    metadata = path / "keras_metadata.pb"
    metadata.write_bytes(metadata.read_bytes()[:cut])
    assert "cannot be read" in refused(path)


NUMBER = {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}
WIRINGS: dict[str, Callable[[list[Any]], Any]] = {
    "a cycle": lambda layers: layers[1].update(inbound_nodes=[[["head", 0, 0, {}]]]),
    "itself": lambda layers: layers[1].update(inbound_nodes=[[["bad", 0, 0, {}]]]),
    "a layer that is not there": lambda layers: layers[1].update(inbound_nodes=[[["nobody", 0, 0, {}]]]),
    "a call that is not made": lambda layers: layers[1].update(inbound_nodes=[[["x", 7, 0, {}]]]),
    "no number": lambda layers: layers[1].update(inbound_nodes=[[["x", float("nan"), 0, {}]]]),
    "a text": lambda layers: layers[1].update(inbound_nodes=[[["x", "0", 0, {}]]]),
    "nothing": lambda layers: layers[1].update(inbound_nodes=[[]]),
    "a layer that is never called": lambda layers: layers[1].update(inbound_nodes=[]),
    "no calls": lambda layers: layers[1].pop("inbound_nodes"),
    "two of one name": lambda layers: layers.append(layers[1]),
    "no layer": lambda layers: layers.append(7),
}


@pytest.mark.parametrize("fault", WIRINGS)
def test_no_network_that_cannot_be_connected(fault, tmp_path):
    config = functional(dense())
    WIRINGS[fault](config["config"]["layers"])
    assert "layers connect" in refused(make.write_keras(tmp_path / "a.keras", config))
    whole = functional(dense())
    whole["config"]["layers"].append({**config, "name": "inner", "inbound_nodes": [[["head", 0, 0, {}]]]})
    assert "layers connect" in refused(make.write_h5(tmp_path / "a.h5", whole))


@pytest.mark.parametrize("output", [[], [["nobody", 0, 0]], [["head", 3, 0]], "head", None])
def test_no_network_without_an_output(output, tmp_path):
    config = functional(dense())
    config["config"]["output_layers"] = output
    assert "layers connect" in refused(make.write_keras(tmp_path / "a.keras", config))


@pytest.mark.slow
def test_nothing_is_imported_that_the_file_does_not_name(tmp_path):
    path = make.write_keras(tmp_path / "a.keras", functional(dense()))
    for given in ("os:system", "no.such.module:Mine", "builtins:eval"):
        with pytest.raises(ConfigError, match="Expected a class or function that"):
            preview(path, custom_objects=[given])


@pytest.mark.parametrize(
    ("module", "advised"),
    [("os", False), ("builtins", False), ("keras.utils", False), ("tensorflow.io", False), ("mine.layers", True)],
)
def test_nobody_is_advised_to_give_what_python_or_a_framework_has(module, advised, tmp_path):
    config = functional(dense(activation=function("system", module)))
    with pytest.raises(ModelError) as caught:
        preview(make.write_keras(tmp_path / "a.keras", config))
    assert (f"--custom-objects {module}:system" in caught.value.remedy) == advised
    assert "--trust" in caught.value.remedy
