"""`edgeswap check`, from the file of a Keras model; for a `.tflite` see `edgeswap.compatibility.tflite_findings`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeswap.activations.catalog import Activation
from edgeswap.compatibility.backends import Backend
from edgeswap.compatibility.findings import CheckReport, Finding, TargetCheck
from edgeswap.compatibility.graph_findings import FACT, check, grouped
from edgeswap.errors import ModelError
from edgeswap.frameworks import tf_keras
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph, Ref
from edgeswap.graph.names import given_names
from edgeswap.graph.read import read
from edgeswap.graph.swap import Rule, swap
from edgeswap.model.custom_objects import CustomObjects
from edgeswap.model.load import load_model
from edgeswap.version import __version__

Shapes = dict[Ref, tuple[int | None, ...]]


def check_file(
    path: str | Path,
    targets: Sequence[Backend],
    *,
    activation: Activation | None = None,
    rules: Sequence[Rule] = (),
    trust: bool = False,
    custom_objects: CustomObjects = (),
) -> CheckReport:
    """What is to be said of a Keras model file on each target, before any training.

    Args:
        path: a `.keras` or `.h5` of either framework.
        targets: where it is to run.
        activation: what every hidden activation is to become first; None leaves them.
        rules: swaps by kind or by layer name.
        trust: let the file's own code run, see `edgeswap.model.load.load_model`.
        custom_objects: the user's own layers, see there.

    Raises:
        ModelError: the file cannot be read as a graph.
        ConfigError: a rule fits nothing.
    """
    graph = canonicalize(read(load_model(path, trust=trust, custom_objects=custom_objects)))
    swapped = swap(graph, activation, rules)
    shapes, findings = _shapes(swapped.graph)
    checked = [_with(findings, check(swapped.graph, target, shapes=shapes)) for target in targets]
    return CheckReport(
        edgeswap=__version__,
        model=str(path),
        form="keras",
        activations=swapped.activations if activation or rules else None,
        targets=checked,
        passed=all(target.passed for target in checked),
    )


def shapes_of(graph: Graph) -> Shapes:
    """The shape of every tensor of a canonical graph, batch included, off the model that an export would build.

    Raises:
        ModelError: as `build`.
    """
    model = build(graph, tf_keras)
    calls = dict.fromkeys(graph.layers, 0)
    names = {given: built for built, given in given_names(graph).items()}
    shapes: Shapes = {}
    for node in graph.nodes:
        outputs = model.get_layer(names[node.layer]).get_output_at(calls[node.layer])
        calls[node.layer] += 1
        for index, tensor in enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]):
            shapes[Ref(node.name, index)] = tuple(tensor.shape)
    return shapes


def _shapes(graph: Graph) -> tuple[Shapes, list[Finding]]:
    """The shapes; or, as a finding, what hinders the model to be built again."""
    try:
        return shapes_of(graph), []
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
        return {}, [finding]


def _with(findings: Sequence[Finding], checked: TargetCheck) -> TargetCheck:
    blocked = any(finding.severity == "blocks" for finding in findings)
    together = grouped([*findings, *checked.findings])
    return checked.model_copy(update={"findings": together, "passed": checked.passed and not blocked})
