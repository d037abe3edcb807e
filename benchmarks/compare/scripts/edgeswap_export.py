"""edgeswap by its default flags, by the method that the job names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import edgeswap

JUDGED = 100  # test samples for the report that an export writes; the table's figures are measured elsewhere


def main() -> None:
    """Export what the job names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    method = job["options"]["method"]
    with np.load(job["samples"]) as samples:
        calibration, test, labels = (samples[name] for name in ("calibration_pixels", "test_pixels", "labels"))
        train = (samples["train_pixels"], samples["train_labels"]) if method == "qat" else None
    result = edgeswap.export(
        job["keras"],
        data=train,
        calibration=calibration,
        test_data=(test[:JUDGED], labels[:JUDGED]),
        preprocess=job["preprocess"],
        method=method,
        epochs=job["epochs"],
        weight_scales=job["weight_scales"],
        allow_chance=True,
        seed=job["seed"],
    )
    Path(job["output"]).write_bytes(result.tflite)
    steps = [rung.rung for rung in result.report.ladder if rung.taken]
    Path(job["output"]).with_suffix(".note").write_text(", ".join(steps), encoding="utf-8")


if __name__ == "__main__":
    main()
