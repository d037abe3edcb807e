"""The random numbers that layers draw in training, as a function of seed and epoch: then a training can go on later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeswap.frameworks import tf

_APART = 1_000_003  # a prime far above any number of epochs, which seeds are counted on by
_PLAIN = frozenset({"tf_keras", "tensorflow", "tensorflow_model_optimization", "edgeswap"})


class Randomness:
    """The random numbers of one training.

    TensorFlow's operations count how often they were asked, and nothing can set that count. So a model that may draw
    is traced anew for each epoch, with a seed of the epoch's own.

    Args:
        model: that is trained, as it was built.
        seed: of the training.
        replica: number of the first replica of this process, so that no two machines draw the same.

    Attributes:
        draws: whether a layer draws random numbers, such as dropout; of a user's own layers nobody knows.
    """

    def __init__(self, model: Any, seed: int, replica: int = 0) -> None:
        self._seed = seed + _APART * replica
        self._generators = [(generator, generator._seed) for generator in _generators(model)]
        own = any(type(module).__module__.partition(".")[0] not in _PLAIN for module in model.submodules)
        self.draws = own or bool(self._generators)

    def begin(self, epoch: int) -> None:
        """Have what is traced from now on draw the numbers of this epoch, counted from 0."""
        tf.random.set_seed(self._seed + epoch)
        for number, (generator, seed) in enumerate(self._generators):
            generator._seed = seed  # it counts what is traced
            if generator._generator is not None:
                generator._generator.reset_from_seed([self._seed + epoch, number])


def _generators(model: Any) -> Iterator[Any]:
    """tf_keras' RandomGenerator of each layer that has one."""
    for module in model.submodules:
        generator = vars(module).get("_random_generator")
        if generator is not None and hasattr(generator, "_generator"):
            yield generator
