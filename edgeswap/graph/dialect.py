"""Where the two Keras dialects differ: layer configs, to the neutral form (Keras 3's words) and back.

Only differences are tabulated. A key that the other framework has no word for may be left out only while it is at its
default there: anything else would change what the layer does.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgeswap.activations.catalog import FRAMEWORK_FUNCTIONS
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras

# class name -> {Keras 3's key: Keras 2's key}
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "InputLayer": {"batch_shape": "batch_input_shape"},
    "LeakyReLU": {"negative_slope": "alpha"},
}


# Layers that apply their `activation=` last of all, to their only output.
ACTIVATION_LAST = {
    "Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Dense", "EinsumDense",
}  # fmt: skip


# Keys that choose between ways to the same result, or say what building finds out.
_WITHOUT_EFFECT = {
    "implementation",
    "use_cudnn",
    "flash_attention",
    "autocast",
    "query_shape",
    "key_shape",
    "value_shape",
}


def neutral_config(class_name: str, config: Mapping[str, Any], framework: Any, *, own: bool = False) -> dict[str, Any]:
    """A layer's `get_config()` in Keras 3's words, its dtype policy by name and without the layer's name and flags.

    An activation function that the catalog holds is written `{"catalog": "relu6"}`: the same name may be another
    function in the other framework. `own` says that the class is a user's.
    """
    neutral = {key: _plain(value) for key, value in config.items() if key not in ("name", "trainable")}
    if isinstance(neutral.get("dtype"), Mapping):
        neutral["dtype"] = neutral["dtype"]["config"]["name"]
    if "activation" in neutral and (own or class_name in ACTIVATION_LAST or class_name == "Activation"):
        function = neutral["activation"]
        known = catalog_text(function, framework)
        neutral["activation"] = function if known is None else {"catalog": known}
    else:
        neutral |= _differing_activations(neutral, framework)
    if framework is tf_keras:
        back = {old: new for new, old in _RENAMED.get(class_name, {}).items()}
        neutral = {back.get(key, key): value for key, value in neutral.items()}
        neutral.pop("batch_input_shape", None)  # a first layer keeps the shape that its InputLayer has as well
        if class_name == "BatchNormalization" and isinstance(neutral["axis"], list) and len(neutral["axis"]) == 1:
            neutral["axis"] = neutral["axis"][0]
    return neutral


def _differing_activations(config: Mapping[str, Any], framework: Any) -> dict[str, Any]:
    """Activations inside a layer, such as an LSTM's, whose name is another function in the other framework, or none."""
    other = tf_keras if framework is keras else keras
    found = {
        key: catalog_text(config[key], framework) for key in ("activation", "recurrent_activation") if key in config
    }
    return {
        key: {"catalog": known}
        for key, known in found.items()
        if known is not None and known != catalog_text(config[key], other)
    }


def framework_config(
    layer_class: type, name: str, config: Mapping[str, Any], framework: Any, origin: str
) -> dict[str, Any]:
    """The neutral `config` as `layer_class` of `framework` takes it in `from_config`.

    Args:
        layer_class: of `framework`.
        name: the layer's, for errors.
        config: from `neutral_config`.
        framework: the module `keras` or `tf_keras`.
        origin: name of the framework that the config comes from.

    Raises:
        ModelError: the config asks for something that the framework has no word for.
    """
    class_name = layer_class.__name__
    renamed = _RENAMED.get(class_name, {}) if framework is tf_keras else {}
    own_words = {renamed.get(key, key): _activation_name(value, framework, name) for key, value in config.items()}
    if origin == framework.__name__:
        return dict(_plain(own_words))  # a copy: some `from_config` take things out of what they are given
    translated = {key: _translate(value, framework, name) for key, value in own_words.items()}
    return {**_accepted(layer_class, translated, name, framework), **_asked_for(class_name, framework)}


def _activation_name(value: Any, framework: Any, layer: str) -> Any:
    """An activation of the catalog inside a wrapped layer, which is no node of its own, by the framework's name."""
    if not isinstance(value, Mapping) or set(value) != {"catalog"}:
        return value
    for name, text in FRAMEWORK_FUNCTIONS[framework.__name__].items():
        if text == value["catalog"]:
            return name
    raise ModelError(
        f"Expected an activation that {framework.__name__} has inside layer {layer!r}, got {value['catalog']}.",
        "Write it as a layer of its own behind that one.",
    )


