"""Samples as a model takes them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from edgeswap.data.dataset import Dataset
from edgeswap.data.preprocess import Preprocess


def model_inputs(dataset: Dataset, preprocess: Preprocess, indices: npt.ArrayLike, as_app: bool) -> list[Any]:
    """One float32 array for each model input, preprocessed; `as_app` as an int8 model in an app will see them."""
    mapped = (preprocess.as_the_app_does if as_app else preprocess)(dataset.read(indices))
    return list(mapped.values()) if isinstance(mapped, dict) else [mapped]
