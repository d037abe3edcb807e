"""The process's random states, kept while edgeswap works: a caller's own draws must not depend on it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Leave the random states of Python, NumPy and TensorFlow after the block as they were before it.

    Building a Keras model draws from Python's, and `tf.random.set_seed` is what makes training repeatable. What
    TensorFlow has no function to read is read from its eager context, which holds the global seed and the generator of
    the seeds of operations. Keras' counters for the names of layers go on.
    """
    import numpy as np  # noqa: PLC0415  (importing edgeswap imports this, and --help needs no NumPy)

    python, tensorflow = random.getstate(), _tensorflow_state()
    numpy = np.random.get_state()  # noqa: NPY002  (what Keras draws from)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if (context := _context()) is not None:
            context._seed, generator = tensorflow
            context._rng = random.Random()
            if generator is not None:
                context._rng.setstate(generator)


def _context() -> Any | None:
    """TensorFlow's eager context; None before TensorFlow is imported."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return None if module is None else module.context()


def _tensorflow_state() -> tuple[int | None, Any]:
    """Global seed and state of the generator of operations' seeds: without TensorFlow, what it begins with."""
    context = _context()
    if context is None:
        return None, None
    generator = getattr(context, "_rng", None)  # there is none before the first operation
    return context._seed, None if generator is None else generator.getstate()
