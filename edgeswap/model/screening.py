"""Whether building a model from its config runs only what Keras itself computes, decided on the parsed config.

Every object in a config names its class (`class_name`), Keras 3's and tf_keras's newer ones also a module to import it
from and the name it was registered under. What is not in `edgeswap.model.allowed`, and no object of the user's own, is
refused wherever it stands: in nested models, wrappers, arguments of calls.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from edgeswap.errors import ModelError
from edgeswap.model import allowed

# Not loaded by edgeswap where the whole model stands; inside it Keras compiles, which `allowed.TRAINING` covers.
COMPILE = "compile_config"
_CODE = {"Lambda", "__lambda__"}
_QUANTIZED = {"QuantizeWrapper", "QuantizeWrapperV2", "QuantizeLayer", "QuantizeAnnotate"}
_SCHEDULES = allowed.PRUNING_SCHEDULES
_OTHER_SOURCES = {"tensorflow", "python"}
_FRAMEWORKS = ("keras", "tf_keras", "tensorflow")
_FILES = ("vocabulary", "idf_weights")  # a text in their place is the path of a file to read


def screen(config: Mapping[str, Any], where: str, own: Collection[str] = ()) -> None:
    """Refuse a config that names anything but Keras's own layers and pure functions, or the user's `own` objects.

    Args:
        config: the whole model's, as `strict_json.parse` gives it.
        where: the file, for errors.
        own: names of the user's own classes and functions.

    Raises:
        ModelError: it names something else; the sentence says what and, where there is one, the way to allow it.
    """
    whole = {key: value for key, value in config.items() if key != COMPILE}
    for record in _mappings(whole):  # before all else, for these are told by their own names
        _refuse_code(record.get("class_name"), where)
    for record in _mappings(whole):
        if "class_name" in record:
            _screen_record(record, where, own)
        _screen_texts(record, where, own)


def named(config: Any) -> set[str]:
    """Every name of a class or function that a config gives: for telling what a file asks for."""
    found: set[str] = set()
    for record in _mappings(config):
        texts = (record.get(key) for key in ("class_name", "registered_name", "config"))
        found.update(text for text in texts if isinstance(text, str))
        found.update(value for key, value in record.items() if isinstance(value, str) and _family(key) is not None)
    return found


def _mappings(config: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


def _screen_record(record: Mapping[str, Any], where: str, own: Collection[str]) -> None:
    name = record["class_name"]
    if not isinstance(name, str):
        raise ModelError(f"Expected class names in {where}, got {str(name)[:100]}.", "Save the model again.")
    short = name.rpartition(">")[2]
    if name == "function":
        _require(_is_known_function(record, own), "a function of Keras", record, where)
    elif name == "TypeSpec":
        _require(record.get("type_spec") in ("tf.TensorSpec", "TensorSpec"), "a type of tensor", record, where)
    elif short in own and not _is_builtin(name, record.get("module")):
        # With another registered name, or none, tf_keras would import the module that the file names.
        registered = record.get("registered_name")
        plain = "module" not in record or (isinstance(registered, str) and registered.rpartition(">")[2] == short)
        _require(plain, "its class's registered name", record, where)
    elif name not in allowed.RECORDS:
        _require(_is_known_class(record, name, short), "a layer of Keras", record, where)
        _screen_calls(short, record.get("config"), where)


def _refuse_code(class_name: Any, where: str) -> None:
    name = class_name.rpartition(">")[2] if isinstance(class_name, str) else ""
    if name in _CODE:
        raise ModelError(
            f"Expected a model without code in it, but {where} holds a Lambda layer, which would run.",
            "Pass --trust if you trust the file, or write a layer class instead.",
        )
    if name in _QUANTIZED:
        raise ModelError(
            f"Expected a float model, but {where} is already quantized: it holds tfmot's {name} layers.",
            "Give the float32 model that it was made from; a model that edgeswap saved with --save-qat is converted by "
            "edgeswap.convert_qat.",
        )


def _is_known_function(record: Mapping[str, Any], own: Collection[str]) -> bool:
    function, module = record.get("config"), record.get("module")
    if not isinstance(function, str):
        return False
    if function.rpartition(">")[2] in own:
        return True
    known = function in allowed.ACTIVATIONS or function in allowed.TRAINING_FUNCTIONS
    there = module in (None, "builtins") or allowed.is_keras_module(module)
    return known and there and record.get("registered_name") in (None, function)


def _is_known_class(record: Mapping[str, Any], name: str, short: str) -> bool:
    module, registered = record.get("module"), record.get("registered_name")
    if short in allowed.OWN_LAYERS:
        full = f"edgeswap>{short}"
        return registered == full if "module" in record else full in (name, registered)
    if short in allowed.PRUNING | _SCHEDULES and not allowed.is_keras_module(module):
        inside = str(module).startswith("tensorflow_model_optimization.python.core.sparsity.keras.")
        return "module" not in record or (inside and (registered == short or short in _SCHEDULES))
    if module == allowed.TENSORFLOW_INITIALIZERS:
        return name in allowed.INITIALIZERS and registered in (None, name)
    known = name in allowed.CLASSES or name in allowed.TRAINING
    return known and ("module" not in record or allowed.is_keras_module(module)) and registered in (None, name)


def _screen_calls(name: str, config: Any, where: str) -> None:
    """The functions that a layer calls by the name that its config gives."""
    settings = config if isinstance(config, Mapping) else {}
    if name in allowed.FUNCTION_LAYERS:
        _require_function(settings.get("function"), where)
    if name == "EdgeswapOperation":
        source = settings.get("source")
        if not (isinstance(source, Mapping) and "class_name" in source and source.keys().isdisjoint(_OTHER_SOURCES)):
            _require_function(source.get("tensorflow") if isinstance(source, Mapping) else None, where)


def _require_function(symbol: Any, where: str) -> None:
    if not allowed.is_function(symbol):
        raise ModelError(
            f"Expected functions that only compute, but {where} calls TensorFlow's {str(symbol)[:100]!r}.",
            "Write a layer instead, or pass --trust if you trust the file.",
        )


def _screen_texts(record: Mapping[str, Any], where: str, own: Collection[str]) -> None:
    """Texts that Keras looks up as functions or opens as files."""
    for key, value in record.items():
        if not isinstance(value, str):
            continue
        if key in _FILES:
            raise ModelError(
                f"Expected words for {key!r} in {where}, got the path {value!r}, which Keras would read.",
                "Give the layer its words as a list, or pass --trust if you trust the file.",
            )
        family = _family(key)
        if family is not None and value not in allowed.NAMED_BY[family] and value not in own:
            raise ModelError(
                f"Expected {_article(family)} of Keras for {key!r} in {where}, got {value[:100]!r}.",
                f"If it is your own, pass --custom-objects MODULE:{value[:100]}.",
            )


def _family(key: str) -> str | None:
    return next((family for family in allowed.NAMED_BY if key.endswith(family)), None)


def _article(family: str) -> str:
    return f"an {family}" if family[0] in "aeiou" else f"a {family}"


def _is_builtin(name: str, module: object) -> bool:
    return name in allowed.CLASSES and (module is None or allowed.is_keras_module(module))


def _require(fits: bool, what: str, record: Mapping[str, Any], where: str) -> None:
    if fits:
        return
    name, module = str(record["class_name"])[:100], record.get("module")
    name = str(record.get("config"))[:100] if name == "function" else name
    came = f" from {str(module)[:100]!r}" if isinstance(module, str) else ""
    registered = record.get("registered_name")
    came += f" registered as {str(registered)[:100]!r}" if registered not in (None, name) else ""
    dotted = isinstance(module, str) and all(part.isidentifier() for part in module.split("."))
    place = module if dotted and not allowed.is_keras_module(module) else "MODULE"
    root = str(module).partition(".")[0]
    nobodys_own = root in sys.stdlib_module_names or (root in _FRAMEWORKS and not allowed.is_keras_module(module))
    raise ModelError(
        f"Expected {what}, but {where} names {name!r}{came}.",
        "Do not use this file unless you know why it names that; --trust runs it."
        if nobodys_own  # it may run anything
        else f"If it is your own, pass --custom-objects {place}:{name}; or --trust if you trust the file.",
    )
