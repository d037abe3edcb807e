"""keras (Keras 3), tf_keras (Keras 2), TensorFlow and tfmot, imported once and quietly.

Importing this module takes seconds. Stage modules import it at their top; `cli` and `api` import the stages lazily, so
that whatever answers without TensorFlow answers at once.
"""

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from edgeswap.forks import fork_workers, without_collections

# With other machines its C++ code tells of each that has left, also of one that was done; what matters is an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3" if "TF_CONFIG" in os.environ else "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its kernels add in an order that varies with the thread count


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the standard error of C++ code back; it is shown if the block fails.

    TensorFlow says on every machine without a GPU that it found none, before any setting of its own can keep it quiet.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as words:
        os.dup2(words.fileno(), 2)
        try:
            yield
        except BaseException:
            words.seek(0)
            os.write(kept, words.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _quiet(), warnings.catch_warnings(), without_collections():
    warnings.simplefilter("ignore")  # of third parties; nothing of ours runs here
    import keras
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras

# Keras walks a network from its end by recursion, some frames a layer; Python's limit of 1000 ends at about 300 layers.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 30_000))
tf.get_logger().setLevel("ERROR")
fork_workers()  # while nothing has been computed
with _quiet():
    if "TF_CONFIG" in os.environ:  # other machines can be joined only before the first tensor
        tf.config.list_physical_devices()
    else:
        tf.zeros(())  # the first tensor looks for devices, and says so

__all__ = ["keras", "tf", "tf_keras", "tfmot"]
