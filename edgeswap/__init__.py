"""edgeswap: a trained Keras model to a proven int8 .tflite.

    import edgeswap

    result = edgeswap.export(model, data=(x, y), preprocess="unit")
    result.tflite                       # bytes; result.report has the figures, result.float_model the Keras model
    edgeswap.check(model, target="coral")
    edgeswap.analyze(model, data=(x, y), preprocess="unit").layers  # what int8 costs in each, the worst first
    edgeswap.swap_activations(model, "hard_swish").model
    edgeswap.bench("model_float32.tflite", "model_int8.tflite", target="ssh://pi@board")

Importing this never imports TensorFlow; the functions do when they are called. The logger `edgeswap` is told of every
step (INFO) and of what a user should know (WARNING), unless `progress` is given.

What changes in the process: TensorFlow is imported with `TF_CPP_MIN_LOG_LEVEL=2` and `TF_ENABLE_ONEDNN_OPTS=0`, unless
these are set; its Python logger is set to ERROR; Python's recursion limit is raised to 30,000, as Keras walks a network
by recursion; Keras' counters for names of layers go on; and NumPy adds warning filters of its own when it is imported.
Random states, `sys.path` and all else stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state
from edgeswap.version import __version__

if TYPE_CHECKING:
    from edgeswap.compatibility.findings import CheckReport
    from edgeswap.evaluation.swap_effects import SwapResult
    from edgeswap.progress import Progress
    from edgeswap.records import AnalyzeReport, BenchReport
    from edgeswap.report.export_result import ExportResult

__all__ = [
    "__version__",
    "analyze",
    "bench",
    "check",
    "convert_qat",
    "custom_objects",
    "export",
    "load_model",
    "load_qat",
    "save_qat",
    "swap_activations",
]


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
    task: Literal[
        "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs"
    ]
    | None = None,
    metric: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] = (),
    decode: str | Callable[..., Any] | None = None,
    loss: str | Callable[..., Any] | None = None,
    activation: str | None = None,
    swap: str | Sequence[str] = (),
    recover_epochs: int = 3,
    precision: Literal["int8", "int16x8", "float16"] = "int8",
    method: Literal["ptq", "qat", "auto"] | None = None,
    epochs: int = 3,
    ranges: Literal["auto", "fixed", "observed", "learned"] = "auto",
    hard_swish: Literal["auto", "operator", "rewritten"] = "auto",
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel",
    dense_scales: Literal["per-channel", "per-tensor"] | None = None,
    save_qat: bool = False,
    target: str | Sequence[str] = "host",
    target_samples: int | None = None,
    threads: int = 1,
    delegate: str | None = None,
    keep: bool = False,
    max_drop: float | None = None,
    max_latency_ms: float | None = None,
    max_size: int | None = None,
    allow_chance: bool = False,
    custom_objects: Mapping[str, Any] | Sequence[str] = (),
    trust: bool = False,
    author: str = "",
    license: str = "",
    description: str = "",
    seed: int = 0,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | Callable[[str, float | None, float | None], object] | None = None,
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
        task: what the model is for; None is judged from its outputs and the labels.
        metric: metric for the figures and `max_drop`, by name, or a function of (outputs, labels) that gives a number a
            sample or one number; of several the first decides. None of them leaves it to the task.
        decode: for detection, a function of the list of outputs that gives boxes, scores and classes.
        loss: training loss in place of the task's own: a function of (outputs, outputs of the float model, labels).
        activation: activation for every hidden layer, such as relu6; None keeps them.
        swap: PATTERN=TO by kind or by layer name; of several, the last match wins.
        recover_epochs: epochs of float training after a swap; 0 for none.
        precision: int8 throughout, int16x8 (16-bit activations, 8-bit weights), or float16 (weights only).
        method: ptq calibrates only, qat trains with fake-quant, auto takes the cheapest way that keeps `max_drop` (0.5
            points if None); None is qat for int8, else ptq.
        epochs: epochs of quantization-aware training.
        ranges: range of a bounded activation: its bounds, tightened by calibration, or trained by QAT.
        hard_swish: hard-swish in int8: as one operator, rewritten as ADD and MUL, or whichever is faster.
        weight_scales: scales of weights: one for each output channel, or one for a whole weight tensor.
        dense_scales: weight scales of dense layers; None takes per-tensor weight_scales over, else goes by the target.
        save_qat: also write the fake-quant model to `output`, for more training.
        target: where to measure: host, ssh://user@board[:port], emulator:pi5, ethos-u55-128, ...; one or several.
        target_samples: test samples to run on each target; None is all, 200 on an emulator.
        threads: interpreter threads for timing.
        delegate: TFLite delegate: xnnpack, none, edgetpu or a library file; None is xnnpack.
        keep: leave runtime and models on the boards for the next run.
        max_drop: `report.passed` is false if the metric drops by more: percentage points of a share, else its unit.
        max_latency_ms: likewise if the int8 median latency on the first target is higher.
        max_size: likewise if the int8 file has more bytes.
        allow_chance: continue although the float model is hardly better than chance.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.
        trust: let code inside the model file run.
        author: author of the model, for the bundle that an app ships.
        license: license of the model, for the bundle.
        description: what the model does, for the bundle.
        seed: random seed.
        output: folder to write all files to; None writes nothing.
        overwrite: replace an earlier output folder.
        progress: an `edgeswap.progress.Progress`, or a callable that is given a step's title, how much is done and of
            how much (see `edgeswap.progress.Told`); None tells the logger `edgeswap`.

    Raises:
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

    return run(config, progress=told)


@kept_random_state()
@python_words()
def bench(
    *models: str | Path,
    data: Any = None,
    preprocess: str | None = None,
    resize: Literal["pillow", "keras", "crop"] = "pillow",
    task: Literal[
        "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs"
    ]
    | None = None,
    metric: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] = (),
    decode: str | Callable[..., Any] | None = None,
    target: str | Sequence[str] = "host",
    target_samples: int | None = None,
    threads: int = 1,
    delegate: str | None = None,
    keep: bool = False,
    runs: int | None = None,
    quick: bool = False,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | Callable[[str, float | None, float | None], object] | None = None,
) -> BenchReport:
    """Measure .tflite files side by side on targets, without TensorFlow.

    Args:
        models: paths of two files or more; the first is the baseline that the others are compared with.
        data: samples to compare the models on, as of `export`; None measures latency only.
        preprocess: mapping from pixels to model inputs, as of `export`.
        resize: how image files get the model's size, as of `export`.
        task: what the models are for, as of `export`.
        metric: the metrics that come first, as of `export`.
        decode: makes boxes of the outputs, as of `export`.
        target: where to measure, as of `export`; one or several.
        target_samples: samples to run on each target; None is all, 200 on an emulator.
        threads: interpreter threads for timing.
        delegate: TFLite delegate: xnnpack, none, edgetpu or a library file; None is xnnpack.
        keep: leave runtime and models on the boards for the next run.
        runs: timed runs of each model; None chooses by time.
        quick: fewer timed runs.
        output: .json file to write the report to; None writes nothing.
        overwrite: replace an existing file.
        progress: as of `export`.

    Raises:
        EdgeswapError: of the kind that says what could not be done. A target that failed beside others that did not
            is in the report's `failures`.
    """
    settings = locals()
    from edgeswap.commands.bench import bench as run  # noqa: PLC0415
    from edgeswap.config.bench import bench_config  # noqa: PLC0415
    from edgeswap.progress import progress_to  # noqa: PLC0415

    told = progress_to(settings.pop("progress"), in_python_words)
    return run(bench_config(settings), progress=told)


@kept_random_state()
@python_words()
def load_model(path: str | Path, *, trust: bool = False, custom_objects: Mapping[str, Any] | Sequence[str] = ()) -> Any:
    """The Keras 3 or tf_keras model in a file, not compiled.

    Args:
        path: a .keras or .h5 file, or a Keras 2 SavedModel.
        trust: let code inside the file run.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.

    Raises:
        ModelError: there is no such file, it is damaged or no Keras model, or it would run code and is not trusted.
        ConfigError: a custom object cannot be imported.
    """
    from edgeswap.model.load import load_model as load  # noqa: PLC0415  (imports TensorFlow)

    return load(path, trust=trust, custom_objects=custom_objects)


@kept_random_state()
@python_words()
def swap_activations(
    model: Any,
    activation: str | None = None,
    *,
    swap: str | Sequence[str] = (),
    data: Any = None,
    preprocess: str | None = None,
    resize: Literal["pillow", "keras", "crop"] = "pillow",
    trust: bool = False,
    custom_objects: Mapping[str, Any] | Sequence[str] = (),
) -> SwapResult:
    """A copy of a model, in its own framework, with other activations. Its weights stay, and so does `model`.

    Args:
        model: a Keras 3 or tf_keras model, or the path of one.
        activation: activation for every hidden layer, such as hard_swish; None keeps them.
        swap: PATTERN=TO by kind or by layer name; of several, the last match wins.
        data: samples for `SwapResult.effects`: an array as the model takes it or a list of one for each input, or
            anything else that `export` takes.
        preprocess: mapping from pixels to model inputs, as of `export`; None leaves what is no SPEC as it is.
        resize: how image files get the model's size, as of `export`.
        trust: let code inside a model file run.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    settings = locals()
    from edgeswap.commands.swap import swap_activations as run  # noqa: PLC0415  (imports TensorFlow)

    return run(**settings)


