"""What a layer is called in the network that is built from a graph, and back again.

TensorFlow takes a layer's name for a scope, in which only some letters may stand; Keras 3 refuses a slash. Inputs are
no scopes and keep their names, which apps and data files use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgeswap.errors import EdgeswapError
from edgeswap.graph.ir import Graph

_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]{0,199}(?<!/)")  # what TensorFlow takes, and no longer than is read


def built_name(name: str, framework: str = "tf_keras") -> str:
    """The name of a layer, which is no input, in the network built for `framework`.

    A name that TensorFlow takes stays. Another has its letters replaced and a checksum behind, so that no two become
    one; it depends on nothing but the name.
    """
    if framework == "keras":
        return name.replace("/", "_")
    if _SCOPE.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:150].lstrip("_-") or "layer"
    return f"{plain}_{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def given_names(graph: Graph) -> dict[str, str]:
    """Name in the tf_keras network to the name in the graph, for each layer."""
    return {
        layer.name if layer.class_name == "InputLayer" else built_name(layer.name): layer.name
        for layer in graph.layers.values()
    }


@contextmanager
def errors_in_given_names(names: Any) -> Iterator[None]:
    """Errors from within speak of layers by the names that the user gave them.

    Args:
        names: from `given_names`.
    """
    try:
        yield
    except EdgeswapError as error:
        for built, given in names.items():
            if built != given:
                error.problem = error.problem.replace(built, given)
                error.remedy = error.remedy.replace(built, given)
        raise
