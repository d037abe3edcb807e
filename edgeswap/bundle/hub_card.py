"""README.md of a bundle on the Hugging Face Hub: the model card, with its results as YAML that the Hub reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from edgeswap.bundle.manifest import LABELS, Manifest, Results

LIBRARY = "litert"  # as the models of litert-community have it
# Of the identifiers that the Hub knows as licences those that are common; all others it takes as `other` with a name.
LICENCES = frozenset({
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "unlicense",
})  # fmt: skip
# What the Hub calls a task, for a model that takes images and for one that takes a row of features.
OF_IMAGES = {
    "classification": "image-classification",
    "binary": "image-classification",
    "multilabel": "image-classification",
    "segmentation": "image-segmentation",
    "detection": "object-detection",
    "reconstruction": "image-to-image",
}
OF_FEATURES = {
    "classification": "tabular-classification",
    "binary": "tabular-classification",
    "multilabel": "tabular-classification",
    "regression": "tabular-regression",
}
# What the Hub calls a metric, where it has a name of its own.
METRICS = {"top1": "accuracy", "macro_f1": "f1", "micro_f1": "f1", "miou": "mean_iou"}
OTHER_TASK = "other"


def hub_card(manifest: Manifest, model_card: str) -> str:
    """The file: YAML between two lines of dashes, the bundle's own model card, and what the other files are.

    Args:
        manifest: of the bundle.
        model_card: MODEL_CARD.md of the bundle.

    Raises:
        ImportError: huggingface-hub is not installed.
    """
    from huggingface_hub import ModelCardData  # noqa: PLC0415  (an extra)

    task = pipeline_tag(manifest)
    data = ModelCardData(
        library_name=LIBRARY,
        pipeline_tag=task,
        tags=["tflite", "int8", "quantized", "edgeswap"],
        model_name=manifest.name,
        eval_results=_eval_results(manifest.results, task) or None,
        **_licence(manifest.licence),
    )
    files = [
        "- `model.tflite`: the int8 model, with TFLite Metadata",
        *([f"- `{LABELS}`: the names of the classes, in the order of the output"] if manifest.labels else []),
        "- `model.json`: shapes, scales and preprocessing, for programs",
        "- `bundle.zip`: all of it, with code for Android, iOS, C++ and Python, and golden vectors. Check it by "
        "`edgeswap bundle verify bundle.zip`",
    ]
    return "\n".join(["---", data.to_yaml().strip(), "---", "", model_card.strip(), "", "## Files", *files, ""])


def pipeline_tag(manifest: Manifest) -> str | None:
    """What the Hub calls the model's task; None where it has no word for it."""
    if manifest.results is None:
        return None
    if any(given.pixels is not None for given in manifest.inputs):
        return OF_IMAGES.get(manifest.results.task)
    if all(len(given.shape) == 2 for given in manifest.inputs):
        return OF_FEATURES.get(manifest.results.task)
    return None


def _licence(licence: str) -> dict[str, str]:
    known = licence.strip().lower().replace(" ", "-")
    if not known:
        return {}
    if known in LICENCES:
        return {"license": known}
    return {"license": "other", "license_name": _slug(licence)}


def _eval_results(results: Results | None, task: str | None) -> Sequence[Any]:
    """One of each metric of the int8 model, the deciding one first; none where nothing was measured."""
    from huggingface_hub import EvalResult  # noqa: PLC0415  (an extra)

    if results is None:
        return []
    values = {} if results.int8 is None else {results.metric: results.int8}
    values |= {name: value for name, value in results.metrics.items() if name != results.metric}
    return [
        EvalResult(
            task_type=task or OTHER_TASK,
            task_name=results.task,
            dataset_type=_slug(results.data),
            dataset_name=results.data,
            dataset_split="test",
            metric_type=METRICS.get(name, name),
            metric_name=f"{name} of the int8 model on {results.samples} test samples",
            metric_value=value,
        )
        for name, value in values.items()
    ]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.") or "unknown"
