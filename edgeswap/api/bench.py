"""`edgeswap.bench`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.api.types import Listener, Metrics, Task
from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.records import BenchReport


@kept_random_state()
@python_words()
def bench(
    *models: str | Path,
    data: Any = None,
    preprocess: str | None = None,
    resize: Literal["pillow", "keras", "crop"] = "pillow",
    task: Task | None = None,
    metric: Metrics = (),
    decode: str | Callable[..., Any] | None = None,
    target: str | Sequence[str] = "host",
    target_samples: int | None = None,
    threads: int = 1,
    api: Literal["interpreter", "compiled"] = "interpreter",
    delegate: str | None = None,
    require_delegate: bool = False,
    keep: bool = False,
    runs: int | None = None,
    quick: bool = False,
    output: str | Path | None = None,
    overwrite: bool = False,
    progress: Listener | None = None,
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
        target_samples: samples to run on each target; None is all, 200 on an emulator, 1000 on micro.
        threads: interpreter threads for timing.
        api: what runs the models: TFLite's Interpreter, or LiteRT's CompiledModel.
        delegate: TFLite delegate: xnnpack, none, edgetpu or a library file; None is xnnpack.
        require_delegate: a limit of the report fails if the delegate leaves an operator of a candidate to other
            kernels.
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
