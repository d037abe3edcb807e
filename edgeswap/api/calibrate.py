"""`edgeswap.calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.api.types import Listener, Objects
from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.records import CalibrationManifest


@kept_random_state()
@python_words()
def calibrate(
    *,
    data: Any,
    output: str | Path,
    count: int = 500,
    test_data: Any = None,
    model: Any = None,
    preprocess: str | None = None,
    resize: Literal["pillow", "keras", "crop"] = "pillow",
    custom_objects: Objects = (),
    trust: bool = False,
    seed: int = 0,
    overwrite: bool = False,
    progress: Listener | None = None,
) -> CalibrationManifest:
    """Choose calibration samples that cover classes and ranges, for `export(calibration=...)`.

    Args:
        data: samples to choose from, as of `export`; arrays, an .npz and the digits need no model.
        output: .npz file for the samples, raw as in `data`; a .json beside it tells how they were chosen.
        count: how many samples.
        test_data: samples for the figures; none of them may be in `data`.
        model: a Keras 3 or tf_keras model, or the path of one, whose tensors' ranges are to be covered; None covers
            those of the inputs, without TensorFlow.
        preprocess: mapping from pixels to model inputs, as of `export`.
        resize: how image files get the model's size, as of `export`.
        custom_objects: your own layers and functions: by name, or as MODULE:NAME texts.
        trust: let code inside the model file run.
        seed: random seed.
        overwrite: replace existing files.
        progress: as of `export`.

    Raises:
        EdgeswapError: of the kind that says what could not be done.
    """
    settings = locals()
    from edgeswap.commands.calibrate import calibrate as run  # noqa: PLC0415
    from edgeswap.config.calibrate import calibrate_config  # noqa: PLC0415
    from edgeswap.progress import progress_to  # noqa: PLC0415

    told = progress_to(settings.pop("progress"), in_python_words)
    return run(calibrate_config(settings), progress=told)
