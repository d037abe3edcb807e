"""keras (Keras 3), tf_keras (Keras 2), TensorFlow and tfmot, imported once and quietly.

Importing this module takes seconds. Stage modules import it at their top; `cli` and the package's `__init__` import
the stages lazily, so that whatever answers without TensorFlow answers at once.
"""

import os
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its kernels add in an order that varies with the thread count

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # import-time noise of third parties; nothing of ours runs here
    import keras
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras

tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf", "tf_keras", "tfmot"]
