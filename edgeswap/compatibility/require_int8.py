"""Can a model be int8 at all? Told before anything trains, by what `edgeswap check` finds."""

from __future__ import annotations

from edgeswap.compatibility.backends import BACKENDS, Backend
from edgeswap.compatibility.findings import FACT, Finding
from edgeswap.compatibility.graph_findings import ESTIMATE, check
from edgeswap.errors import ModelError, shortened
from edgeswap.graph.ir import Graph
from edgeswap.records import Caution


def require_int8(graph: Graph, target: Backend = BACKENDS["host"]) -> list[Caution]:
    """Refuse a model of which it is certain that it cannot be int8.

    Only what holds wherever it is to run: which operators a target's accelerator takes is for `edgeswap check`.

    Args:
        graph: canonical, with its swaps, as it is to be exported.
        target: whose table chooses among the remedies.

    Returns:
        What may come out in float but need not, since the converter can join an operator with its neighbours; the gate
        judges the file itself. And what is certain to cost quality.

    Raises:
        ModelError: a blocking finding that is certain; the remedy is the finding's own.
    """
    of_the_model = [one for one in check(graph, target).findings if one.basis in (ESTIMATE, FACT)]
    blocking = [finding for finding in of_the_model if finding.severity == "blocks"]
    certain = [finding for finding in blocking if finding.certain]
    if certain:
        first, *others = certain
        more = f" For {len(others)} more such findings see `edgeswap check`." if others else ""
        raise ModelError(f"Expected a model that can be int8, got {_named(first)}. {first.why}", first.instead + more)
    costly = [finding for finding in of_the_model if finding.severity == "costs" and finding.basis == FACT]
    return [
        *(
            Caution(kind="perhaps_float", problem=f"Perhaps not int8: {_named(one)}. {one.why}", remedy=one.instead)
            for one in blocking
        ),
        *(
            Caution(kind="costs_quality", problem=f"Costly in int8: {_named(one)}. {one.why}", remedy=one.instead)
            for one in costly
        ),
    ]


def _named(finding: Finding) -> str:
    layers = shortened([repr(name) for name in finding.layers])
    return f"{finding.what} in {layers}" if layers else finding.what