@kept_random_state()
@python_words()
def check(
    model: Any,
    *,
    target: str | Sequence[str] = "host",
    activation: str | None = None,
    swap: str | Sequence[str] = (),
    trust: bool = False,
    custom_objects: Mapping[str, Any] | Sequence[str] = (),
) -> CheckReport:
    """Tell which parts of a model cannot be int8 on each target, why, and what to write instead.

    Args:
        model: a Keras 3 or tf_keras model or the path of one, before training; or a .tflite after, its path or its
            bytes, which needs no TensorFlow.
        target: where it will run: host, mobile, coral, ssh://user@board or emulator:pi5; one or several.
        activation: activation that every hidden layer would get.
        swap: PATTERN=TO by kind or by layer name; of several, the last match wins.
        trust: let code inside the model file run.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    settings = locals()
    from edgeswap.commands.check import check as run  # noqa: PLC0415
    from edgeswap.config.model import check_config  # noqa: PLC0415
    from edgeswap.progress import progress_to  # noqa: PLC0415

    return run(check_config(settings), progress=progress_to(None, in_python_words))


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
    task: Literal[
        "classification", "binary", "multilabel", "segmentation", "regression", "detection", "reconstruction", "outputs"
    ]
    | None = None,
    metric: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] = (),
    decode: str | Callable[..., Any] | None = None,
    ranges: Literal["auto", "fixed", "observed"] = "auto",
    weight_scales: Literal["per-channel", "per-tensor"] = "per-channel",
    dense_scales: Literal["per-channel", "per-tensor"] | None = None,
    samples: int = 64,
    tflite: str | Path | None = None,
    custom_objects: Mapping[str, Any] | Sequence[str] = (),
    trust: bool = False,
    seed: int = 0,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress | Callable[[str, float | None, float | None], object] | None = None,
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


def save_qat(qat_model: Any, path: str | Path) -> None:
    """Write a fake-quant model, trained or not; see `edgeswap.quantization.checkpoint.save`."""
    from edgeswap.quantization.checkpoint import save  # noqa: PLC0415  (imports TensorFlow)

    save(qat_model, Path(path))


@kept_random_state()
@python_words()
def load_qat(path: str | Path, *, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The fake-quant model that `edgeswap export --save-qat` or `save_qat` wrote: a tf_keras model to train on.

    See `edgeswap.quantization.checkpoint.load`.
    """
    from edgeswap.quantization.checkpoint import load  # noqa: PLC0415  (imports TensorFlow)

    return load(Path(path), custom_objects=custom_objects)


