"""litert-quantizer: its static int8 recipe, with its weight algorithm of choice, on the float `.tflite`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import algorithm_manager, calibrator, qtyping, quantizer, recipe

ALGORITHMS = algorithm_manager.AlgorithmName


def main() -> None:
    """Calibrate and quantize what the job names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    weights = job["options"]["weights"]
    main_algorithm = ALGORITHMS.OCTAV if weights == "OCTAV" else ALGORITHMS.MIN_MAX_UNIFORM_QUANT
    wanted = recipe.static_wi8_ai8(algorithm_key=main_algorithm)
    if job["weight_scales"] == "per-tensor":
        for entry in wanted:
            entry["op_config"]["weight_tensor_config"]["granularity"] = qtyping.QuantGranularity.TENSORWISE
    chosen = quantizer.Quantizer(job["tflite"], wanted)
    if weights == "GPTQ":  # it has GPTQ for dense layers alone; the others stay as in the recipe
        (entry,) = wanted
        chosen.update_quantization_recipe(
            ".*",
            qtyping.TFLOperationName.FULLY_CONNECTED,
            qtyping.OpQuantizationConfig.from_dict(entry["op_config"]),
            ALGORITHMS.GPTQ,
        )
    signatures = Interpreter(job["tflite"]).get_signature_list()
    ((signature, ends),) = signatures.items()
    with np.load(job["samples"]) as samples:
        data = {signature: [{ends["inputs"][0]: sample[None]} for sample in samples["calibration"]]}
    # Its manual recommends the profiler's mode for everything but GPTQ.
    modes = calibrator.CalibrationMode
    mode = modes.CALIBRATION_PRESERVE_ALL_TENSORS if weights == "GPTQ" else modes.CALIBRATION_PROFILER_BASED
    found = chosen.calibrate(data, num_threads=1, mode=mode)
    chosen.quantize(found).export_model(job["output"], overwrite=True)


if __name__ == "__main__":
    main()