def _translate(value: Any, framework: Any, layer: str) -> Any:
    """What is serialized inside a config (an initializer, a wrapped layer): each in the framework's own words."""
    if isinstance(value, (list, tuple)):
        return [_translate(inner, framework, layer) for inner in value]
    if not isinstance(value, Mapping) or not {"module", "class_name", "config"} <= set(value):
        return value
    family, config = value["module"].split("."), value["config"]
    if family[0] != "keras" or len(family) != 2 or not isinstance(config, Mapping):
        return value
    found = getattr(getattr(framework, family[1], None), value["class_name"], None)
    if found is None:
        return value
    if not issubclass(found, framework.layers.Layer):
        return {**value, "config": _accepted(found, config, layer, framework)}
    other = keras if framework is tf_keras else tf_keras
    neutral = neutral_config(value["class_name"], config, other)
    flags = {key: config[key] for key in ("name", "trainable") if key in config}
    return {**value, "config": {**framework_config(found, layer, neutral, framework, other.__name__), **flags}}


def _asked_for(class_name: str, framework: Any) -> dict[str, Any]:
    """Keys without which Keras 2 refuses a config, and which say nothing that building would not find out."""
    shapes = ("query_shape", "key_shape", "value_shape")
    return dict.fromkeys(shapes) if framework is tf_keras and class_name == "MultiHeadAttention" else {}


def _accepted(target: type, config: Mapping[str, Any], layer: str, framework: Any) -> dict[str, Any]:
    known = set(_defaults(target))
    if issubclass(target, framework.layers.Layer):
        known |= {"dtype", "activity_regularizer", "zero_output_for_mask"} | set(
            _RENAMED.get(target.__name__, {}).values()
        )
    extra = {key: value for key, value in config.items() if key not in known}
    for key, value in extra.items():
        if not _is_default(target.__name__, key, value, framework):
            raise ModelError(
                f"Expected layer {layer!r} to fit {framework.__name__}, but its {target.__name__} there has no {key!r} "
                f"(it is {value!r} here).",
                f"Build that layer without {key!r}.",
            )
    return {key: value for key, value in config.items() if key in known}


def _is_default(class_name: str, key: str, value: Any, framework: Any) -> bool:
    """Whether a key unknown to `framework` has the value that the other framework gives it unasked."""
    if value is None or value is False or key.endswith("_initializer"):  # the graph's weights are set after all
        return True
    if (key, value) == ("data_format", "channels_last") or key in _WITHOUT_EFFECT:
        return True
    other = tf_keras if framework is keras else keras
    for family in (other.layers, other.initializers, other.regularizers, other.constraints):
        found = getattr(family, class_name, None)
        if found is not None:
            return bool(_defaults(found).get(key, inspect.Parameter.empty) == value)
    return False


def _defaults(target: type) -> dict[str, Any]:
    """What a class takes by keyword and its defaults, through its bases for as long as each passes `**kwargs` on."""
    found: dict[str, Any] = {}
    for base in target.__mro__:
        if "__init__" not in vars(base) or base.__name__ in ("Layer", "object"):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())
        for parameter in parameters:
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                found.setdefault(parameter.name, parameter.default)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return {key: value for key, value in found.items() if key != "self"}


def catalog_text(function: Any, framework: Any) -> str | None:
    """What the catalog calls an activation function of `framework`, given as in a config; None if it has none."""
    return FRAMEWORK_FUNCTIONS[framework.__name__].get(_function_name(function))


def _function_name(function: Any) -> str:
    """Keras writes a function of its own as its name or as a record around the name; a user's own has a package."""
    if isinstance(function, Mapping):
        registered = function.get("registered_name") or ""
        return "" if ">" in registered or not isinstance(function["config"], str) else function["config"]
    return str(function)


def _plain(value: Any) -> Any:
    """Keras 2 wraps lists and dicts in configs for its own bookkeeping, and keeps numbers as arrays."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(_plain(inner) for inner in value)
    return value
