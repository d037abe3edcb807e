"""What model.json says that can be read off the `.tflite` itself, so that both can be held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from edgeswap.bundle.apps.facts import SCORES, elements
from edgeswap.bundle.apps.pixels import LIMITS, PixelSteps
from edgeswap.bundle.holds import holds, require_shown
from edgeswap.bundle.manifest import InputTensor, Manifest, Normalization, OperatorUse, OutputTensor, Pixels
from edgeswap.errors import ModelError
from edgeswap.graph.feature_normalization import FeatureNormalization
from edgeswap.records import Io
from edgeswap.tasks.task import Shown
from edgeswap.tflite import metadata_schema
from edgeswap.tflite.ends import ends
from edgeswap.tflite.flatbuffer import Tensor, operator_name, tensors
from edgeswap.tflite.runtime_version import of_operator, text

FROM_LABELS = "One name a line, in the order of the output."
OF_CLASSES = "The names of the classes, one a line, from class 0 on."
DTYPES: Mapping[str, Io] = {"INT8": "int8", "UINT8": "uint8", "FLOAT32": "float32"}
_CHANNELS = {1: metadata_schema.GRAYSCALE, 3: metadata_schema.RGB}

# In Markdown and in metadata; the numbers stand in model.json and in the code.
_NORMALIZED = (
    "(value - mean) / deviation, feature by feature, with the numbers in model.json: once the model's own layer"
)


def inputs(
    model: Any,
    pixels: Sequence[PixelSteps | None],
    normalizations: Mapping[str, FeatureNormalization] = MappingProxyType({}),
) -> list[InputTensor]:
    """The inputs of a `ModelT`.

    Args:
        model: as `flatbuffer.read` gives it.
        pixels: of each input how it comes from pixels; None where it takes real values.
        normalizations: what the app does with the real values of the inputs of these names.

    Raises:
        ModelError: an input that is neither int8, uint8 or float32 of an int8 model, nor plain int32.
    """
    found = []
    for tensor, inside, steps in zip(input_tensors(model), int8_inputs(model), pixels, strict=True):
        scale, zero_point = (0.0, 0) if tensor.dtype == "INT32" else _quantized(tensor, inside)
        found.append(
            InputTensor(
                name=tensor.name,
                shape=list(tensor.shape),
                dtype="int32" if tensor.dtype == "INT32" else DTYPES[tensor.dtype],
                scale=scale,
                zero_point=zero_point,
                pixels=None if steps is None else _pixels(steps),
                normalization=_normalization(normalizations.get(tensor.name)),
            )
        )
    return found


def input_tensors(model: Any) -> list[Tensor]:
    """The inputs of a `ModelT` as the file has them, in order."""
    known = tensors(model)
    return [known[index] for index in model.subgraphs[0].inputs]


def int8_inputs(model: Any) -> list[Tensor]:
    """What the inputs of a `ModelT` become: the tensors behind uint8 and float32 ends, the others themselves."""
    known, inside = tensors(model), ends(model).inputs
    return [known[inside.get(int(index), int(index))] for index in model.subgraphs[0].inputs]


def outputs(model: Any, shown: Shown, layers: Sequence[str | None] = ()) -> list[OutputTensor]:
    """The outputs of a `ModelT`.

    Args:
        model: as `flatbuffer.read` gives it.
        shown: what an app does with them.
        layers: which layer gives each, as its author named it; empty where that is not known.

    Raises:
        ModelError: an output that is not int8, uint8 or float32 of an int8 model, or outputs that cannot be `shown` so.
    """
    known, inside = tensors(model), ends(model).outputs
    indices = [int(index) for index in model.subgraphs[0].outputs]
    require_shown(shown, [known[index].shape for index in indices])
    found = []
    for index, layer in zip(indices, layers or [None] * len(indices), strict=True):
        tensor = known[index]
        scale, zero_point = _quantized(tensor, known[inside.get(index, index)])
        what, threshold = holds(model, tensor, index, shown)
        found.append(
            OutputTensor(
                name=tensor.name,
                shape=list(tensor.shape),
                dtype=DTYPES[tensor.dtype],
                scale=scale,
                zero_point=zero_point,
                holds=what,
                threshold=threshold,
                layer=layer,
            )
        )
    return found


def operators(model: Any) -> list[OperatorUse]:
    """Which operators a `ModelT` has, in which version, over all subgraphs; in order of their names."""
    codes = [model.operatorCodes[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators]
    counts = Counter((operator_name(code), int(code.version)) for code in codes)
    return [
        OperatorUse(
            name=name,
            version=version,
            count=count,
            minimum_tensorflow_lite=None if (since := of_operator(name, version)) is None else text(since),
        )
        for (name, version), count in sorted(counts.items())
    ]


def preprocessing(given: list[InputTensor]) -> list[str]:
    """What an app does with each input, step by step, in words."""
    return [step for tensor in given for step in _steps(tensor)]


def metadata(manifest: Manifest) -> dict[str, Any]:
    """The TFLite Metadata that say what `manifest` says."""
    graph = {
        "input_tensor_metadata": [_input_metadata(tensor) for tensor in manifest.inputs],
        "output_tensor_metadata": [_output_metadata(tensor, manifest) for tensor in manifest.outputs],
    }
    beside = []
    if manifest.labels is not None and not _names_an_axis(manifest):
        beside = [{"name": manifest.labels, "description": OF_CLASSES}]
    return {
        "name": manifest.name,
        "description": manifest.description,
        "version": manifest.version,
        "subgraph_metadata": [graph],
        "author": manifest.author,
        "license": manifest.licence,
        **({"associated_files": beside} if beside else {}),
        "min_parser_version": metadata_schema.PARSER_VERSION,
    }


def _quantized(tensor: Tensor, inside: Tensor) -> tuple[float, int]:
    """Scale and zero point of an input or output; of a float32 one those of the int8 tensor inside."""
    if inside.dtype != "INT8" or len(inside.scales) != 1:
        raise ModelError(
            f"Expected int8 inputs and outputs of one scale each, got {tensor.dtype} for {tensor.name!r}.",
            "A bundle needs a full-integer int8 model.",
        )
    given = inside if tensor.dtype == "FLOAT32" else tensor
    return given.scales[0], given.zero_points[0]


def _pixels(steps: PixelSteps) -> Pixels:
    return Pixels(
        preprocess=steps.preprocess,
        resize=steps.resize,
        source_channels=list(steps.source_channels),
        scales=list(steps.scales),
        offsets=list(steps.offsets),
    )


def _normalization(own: FeatureNormalization | None) -> Normalization | None:
    return None if own is None else Normalization(mean=list(own.mean), deviation=list(own.deviation))


def _steps(tensor: InputTensor) -> list[str]:
    name = f"{tensor.name}: "
    if tensor.dtype == "int32":
        return [f"{name}whole numbers as they are, int32 of shape {tensor.shape}"]
    pixels, lowest, highest = tensor.pixels, *_steps_of(tensor)
    clipped = f"clipped to {lowest}..{highest}"
    if pixels is None:
        return [
            f"{name}real values as the model was trained with, float32 of shape {tensor.shape}",
            *([] if tensor.normalization is None else [f"{name}value = {_NORMALIZED}"]),
            f"{name}the model takes the real values and quantizes them itself: nothing is scaled in the app"
            if tensor.dtype == "float32"
            else f"{name}{tensor.dtype} = round(value / {tensor.scale!r} + {tensor.zero_point}), {clipped}",
        ]
    height, width, channels = tensor.shape[1:]
    order = {1: "grayscale", 3: "RGB", 4: "RGBA"}.get(channels, f"{channels} channels")
    linear = set(pixels.scales), set(pixels.offsets)
    formula = {
        "int8": "pixel - 128" if linear == ({1.0}, {-128.0}) else "",
        "uint8": "pixel" if linear == ({1.0}, {0.0}) else "",
        "float32": "pixel" if linear == ({1.0}, {0.0}) else "pixel * scale + offset by channel",
    }[tensor.dtype] or f"floor(pixel * scale + offset + 0.5) by channel, {clipped}"
    turned = pixels.source_channels != list(range(channels))
    return [
        f"{name}resize to {width} x {height} pixels, {order}, uint8 (accuracy was measured with {pixels.resize})",
        *([f"{name}take the channels in the order {pixels.source_channels}"] if turned else []),
        f"{name}{tensor.dtype} = {formula}",
    ]


def _steps_of(tensor: InputTensor | OutputTensor) -> tuple[int, int]:
    """The lowest and the highest value of its integers, of a float32 tensor those of the int8 one inside."""
    return LIMITS["uint8" if tensor.dtype == "uint8" else "int8"]


def _input_metadata(tensor: InputTensor) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tensor.name, "description": " ".join(_steps(tensor))}
    features: dict[str, Any] = {"content_properties": {"FeatureProperties": {}}}
    if tensor.dtype == "int32":
        return said | {"content": features}
    lowest, highest = (tensor.scale * (step - tensor.zero_point) for step in _steps_of(tensor))
    stats = {"max": [_float32(highest)], "min": [_float32(lowest)]}
    pixels = tensor.pixels
    if pixels is None or tensor.shape[3] not in _CHANNELS:
        own = tensor.normalization
        if own is not None:
            options = {"NormalizationOptions": {"mean": _once(own.mean), "std": _once(own.deviation)}}
            said |= {"process_units": [{"options": options}]}
        return said | {"content": features, "stats": stats}
    size = {"width": tensor.shape[2], "height": tensor.shape[1]}
    # A reader that hands over RGB where the model takes BGR would be wrong without a word: then none is named.
    turned = pixels.source_channels != sorted(pixels.source_channels)
    space = metadata_schema.UNKNOWN if turned else _CHANNELS[tensor.shape[3]]
    image = {"color_space": space, "default_size": size}
    # (pixel - mean) / std is a real value whose int8 is just what `pixels` gives: for `symmetric` the mean is 128.
    step, zero = (1.0, 0) if tensor.dtype == "float32" else (tensor.scale, tensor.zero_point)
    std = [1 / (scale * step) for scale in pixels.scales]
    mean = [(zero - offset) / scale for scale, offset in zip(pixels.scales, pixels.offsets, strict=True)]
    options = {"NormalizationOptions": {"mean": _once(mean), "std": _once(std)}}
    return said | {
        "content": {"content_properties": {"ImageProperties": image}},
        "process_units": [{"options": options}],
        "stats": stats,
    }


def _output_metadata(tensor: OutputTensor, manifest: Manifest) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tensor.name, "content": {"content_properties": {"FeatureProperties": {}}}}
    count = elements(tensor.shape)
    values = f"{count} {'value' if count == 1 else 'values'}"
    said["description"] = values if tensor.holds == "values" else f"{tensor.holds}, {values}"
    if tensor.threshold is not None:
        one = "the second class" if tensor.shape[-1] == 1 else "a sample has each class whose value is"
        said["description"] += f": {one} above {tensor.threshold}"
    lowest, highest = (tensor.scale * (step - tensor.zero_point) for step in _steps_of(tensor))
    said["stats"] = {"max": [_float32(highest)], "min": [_float32(lowest)]}
    if manifest.labels is not None and _names_an_axis(manifest):
        said["associated_files"] = [
            {"name": manifest.labels, "description": FROM_LABELS, "type": metadata_schema.AXIS_LABELS}
        ]
    return said


def _names_an_axis(manifest: Manifest) -> bool:
    """Whether the output has a value for each label. One value may tell two apart, and boxes are in some coding."""
    first = manifest.outputs[0]
    return first.shape[-1] > 1 and first.holds in (*SCORES, "class map")


def _once(values: list[float]) -> list[float]:
    """One value stands for all channels where they are equal, as the schema has it; as float32 holds them."""
    found = [_float32(value) for value in values]
    return found[:1] if len(set(found)) == 1 else found


def _float32(value: float) -> float:
    return float(np.float32(value))
