"""`edgeswap.swap_activations`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from edgeswap.api.types import Objects
from edgeswap.system.python_words import python_words
from edgeswap.system.random_state import kept_random_state

if TYPE_CHECKING:
    from edgeswap.evaluation.swap_effects import SwapResult


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
    custom_objects: Objects = (),
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
