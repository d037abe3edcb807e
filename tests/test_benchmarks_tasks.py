"""The table of tasks: what a row shows, and where it says that it misses what it must show."""

from __future__ import annotations

from typing import Any

from benchmarks.tasks_rows import METHODS, NETWORKS, SEEDS, Figures, Row
from benchmarks.tasks_section import section

GOOD = Figures(
    task="regression",
    metric="mae",
    higher_is_better=False,
    float32=0.030,
    control=0.029,
    int8=0.031,
    gain=(-0.001, -0.002, 0.001),
    snr_db=40.0,
    converter_snr_db=40.3,
    float_tensors=0,
    speedup=1.5,
    samples=400,
)


def written(**rows: Figures) -> tuple[str, list[str]]:
    every: dict[Row, Any] = {Row(name, seed, method): None for name in NETWORKS for method in METHODS for seed in SEEDS}
    return section({**every, **{Row("keypoints", 0, method): one for method, one in rows.items()}})  # type: ignore[arg-type]


def test_a_row_shows_its_figures_and_what_lacks_is_named() -> None:
    text, missed = written(ptq=GOOD, qat=GOOD)
    assert missed == []
    assert "mae (lower is better) | ptq | 0 | 3.00 | 2.90 | 3.10 | -0.20 | -0.10 (-0.20 to +0.10) | 40.0 dB" in text
    words = " ".join(text.split())
    assert "no network was measured from seed 1 or 2; digits by ptq, seed 0; digits by qat, seed 0;" in words


def test_what_misses_is_told() -> None:
    _, missed = written(ptq=GOOD._replace(converter_snr_db=41.0), qat=GOOD._replace(int8=0.045, float_tensors=2))
    assert missed == [
        "keypoints by ptq: its worst output is 1.0 dB below TFLiteConverter's",
        "keypoints by qat: int8 is 1.60 below its control",
        "keypoints by qat: 2 float tensors",
        "QAT is 1.40 below PTQ in the mean",
    ]
