"""Does a microcontroller's runtime have every operator of a model? Told before anything trains."""

from __future__ import annotations

from edgeswap.compatibility.backends import BACKENDS
from edgeswap.compatibility.graph_findings import check
from edgeswap.errors import ModelError, shortened
from edgeswap.graph.ir import Graph

MICRO = BACKENDS["micro"]


def require_micro(graph: Graph) -> None:
    """Refuse a model with an operator that TensorFlow Lite for Microcontrollers lacks: nothing else there runs it.

    Args:
        graph: canonical, with its swaps, as it is to be exported.

    Raises:
        ModelError: an operator is missing there, or is there in float alone; the remedy is the finding's own.
    """
    of_its_table = [one for one in check(graph, MICRO).findings if one.basis == MICRO.basis]
    lacking = [one for one in of_its_table if one.severity == "blocks" and one.certain]
    if not lacking:
        return
    named = "; ".join(f"{one.what} in {shortened([repr(name) for name in one.layers])}" for one in lacking)
    raise ModelError(
        f"Expected operators that --target micro can run, got {named}. {lacking[0].why}",
        f"{lacking[0].instead} Or leave out --target micro.",
    )
