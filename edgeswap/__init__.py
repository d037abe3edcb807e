"""edgeswap: a trained Keras model to a proven int8 .tflite.

    import edgeswap

    result = edgeswap.export(model, data=(x, y), preprocess="unit")
    result.tflite                       # bytes; result.report has the figures, result.float_model the Keras model
    edgeswap.check(model, target="coral")
    edgeswap.analyze(model, data=(x, y), preprocess="unit").layers  # what int8 costs in each, the worst first
    edgeswap.calibrate(data=(x, y), output="calibration.npz")  # samples for export(calibration=...)
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

from edgeswap.api.analyze import analyze
from edgeswap.api.bench import bench
from edgeswap.api.calibrate import calibrate
from edgeswap.api.check import check
from edgeswap.api.export import export
from edgeswap.api.models import custom_objects, load_model
from edgeswap.api.qat import convert_qat, load_qat, save_qat
from edgeswap.api.swap_activations import swap_activations
from edgeswap.version import __version__

__all__ = [
    "__version__",
    "analyze",
    "bench",
    "calibrate",
    "check",
    "convert_qat",
    "custom_objects",
    "export",
    "load_model",
    "load_qat",
    "save_qat",
    "swap_activations",
]
