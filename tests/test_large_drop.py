"""Where a drop came about, and what is most likely to blame."""

from __future__ import annotations

import pytest

from edgeswap import records
from edgeswap.evaluation.drop_cause import large_drop
from edgeswap.report import wording as say
from tests.test_report import dropped, qat, quality

SCALES = records.Caution(
    kind="input_scale", problem="Input 'x' has one scale for unequal features.", remedy="Scale them alike."
)
SPANS = records.Caution(
    kind="value_ranges", problem="Calibration spans 0 to 1, test 0 to 255.", remedy="Give both in one scale."
)


def stage(right):
    return records.StageQuality(quality=quality(right))


def blamed(**changes):
    """What the warning says of a run that lost 46 points, all in quantization but for `changes`."""
    base = dropped()
    parity = base.parity.model_copy(update={"agreement": changes.pop("agreement", 0.99)})
    data = base.data
    if "calibration" in changes:
        few = data.calibration.model_copy(update={"samples": changes.pop("calibration")})
        data = data.model_copy(update={"calibration": few})
    same = {"float32_recovered": stage(527), "float32_finetuned": stage(528), "parity": parity, "data": data}
    caution = large_drop(base.model_copy(update={**same, **changes}))
    assert caution.kind == "large_drop"
    assert "top-1 is 45.9 percentage points below" in caution.problem
    return caution


@pytest.mark.parametrize(
    ("changes", "cause", "remedy"),
    [
        (
            {"float32_recovered": stage(300), "float32_finetuned": stage(310)},
            "after its recovery too",
            "--recover-",
        ),
        (
            {"float32_swapped": stage(300), "float32_recovered": None, "float32_finetuned": None},
            "was not fine-tuned",
            "Fine-",
        ),
        ({"float32_finetuned": stage(290)}, "come from the extra training", "fewer --epochs"),
        ({"warnings": [SCALES]}, SCALES.problem, SCALES.remedy),
        ({"warnings": [SCALES, SPANS]}, f"Likeliest cause: {SPANS.problem}", SPANS.remedy),
        ({"warnings": [SPANS], "float32_finetuned": stage(290)}, SPANS.problem, SPANS.remedy),
        ({"left_to_calibration": ["halved"]}, "no range rule for layer 'halved'", "Keras layers"),
        ({"agreement": 0.7}, "another class than its fake-quant model on 30.0% of samples; layer", "Report this"),
        ({"calibration": 12}, "only 12 calibration samples", "100 or more"),
        ({"method": "ptq", "float32_finetuned": None}, "not trained for", "--method qat."),
        (
            {"method": "ptq", "precision": "float16", "parity": None},
            "quantization to float16 weights. The",
            "another --precision",
        ),
        ({}, "45.9 points of the drop come from quantization to int8", "more --epochs"),
    ],
)
def test_the_likeliest_cause(changes, cause, remedy):
    caution = blamed(**changes)
    assert cause in caution.problem
    assert remedy in caution.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"drop": None, "drop_ci95": None},  # without labels
        {"drop": 1.9, "drop_ci95": (1.5, 2.3)},
        {"drop": 12.0, "drop_ci95": (-1.0, 25.0)},
        {"drop": -12.0, "drop_ci95": (-14.0, -10.0)},
    ],
)
def test_no_warning_without_a_large_drop(changes):
    assert large_drop(qat(comparison=qat().comparison.model_copy(update=changes))) is None


def without_labels(*, snr_db, apart=40.0, **changes):
    base = dropped()
    near = records.OutputFidelity(name="boxes", snr_db=45.0, cosine=1.0, mean_steps=0.4, max_steps=2.0, bias=0.0)
    poor = near.model_copy(update={"name": "scores", "snr_db": snr_db})
    comparison = base.comparison.model_copy(update={"drop": None, "outputs": [near, poor]})
    parity = base.parity.model_copy(update={"outputs": [near.model_copy(update={"snr_db": apart})]})
    return base.model_copy(update={"comparison": comparison, "parity": parity, **changes})


def test_an_output_that_is_mostly_noise_is_told_without_labels_too():
    assert large_drop(without_labels(snr_db=15.0)) is None
    assert large_drop(without_labels(snr_db=None)) is None
    caution = large_drop(without_labels(snr_db=0.3, apart=0.3))
    assert caution.kind == "large_drop"
    assert "output 'scores' is far from float32: signal-to-noise ratio 0.3 dB." in caution.problem
    assert "other values than its fake-quant model" in caution.problem


def test_noise_that_training_may_have_brought_asks_for_labels():
    assert "with labels" in large_drop(without_labels(snr_db=5.0, method="qat")).remedy


def judged_by(metric, unit, value, drop, *, higher_is_better=False):
    """A report whose models are judged by another metric, with a drop that is no chance."""
    base = qat()
    found = base.float32.quality.model_copy(
        update={"metric": metric, "unit": unit, "value": value, "higher_is_better": higher_is_better}
    )
    comparison = base.comparison.model_copy(
        update={"metric": metric, "unit": unit, "drop": drop, "drop_ci95": (0.9 * drop, 1.1 * drop), "mcnemar_p": None}
    )
    models = {name: getattr(base, name).model_copy(update={"quality": found}) for name in ("float32", "int8")}
    none = {"float32_swapped": None, "float32_recovered": None, "float32_finetuned": None}
    return base.model_copy(update={**models, **none, "comparison": comparison})


@pytest.mark.parametrize(
    ("metric", "unit", "value", "drop", "said"),
    [
        ("mae", "label", 2.0, 0.02, "small"),
        ("mae", "label", 2.0, 0.1, ""),
        ("mae", "label", 2.0, 0.26, "large"),
        ("psnr", "dB", 30.0, 0.05, "small"),
        ("psnr", "dB", 30.0, 0.3, ""),
        ("psnr", "dB", 30.0, 1.1, "large"),
        ("miou", "share", 0.9, 0.05, ""),
        ("miou", "share", 0.9, 2.1, "large"),
        ("r2", "none", -0.5, 0.002, "small"),
    ],
)
def test_a_drop_is_large_or_too_small_to_act_on_by_its_unit(metric, unit, value, drop, said):
    report = judged_by(metric, unit, value, drop, higher_is_better=metric != "mae")
    assert (large_drop(report) is not None) == (said == "large")
    assert ("too small to act on, though its 95" in say.significance(report)) == (said == "small")
    assert ("more than chance would explain" in say.significance(report)) == (said != "small")
