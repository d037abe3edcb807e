"""`edgeswap.export`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.api.types import Listener, Metrics, Objects, Task
from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.report.export_result import ExportResult


@kept_random_state()
@python_words()
def export(
    model: Any = None,
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
    loss: str | Callable[..., Any] | None = None,
    activation: str | None = None,
    swap: str | Sequence[str] = (),
    recover_epochs: int = 3,
    precision: Literal["int8", "int16x8", "float16"] = "int8",
    io: Literal["int8", "uint8", "float32"] = "int8",
    method: Literal["ptq", "qat", "auto"] | None = None,
    epochs: int = 3,
    batch_size: int = 32,
    strategy: Literal["mirrored", "multiworker"] | None = None,
    ranges: Literal["auto", "fixed", "observed", "learned"] = "auto",
    hard_swish: Literal["auto", "operator", "rewritten"] = "auto",
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel",
    dense_scales: Literal["per-channel", "per-tensor"] | None = None,
    save_qat: bool = False,
    target: str | Sequence[str] = "host",
    target_samples: int | None = None,
    threads: int = 1,
    api: Literal["interpreter", "compiled"] = "interpreter",
    delegate: str | None = None,
    require_delegate: bool = False,
    compare: Literal["dynamic"] | None = None,
    measure: bool = True,
    keep: bool = False,
    max_drop: float | None = None,
    max_latency_ms: float | None = None,
    max_size: int | None = None,
    max_arena: int | None = None,
    allow_chance: bool = False,
    custom_objects: Objects = (),
    trust: bool = False,
    author: str = "",
    license: str = "",
    description: str = "",
    seed: int = 0,
    track: Literal["mlflow"] | None = None,
    output: str | Path | None = None,
    overwrite: bool = False,
    cache: bool = True,
    cache_dir: str | Path | None = None,
    cache_size: int = 5 * 2**30,
    progress: Listener | None = None,
) -> ExportResult:
    """Quantize a Keras model, int8 by default, and measure it beside the float model.

    Args:
        model: a Keras 3 or tf_keras model, the path of one, or None for the built-in digits example.
        data: samples for training and calibration: an array, a dict of arrays by input name, a tuple of either with
            labels (an array, or a dict by output name), a finite tf.data.Dataset of x or (x, y), or a SPEC as of
            `edgeswap export --help`.
        test_data: samples for the reported figures, as `data`; None sets a fifth of `data` aside.
        calibration: samples for calibration, as `data`; None takes training samples.
        preprocess: mapping from pixels to model inputs: raw, unit, symmetric, caffe, torch, mean-std:R,G,B/R,G,B, none,
            or module:function.
        resize: how image files get the model's size: antialiased, as Keras' loader does, or cropped to the centre.
        labels: a text file of class names, one a line, in the order of the model's outputs.
        task: what the model is for: classification, binary, multilabel, segmentation, regression, detection,
            reconstruction or outputs; None is judged from its outputs and the labels.
        metric: metric for the figures and `max_drop`, by name, or a function of (outputs, labels) that gives a number a
            sample or one number; of several the first decides. None of them leaves it to the task.
        decode: for detection, a function of the list of outputs that gives boxes, scores and classes.
        loss: training loss in place of the task's own: a function of (outputs, outputs of the float model, labels).
        activation: activation for every hidden layer, such as relu6; None keeps them.
        swap: PATTERN=TO by kind or by layer name; of several, the last match wins.
        recover_epochs: epochs of float training after a swap; 0 for none.
        precision: int8 throughout, int16x8 (16-bit activations, 8-bit weights), or float16 (weights only).
        io: type of the int8 model's inputs and outputs; all between them is int8.
        method: ptq calibrates only, qat trains with fake-quant, auto takes the cheapest way that keeps `max_drop` (0.5
            points if None); None is qat for int8, else ptq.
        epochs: epochs of quantization-aware training.
        batch_size: samples of a training step, on all devices together.
        strategy: train on many devices: mirrored is all of this machine, multiworker the machines that TF_CONFIG names.
            Of these the first alone returns; the script of every other one ends here, with exit code 0.
        ranges: range of a bounded activation: its bounds, tightened by calibration, or trained by QAT.
        hard_swish: hard-swish in int8: as one operator, rewritten as ADD and MUL, or whichever is faster.
        weight_scales: scales of weights: one for each output channel, or one for a whole weight tensor.
        dense_scales: weight scales of dense layers; None takes per-tensor weight_scales over, else goes by the target.
        save_qat: also write the fake-quant model to `output`, for more training.
        target: where to measure: host, ssh://user@board[:port], emulator:pi5, ethos-u55-128, ...; one or several.
        target_samples: test samples to run on each target; None is all, 200 on an emulator, 1000 on micro.
        threads: interpreter threads for timing.
        api: what runs the models: TFLite's Interpreter, or LiteRT's CompiledModel.
        delegate: TFLite delegate: xnnpack, none, edgetpu or a library file; None is xnnpack.
        require_delegate: `report.passed` is false if the delegate leaves an operator of the candidate to other kernels.
        compare: dynamic also measures the converter's dynamic-range model (int8 weights only) of the given model.
        measure: run both models on the test samples and time them; without it there are models and no figures.
        keep: leave runtime and models on the boards for the next run.
        max_drop: `report.passed` is false if the metric drops by more: percentage points of a share, else its unit.
        max_latency_ms: likewise if the int8 median latency on the first target is higher.
        max_size: likewise if the int8 file has more bytes.
        max_arena: likewise if the int8 model needs more bytes of memory on target micro.
        allow_chance: continue although the float model is hardly better than chance.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.
        trust: let code inside the model file run.
        author: author of the model, for the bundle that an app ships.
        license: license of the model, for the bundle.
        description: what the model does, for the bundle.
        seed: random seed.
        track: mlflow logs settings, figures and files to the server that MLFLOW_TRACKING_URI names.
        output: folder to write all files to; None writes nothing but the run store.
        overwrite: replace an earlier output folder.
        cache: keep results of stages in the run store, and take those that are there.
        cache_dir: folder of the run store; None is that of EDGESWAP_CACHE_DIR, else one in the user's cache folder.
        cache_size: most bytes that the run store keeps; what was used least recently goes first.
        progress: an `edgeswap.progress.Progress`, or a callable that is given a step's title, how much is done and of
            how much (see `edgeswap.progress.Told`); None tells the logger `edgeswap`.

    Raises:
        SystemExit: on a machine that only trains along with the first one of `strategy` multiworker, when that is done.
        EdgeswapError: of the kind that says what could not be done. A target that failed beside others that did not
            is in `report.failures`.
    """
    settings = locals()
    from edgeswap.config.export import export_config  # noqa: PLC0415
    from edgeswap.config.preflight import preflight  # noqa: PLC0415
    from edgeswap.progress import progress_to  # noqa: PLC0415

    told = progress_to(settings.pop("progress"), in_python_words)
    config = export_config(settings)
    preflight(config)
    from edgeswap.commands.export import export as run  # noqa: PLC0415  (imports TensorFlow)
    from edgeswap.commands.train_along import helper, train_along  # noqa: PLC0415

    if (cluster := helper(config, os.environ)) is not None:
        with told.step(train_along(config, cluster, progress=told)):
            raise SystemExit(0)

    return run(config, progress=told)
