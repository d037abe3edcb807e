"""`edgeswap.check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeswap.api.types import Objects
from edgeswap.system.python_words import in_python_words, python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.compatibility.findings import CheckReport


@kept_random_state()
@python_words()
def check(
    model: Any,
    *,
    target: str | Sequence[str] = "host",
    activation: str | None = None,
    swap: str | Sequence[str] = (),
    trust: bool = False,
    custom_objects: Objects = (),
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
