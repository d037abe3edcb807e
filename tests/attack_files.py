"""Model files that a stranger might send: each would run code, read or write a file, if Keras alone opened it.

Made by hand, without TensorFlow. A config has one input `x` of 4 numbers, the layer of the attack, `bad`, and a Dense.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]


def record(class_name: str, config: Any, module: str | None = "keras.layers", registered: str | None = None) -> Config:
    """An object as Keras 3 and newer tf_keras write it."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def function(name: str, module: str, registered: str | None = None) -> Config:
    return record("function", name, module, registered or name)


def dense(**settings: Any) -> Config:
    return record("Dense", {"name": "bad", "units": 4, **settings})


def functional(
    bad: Config, *, keras: int = 2, module: bool = True, arguments: Any = None, output: Any = None
) -> Config:
    """The config with `bad` in it, its calls as Keras `keras` writes them, its objects with a `module` or not."""
    source = record("InputLayer", {"name": "x", "dtype": "float32", _shape(keras): [None, 4]})
    head = record("Dense", {"name": "head", "units": 2, "activation": "linear"})
    bad = {
        **bad,
        "config": {"name": "bad", **bad["config"]} if isinstance(bad.get("config"), dict) else bad.get("config"),
    }
    layers = [
        {**source, "name": "x", "inbound_nodes": []},
        {**bad, "name": "bad", "inbound_nodes": [_call(keras, "x", arguments)]},
        {**head, "name": "head", "inbound_nodes": [_call(keras, "bad", None)]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": output or [["head", 0, 0]]}
    whole = {"name": "m", "trainable": True, "layers": layers, **ends}
    model = record("Functional", whole, "keras.src.models.functional" if keras == 3 else "keras.src.engine.functional")
    return model if module else _without_modules(model)


def _shape(keras: int) -> str:
    return "batch_shape" if keras == 3 else "batch_input_shape"


def _call(keras: int, name: str, arguments: Any) -> Any:
    if keras == 2:
        return [[name, 0, 0, arguments or {}]]
    tensor = {"shape": [None, 4], "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": arguments or {}}


def _without_modules(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("module", "registered_name") if value.get("registered_name") is None else ()
        return {key: _without_modules(inner) for key, inner in value.items() if key not in left_out}
    return [_without_modules(inner) for inner in value] if isinstance(value, list) else value


def weights(h5: h5py.Group) -> None:
    """The Dense behind, where tf_keras looks for it in an .h5 file."""
    group = h5.create_group("model_weights")
    group.attrs["layer_names"], group.attrs["backend"] = [b"x", b"bad", b"head"], b"tensorflow"
    for name in ("x", "bad"):
        group.create_group(name).attrs["weight_names"] = np.array([], "S1")
    head = group.create_group("head")
    head.attrs["weight_names"] = [b"head/kernel:0", b"head/bias:0"]
    head["head/kernel:0"], head["head/bias:0"] = np.ones((4, 2), np.float32), np.zeros(2, np.float32)


def write_h5(path: Path, config: Config | str, version: str = "2.15.0") -> Path:
    with h5py.File(path, "w") as h5:
        h5.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        h5.attrs["keras_version"] = version
        weights(h5)
    return path


def inner_h5(change: Any = None) -> bytes:
    """The weights inside a .keras file."""
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        for index, array in enumerate((np.ones((4, 2), np.float32), np.zeros(2, np.float32))):
            h5[f"layers/dense/vars/{index}"] = array
        h5.create_group("vars")
        if change:
            change(h5)
    return file.getvalue()


def write_keras(path: Path, config: Config | str, version: str = "2.15.0", held: bytes | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", inner_h5() if held is None else held)
    return path


def write_saved_model(path: Path, config: Config, **style: Any) -> Path:
    """A folder with the config where Keras 2 puts it; no other byte of it is a model's."""
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"\0")
    (path / "variables" / "variables.index").write_bytes(b"\0")
    (path / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(100))
    metadata = json.dumps({"name": "m", "class_name": config["class_name"], "config": config["config"]}, **style)
    node = _field(3, b"root") + _field(4, b"_tf_keras_network") + _field(5, metadata.encode())
    (path / "keras_metadata.pb").write_bytes(_field(1, node))
    return path


def _field(number: int, content: bytes) -> bytes:
    length, left = bytearray(), len(content)
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    return bytes([number << 3 | 2, *length, left]) + content
