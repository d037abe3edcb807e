"""A report speaks the language of the model's task: no classes and no top-1 where there are none."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from edgeswap import records
from edgeswap.report import benched, html, numbers, terminal
from edgeswap.report import metric_words as metrics
from edgeswap.report import wording as say
from tests.test_report import bench, qat


def report(task: str, metric: str, unit: Any, float32: float | None, int8: float | None, **changes: Any) -> Any:
    """The report of a model of that task."""
    higher = metric not in ("mae", "mse")
    plain = qat()

    def quality(value: float | None) -> records.Quality:
        known = {} if value is None else {metric: value}
        ci95 = None if value is None else (0.99 * value, 1.01 * value)
        return records.Quality(
            task=task,
            metric=metric,
            value=value,
            ci95=ci95,
            unit=unit,
            higher_is_better=higher,
            samples=40,
            metrics=known,
        )

    drop = None
    if float32 is not None and int8 is not None:
        drop = (float32 - int8) * (100 if unit == "share" else 1) * (1 if higher else -1)
    comparison = records.Comparison(
        metric=metric,
        unit=unit,
        drop=drop,
        drop_ci95=None if drop is None else (drop - 0.5, drop + 1),
        agreement=changes.get("agreement"),
        size_ratio=3.3,
        outputs=changes.get("outputs", []),
    )
    return plain.model_copy(
        update={
            "task": records.TaskChoice(name=task, reason="for a test"),
            "comparison": comparison,
            "float32": plain.float32.model_copy(update={"quality": quality(float32)}),
            "int8": plain.int8.model_copy(update={"quality": quality(int8)}),
            "float32_swapped": None,
            "float32_recovered": None,
            "float32_finetuned": None,
            "limits": [],
            "targets": [
                one.model_copy(
                    update={
                        "float32": one.float32.model_copy(update={"quality": quality(float32)}),
                        "int8": one.int8.model_copy(update={"quality": quality(int8)}),
                    }
                )
                for one in plain.targets
            ],
            "parity": None,
        }
    )


def output(name: str, snr_db: float) -> records.OutputFidelity:
    return records.OutputFidelity(name=name, snr_db=snr_db, cosine=0.999, mean_steps=0.4, max_steps=3.0, bias=0.0)


REPORTS = [
    (report("regression", "mae", "label", 2.05, 2.06), "has mean absolute error 2.06 (float32 2.05; worse by 0.01"),
    (report("reconstruction", "psnr", "dB", 31.0, 30.6), "has PSNR 30.6 dB (float32 31.0 dB; worse by 0.4 dB"),
    (report("segmentation", "miou", "share", 0.93, 0.92, agreement=0.99), "has 92.0 % mean IoU (float32 93.0 %; drop"),
    (report("segmentation", "miou", "share", None, None, agreement=0.99),
     "gives the class of the float32 model at 99.0 % of the places of 40 samples"),
    (report("multilabel", "map", "share", None, None, agreement=0.99),
     "gives the yes or no of the float32 model for 99.0 % of the classes of 40 samples"),
    (report("outputs", "snr_db", "dB", None, None, outputs=[output("box", 48.2)]),
     "gives the outputs of the float32 model with a signal-to-noise ratio of 48.2 dB on 40 samples"),
    (report("outputs", "snr_db", "dB", None, None, outputs=[output("box", 48.2), output("kind", 40.1)]),
     "with a signal-to-noise ratio of 40.1 dB (output kind, the worst of 2) on 40 samples"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "says"), REPORTS)
def test_the_verdict_speaks_of_what_the_model_is_for(made: Any, says: str) -> None:
    assert says in say.verdict(made).replace(numbers.NBSP, " ")


@pytest.mark.parametrize(("made", "_"), REPORTS)
def test_no_table_breaks_a_number_on_a_narrow_terminal_and_no_text_has_classes_where_there_are_none(
    made: Any, _: str
) -> None:
    stream = io.StringIO()
    terminal.render(made, Console(file=stream, width=80))
    shown, page = stream.getvalue(), html.render(made)
    assert "float32 " in "".join(line[:8] for line in shown.splitlines())
    for text in (shown, page):
        assert "top-1" not in text
        if made.task.name in ("regression", "reconstruction", "outputs"):
            assert "same class" not in text


@pytest.mark.slow
def test_the_page_says_by_how_much_an_error_is_worse_and_draws_it_with_its_unit() -> None:
    error, ratio = (html.render(made) for made, _ in REPORTS[:2])
    assert "worse than float32 by" in error
    assert "test samples (lower is better)" in error
    assert "test samples (higher is better)" in ratio
    assert "31.0 (30.7 to 31.3)" in ratio
    assert "PSNR, dB" in ratio


def test_a_ratio_says_what_of_it_was_asked_for() -> None:
    near = records.OutputFidelity(name="out", snr_db=11.6, cosine=0.9, mean_steps=8.8, max_steps=41.0, bias=0.0)
    base = qat()
    seen = base.model_copy(update={"comparison": base.comparison.model_copy(update={"outputs": [near]})})
    assert say.outputs(seen).endswith("41.0 at most. What the swap and training changed is part of it.")
    plain = {"activations": records.Activations(swapped=[], skipped=[]), "float32_recovered": None}
    kept = seen.model_copy(update={**plain, "float32_finetuned": None})
    assert say.outputs(kept).endswith("41.0 at most.")


def test_a_bench_says_what_it_took_the_models_for() -> None:
    stream = io.StringIO()
    made = bench(task=records.TaskChoice(name="classification", reason="one softmax output of 10 classes"))
    benched.render(made, Console(file=stream, width=80))
    assert "task       classification: one softmax output of 10 classes" in stream.getvalue()


def test_two_models_decide_the_same_about_what_the_task_decides() -> None:
    said = [metrics.same_decisions(task, 0.5) for task in ("classification", "segmentation", "multilabel")]
    assert [text.replace(numbers.NBSP, " ") for text in said] == [
        "the same class on 50.0 %",
        "the same class at 50.0 % of the places",
        "the same yes or no for 50.0 % of the classes",
    ]