@kept_random_state()
@python_words()
def convert_qat(
    qat_model: Any, samples: Any, *, hard_swish: Literal["auto", "operator", "rewritten"] = "auto"
) -> bytes:
    """The full-integer .tflite of a fake-quant model, converted, lowered and held to int8 as `export` does it.

    Args:
        qat_model: from `load_qat`, trained on or not; it stays as it is.
        samples: what the model takes, preprocessed: an array (N, ...), or a list of one for each input. One sample is
            enough, save where the report says that ranges were left to calibration.
        hard_swish: see `edgeswap.tflite.lower.lower`.

    Raises:
        ConversionError: the converter failed.
        VerificationError: the file is not full-integer.
    """
    from edgeswap.commands.convert_qat import convert_qat as run  # noqa: PLC0415  (imports TensorFlow)

    return run(qat_model, samples, hard_swish=hard_swish)


def custom_objects(framework: Literal["keras", "tf_keras"] = "keras") -> dict[str, Any]:
    """What plain Keras needs to load a swapped model: `keras.models.load_model(path, custom_objects=...)`.

    Args:
        framework: `tf_keras` for a model that was swapped in Keras 2; its file opens in tf_keras.
    """
    from edgeswap.activations.layers import CLASSES  # noqa: PLC0415  (imports TensorFlow)

    return {"edgeswap>CatalogActivation": CLASSES[framework]}
