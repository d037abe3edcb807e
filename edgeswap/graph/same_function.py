"""That the network built from a graph is the model that was given: both are run on a few samples and compared.

Without it no figure would show that a model was misread, since the float32 baseline comes from the same graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf, tf_keras
from edgeswap.graph.ir import Graph
from edgeswap.graph.layer_names import built_name
from edgeswap.graph.read import framework_of
from edgeswap.graph.shapes import tensors_of

Array = npt.NDArray[Any]

SAMPLES = 4

# The largest difference that is taken for rounding, as a share of the output's largest value, by the precision in which
# the given model computes. Kernels sum in another order when a network is built anew or by the other framework: in
# float32 EfficientNetB0 differs by 4e-6 so and InceptionV3 by 3e-5, while an epsilon of batch normalization that is
# read wrongly differs by 1e-4 or more. A half-precision model is read in float32, so it differs by its own rounding.
ROUNDING: Mapping[str, float] = {"float16": 2e-2, "bfloat16": 1e-1}
FLOAT32_ROUNDING = 1e-4
# A network that magnifies rounding (batch normalization by a tiny variance) is given what its outputs move by when
# each value of its input moves by one bit, times this: as much happens in each of its layers.
MAGNIFIED = 100
NOTHING = 1e-6  # outputs that are all below are what a sum left that should have been 0
MOST = 1e-2  # beyond that it is never taken for rounding in float32


def verify(model: Any, built: Any, graph: Graph, samples: Sequence[Array], *, done: str = "read") -> None:
    """Compare a model with the network built from its graph.

    Layers that change their outputs from run to run (a dropout that was called with `training=True`) are allowed
    what they change; state that a recurrent layer keeps is reset before each run.

    Args:
        model: as it was given, of either framework; left as it was but for such state.
        built: from `graph`, of either framework.
        graph: canonical, perhaps decomposed.
        samples: float (N, ...) for each input of `graph`, in order, as the model takes them; the first few are used.
        done: what was done to the model, for the error: `read` or `decomposed`.

    Raises:
        ModelError: an output differs by more than rounding; it names the first layer that does.
    """
    few = [np.asarray(array[:SAMPLES]) for array in samples]
    expected = _outputs(model, _in_order_of(model, graph, few))
    got = _outputs(built, _in_order_of(built, graph, few))
    far = _difference(expected, got)
    if far <= FLOAT32_ROUNDING or far <= _allowed(model, graph, few, expected):
        return
    where = _first_difference(model, built, graph, few)
    raise ModelError(
        f"Expected the network that edgeswap {done} to give the model's outputs, but they differ by "
        f"{100 * far:.2g} % of the largest value" + (f", first behind layer {where!r}." if where else "."),
        "This is a fault of edgeswap: please report it with the model; until then write that layer in another way.",
    )


def sample_inputs(graph: Graph, *, seed: int = 0) -> list[Array] | None:
    """Random samples for each input of `graph`, where there are none of the user's; None if a size is free.

    Floats are normally distributed; those that go into a Rescaling are pixels, 0 to 255. Whole numbers are 0 and 1.
    """
    random = np.random.default_rng(seed)
    found: list[Array] = []
    for ref in graph.inputs:
        config = graph.layer_of(ref).config
        batch, *shape = config["batch_shape"]
        if None in shape:
            return None
        sizes = (batch or SAMPLES, *shape)
        readers = {graph.layers[node.layer].class_name for node in graph.consumers()[ref.node]}
        if "float" not in config["dtype"]:
            found.append(random.integers(0, 2, sizes).astype(config["dtype"]))
        elif readers <= {"Rescaling", "Normalization"}:
            found.append(random.uniform(0, 255, sizes).astype(np.float32))
        else:
            found.append(random.normal(size=sizes).astype(np.float32))
    return found


def _in_order_of(model: Any, graph: Graph, samples: Sequence[Array]) -> list[Array]:
    """The samples as `model` takes its inputs, which a dict may give another order than the graph has."""
    names = [ref.node for ref in graph.inputs]
    own = [tensor.name for tensor in model.inputs] if framework_of(model) is keras else list(model.input_names)
    by_name = dict(zip(names, samples, strict=True))
    return [by_name[name] for name in own] if set(own) == set(names) else list(samples)


def _outputs(model: Any, samples: Sequence[Array]) -> list[Array]:
    """Every output of the model as it predicts, float64; in steps of the batch that it was built for."""
    batch = model.inputs[0].shape[0]
    count = len(samples[0])
    step = count if batch is None else int(batch)
    parts: list[list[Array]] = []
    for start in range(0, count, step):
        chunk = [np.resize(array[start : start + step], (step, *array.shape[1:])) for array in samples]
        _reset_states(model)
        parts.append([np.asarray(tensor, np.float64) for tensor in _called(model, chunk)])
    return [np.concatenate(of_one)[:count] for of_one in zip(*parts, strict=True)]


def _called(model: Any, arrays: Sequence[Array]) -> list[Any]:
    try:
        return _outputs_of_call(model, [tf.constant(array) for array in arrays])
    except tf.errors.OpError as error:
        words = " ".join(str(error).split())[:300]
        raise ModelError(
            f"Expected the model to run on samples, but TensorFlow says: {words}",
            "Check that model.predict works on such samples; a layer asks for something that no CPU kernel does.",
        ) from error


def _outputs_of_call(model: Any, tensors: list[Any]) -> list[Any]:
    if isinstance(model, (keras.Sequential, tf_keras.Sequential)):
        return [model(tensors[0], training=False)]
    if framework_of(model) is keras:
        return list(keras.tree.flatten(model(keras.tree.pack_sequence_as(model.input, tensors), training=False)))
    return list(tf.nest.flatten(model(tf.nest.pack_sequence_as(model.input, tensors), training=False)))


def _reset_states(model: Any) -> None:
    for layer in model.layers:
        if getattr(layer, "stateful", False) and hasattr(layer, "states"):
            (layer.reset_state if framework_of(model) is keras else layer.reset_states)()


def _difference(expected: Sequence[Array], got: Sequence[Array]) -> float:
    """The largest difference of any output as a share of its largest value; infinite where shapes or NaNs differ."""
    if [one.shape for one in expected] != [other.shape for other in got]:
        return float("inf")
    return max((_share(one, other) for one, other in zip(expected, got, strict=True)), default=0.0)


def _share(expected: Array, got: Array) -> float:
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(got)):
        return float("inf")
    if not finite.any():
        return 0.0
    apart = np.abs(expected - got, where=finite, out=np.zeros_like(expected)).max()
    return float(apart / max(np.abs(expected[finite]).max(), NOTHING))


def _allowed(model: Any, graph: Graph, samples: Sequence[Array], expected: Sequence[Array]) -> float:
    """The share that is rounding, or chance, for this model."""
    precisions = {str(layer.compute_dtype) for layer in model.layers if hasattr(layer, "compute_dtype")}
    half = max((ROUNDING[name] for name in precisions if name in ROUNDING), default=0.0)
    again = _difference(expected, _outputs(model, _in_order_of(model, graph, samples)))
    if again > FLOAT32_ROUNDING:
        return float("inf")  # another answer each time: there is nothing to compare
    nudged = [np.nextafter(array, np.float32(np.inf)) if array.dtype == np.float32 else array for array in samples]
    moved = _difference(expected, _outputs(model, _in_order_of(model, graph, nudged)))
    return max(half, min(MAGNIFIED * moved, MOST))


def _first_difference(model: Any, built: Any, graph: Graph, samples: Sequence[Array]) -> str | None:
    """The first layer behind which the two differ, and with them some layer that reads it or an output.

    Both are asked for the outputs of the layers that both have. What a folding moved from one layer into the one
    before it, which the next reader sets right, is no difference.
    """
    given, ours = _taps(model), _taps(built)
    framework = framework_of(built).__name__
    names = {node.name: built_name(node.layer, framework) + node.name.removeprefix(node.layer) for node in graph.nodes}
    pairs = {
        node.name: (given[node.name], ours[behind])
        for node in graph.nodes
        if node.name in given and (behind := names[_with_activation(node.name, graph)]) in ours
    }
    values = (
        _outputs(_tapped(network, [pair[side] for pair in pairs.values()]), _in_order_of(network, graph, samples))
        for side, network in enumerate((model, built))
    )
    apart = {
        name
        for name, one, other in zip(pairs, *values, strict=True)
        if one.shape != other.shape or _share(one, other) > FLOAT32_ROUNDING
    }
    readers = graph.consumers()
    return next(
        (
            graph.node(name).layer
            for name in pairs
            if name in apart
            and any(
                reader.name in apart or reader.name not in pairs for reader in readers[_with_activation(name, graph)]
            )
        ),
        next((graph.node(name).layer for name in pairs if name in apart), None),
    )


def _with_activation(name: str, graph: Graph) -> str:
    """The call behind which the graph has what the given layer gives: that of its activation, where that is apart."""
    node = graph.node(name)
    call = name.removeprefix(node.layer)
    follower = f"{node.layer}_activation{call}"
    return follower if any(reader.name == follower for reader in graph.consumers()[name]) else name


def _taps(model: Any) -> dict[str, Any]:
    """Name of each call to the one tensor that it gives."""
    found = tensors_of(model, framework_of(model))
    return {name: tensors[0] for name, tensors in found.items() if len(tensors) == 1}


def _tapped(model: Any, tensors: Sequence[Any]) -> Any:
    return framework_of(model).Model(model.inputs, list(tensors))
