"""What keywords of several functions take: long types by a name, where the docstrings have the words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from edgeswap.progress import Progress

Task = Literal[
    "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs"
]
Metrics = str | Callable[..., Any] | Sequence[str | Callable[..., Any]]
Objects = Mapping[str, Any] | Sequence[str]
Listener = Progress | Callable[[str, float | None, float | None], object]
