"""The tools of the table: what people use, and edgeswap; each is a script that runs in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

SCRIPTS = Path(__file__).parent / "scripts"
LITERT_QUANTIZER = ("litert-quantizer==0.11.0",)
MCT = ("model-compression-toolkit==2.6.1", "tensorflow==2.15.1")


class Tool(NamedTuple):
    """One way to a quantized `.tflite`.

    Attributes:
        words: what the table calls it.
        script: a file of `scripts`, run with the path of a job.
        reads: the format of the float network that it takes, by the name of `formats.FILES`.
        options: for the script.
        requirements: of its environment, pinned. None is the environment that runs this: it has the TensorFlow and the
            tfmot that a user installs today, and edgeswap.
        trains: needs labelled samples and takes the time of a training: measured by `--qat` alone.
    """

    words: str
    script: str
    reads: Literal["keras", "tf_keras", "tflite"]
    options: Mapping[str, Any] = {}
    requirements: tuple[str, ...] | None = None
    trains: bool = False


TOOLS: Mapping[str, Tool] = {
    "converter_ptq": Tool("TFLiteConverter PTQ", "tflite_converter.py", "keras", {"activations": "int8"}),
    "converter_dynamic": Tool(
        "TFLiteConverter dynamic range", "tflite_converter.py", "keras", {"activations": "float32"}
    ),
    "litert_quantizer": Tool(
        "litert-quantizer", "litert_quantizer_recipe.py", "tflite", {"weights": "min_max"}, LITERT_QUANTIZER
    ),
    "litert_quantizer_octav": Tool(
        "litert-quantizer OCTAV", "litert_quantizer_recipe.py", "tflite", {"weights": "OCTAV"}, LITERT_QUANTIZER
    ),
    "litert_quantizer_gptq": Tool(
        "litert-quantizer GPTQ", "litert_quantizer_recipe.py", "tflite", {"weights": "GPTQ"}, LITERT_QUANTIZER
    ),
    "mct_tflite": Tool(
        "model-compression-toolkit, its TFLite target",
        "model_compression_toolkit_ptq.py",
        "tf_keras",
        {"target": "tflite"},
        MCT,
    ),
    "mct": Tool(
        "model-compression-toolkit, its default target",
        "model_compression_toolkit_ptq.py",
        "tf_keras",
        {"target": "imx500"},
        MCT,
    ),
    "tfmot_qat": Tool("tfmot QAT", "tfmot_qat.py", "tf_keras", trains=True),
    "edgeswap_ptq": Tool("edgeswap --method ptq", "edgeswap_export.py", "keras", {"method": "ptq"}),
    "edgeswap_auto": Tool("edgeswap --method auto", "edgeswap_export.py", "keras", {"method": "auto"}),
    "edgeswap_qat": Tool("edgeswap --method qat", "edgeswap_export.py", "keras", {"method": "qat"}, trains=True),
}
OURS = tuple(name for name in TOOLS if name.startswith("edgeswap"))
