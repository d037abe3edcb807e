"""`edgeswap check`, for a Keras model: its graph, and whether an export can build it again. Imports TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeswap.activations.catalog import Activation
from edgeswap.compatibility.backends import Backend
from edgeswap.compatibility.findings import FACT, CheckReport, Finding, LikelyTask
from edgeswap.compatibility.graph_findings import check
from edgeswap.compatibility.task_without_labels import task_without_labels
from edgeswap.errors import ModelError
from edgeswap.graph.build import framework_layers
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.graph.swap import Rule, swap
from edgeswap.model.custom_objects import CustomObjects, with_twins
from edgeswap.model.load import load_model
from edgeswap.tasks.outputs import Signature, input_shapes, model_outputs
from edgeswap.version import __version__


def check_model(
    model: Any,
    targets: Sequence[Backend],
    *,
    activation: Activation | None = None,
    rules: Sequence[Rule] = (),
    trust: bool = False,
    custom_objects: CustomObjects = (),
) -> CheckReport:
    """What is to be said of a Keras model on each target, before any training.

    Args:
        model: of either framework, or the path of its `.keras` or `.h5`.
        targets: where it is to run.
        activation: what every hidden activation is to become first; None leaves them.
        rules: swaps by kind or by layer name.
        trust: let the file's own code run, see `edgeswap.model.load.load_model`.
        custom_objects: the user's own layers, see there.

    Raises:
        ModelError: it cannot be read as a graph.
        ConfigError: a rule fits nothing.
    """
    is_file = isinstance(model, (str, Path))
    opened = load_model(model, trust=trust, custom_objects=custom_objects) if is_file else model
    given = read(opened)
    graph = canonicalize(given)
    swapped = swap(graph, activation, rules)
    findings = _rebuilding(with_twins(swapped.graph, custom_objects))
    checked = [check(swapped.graph, target, also=findings) for target in targets]
    return CheckReport(
        edgeswap=__version__,
        model=str(model) if is_file else "a model object",
        form="keras",
        activations=swapped.activations if activation or rules else None,
        export=_likely_task(graph, [ref.node for ref in given.outputs]),
        targets=checked,
        passed=all(target.passed for target in checked),
    )


def _likely_task(graph: Graph, names: Sequence[str]) -> LikelyTask | None:
    """None where a size is free, which is a finding of its own."""
    inputs = input_shapes(graph)
    shapes = (*inputs.values(), *((graph.shape(ref) or (None, None))[1:] for ref in graph.outputs))
    if any(None in shape for shape in shapes):
        return None
    return task_without_labels(Signature(inputs, model_outputs(graph, names)))


def _rebuilding(graph: Graph) -> list[Finding]:
    """What hinders an export to build the model's layers again."""
    try:
        framework_layers(graph)
    except (ModelError, TypeError, ValueError, KeyError) as error:
        # Layers of any class are built there from other people's configs, and this is how they refuse one.
        problem = error.problem if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        finding = Finding(
            severity="blocks",
            what="rebuilding in tf_keras",
            why=f"An export builds the model again, which fails: {' '.join(problem.split())[:300]}",
            instead="Write the layer it names in another way, or report it.",
            basis=FACT,
            layers=[name for name in graph.layers if f"'{name}'" in problem],
        )
        return [finding]
    return []
