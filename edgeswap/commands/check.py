"""`edgeswap check`: what of a model cannot be int8 on a target. A `.tflite` needs no TensorFlow."""

from __future__ import annotations

import importlib
from pathlib import Path

from edgeswap.compatibility import tflite_findings
from edgeswap.compatibility.findings import CheckReport
from edgeswap.config.model import CheckConfig
from edgeswap.errors import ConfigError
from edgeswap.model.rehearsal import preview
from edgeswap.progress import Progress, Silent
from edgeswap.targets.names import backend_of


def check(config: CheckConfig, *, progress: Progress | None = None) -> CheckReport:
    """What is to be said of a Keras model or a `.tflite` on each target.

    Args:
        config: which model and targets, and what to swap first.
        progress: told of the start of TensorFlow.

    Raises:
        ModelError: the model cannot be read.
        ConfigError: a target that nobody knows, a rule that fits nothing, or a swap for a `.tflite`.
    """
    progress = progress or Silent()
    targets = [backend_of(name) for name in dict.fromkeys(config.target)]
    model = config.model
    is_file = isinstance(model, (str, Path))
    if isinstance(model, (bytes, bytearray)) or (is_file and tflite_findings.is_tflite(Path(model))):
        if config.swaps:
            raise ConfigError("Expected no swap for a .tflite, which is converted already.", "Check the Keras model.")
        data, name = (Path(model).read_bytes(), str(model)) if is_file else (bytes(model), "bytes")
        return tflite_findings.check_everywhere(data, targets, name=name)
    if is_file:
        preview(model, trust=config.trust, custom_objects=config.custom_objects)
    with progress.step("Start TensorFlow"):
        keras_findings = importlib.import_module("edgeswap.compatibility.keras_findings")
    report: CheckReport = keras_findings.check_model(
        model,
        targets,
        activation=config.hidden_activation,
        rules=config.rules,
        trust=config.trust,
        custom_objects=config.custom_objects,
    )
    return report
