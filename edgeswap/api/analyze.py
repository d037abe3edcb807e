"""`edgeswap.analyze`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.api.types import Listener, Metrics, Objects, Task
from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.records import AnalyzeReport


@kept_random_state()
@python_words()
def analyze(
    model: Any,
    *,
    data: Any = None,
    test_data: Any = None,
    calibration: Any = None,
    preprocess: str | None = None,
    resize: Literal["pillow", "keras", "crop"] = "pillow",
    labels: str | Path | None = None,
    task: Task | None = None,
    metric: Metrics = (),
    decode: str | Callable[..., Any] | None = None,
    ranges: Literal["auto", "fixed", "observed"] = "auto",
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel",
    dense_scales: Literal["per-channel", "per-tensor"] | None = None,
    samples: int = 32,
    tflite: str | Path | None = None,
    custom_objects: Objects = (),
    trust: bool = False,
    seed: int = 0,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Listener | None = None,
) -> AnalyzeReport:
    """Tell for each layer what int8 costs, why, and what helps. Nothing is trained or converted.

    Args:
        model: a Keras 3 or tf_keras model, or the path of one.
        data: samples, as of `export`.
        test_data: samples that layers are judged on, as of `export`; None sets a fifth of `data` aside.
        calibration: samples that set ranges, as of `export`.
        preprocess: mapping from pixels to model inputs, as of `export`.
        resize: how image files get the model's size, as of `export`.
        labels: a text file of class names, as of `export`.
        task: what the model is for, as of `export`.
        metric: the metric whose drop is told, as of `export`.
        decode: makes boxes of the outputs, as of `export`.
        ranges: range of a bounded activation: its bounds, or tightened by calibration.
        weight_scales: scales of weights, as of `export`.
        dense_scales: weight scales of dense layers, as of `export`.
        samples: test samples to judge layers on.
        tflite: the int8 file that `export` made of the model, whose tensors then name nodes for Model Explorer.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.
        trust: let code inside the model file run.
        seed: random seed.
        output: folder to write the JSON, the page and node data for Model Explorer to; None writes nothing.
        overwrite: replace an earlier output folder.
        progress: as of `export`.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    settings = locals()
    from edgeswap.config.analyze import analyze_config  # noqa: PLC0415
    from edgeswap.progress import progress_to  # noqa: PLC0415

    told = progress_to(settings.pop("progress"), in_python_words)
    config = analyze_config(settings)
    from edgeswap.commands.analyze import analyze as run  # noqa: PLC0415  (imports TensorFlow)

    return run(config, progress=told)
