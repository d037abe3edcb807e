"""What the report says and draws in the terms of the task: classes, curves, errors, and the worst samples."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from edgeswap import records
from edgeswap.data.dataset import ArraySamples, Dataset
from edgeswap.data.pictures import pictures
from edgeswap.report import html, numbers, plots, ranges_plot, task_plots, training_plot
from edgeswap.report import task_words as told
from tests.test_report import detailed, page_of, qat, text, texts_of, training_run

PLOTS = [task_plots.roc_plot, task_plots.errors_plot, task_plots.predictions_plot]


def plain(words):
    return words.replace(numbers.NBSP, " ")


def cells(page):
    """The words of a page, a bar where the page has a line break."""
    return re.sub(r"\s*\n\s*", "|", plain(texts_of(page)[1]))


def test_the_classes_that_lost_most_are_told_and_no_more_than_three():
    sentence = plain(told.lost_classes(detailed().comparison))
    assert sentence == (
        "Recall is lower for 4 of 7 classes, most for elm <b> (95.0 % to 83.0 %), oak (95.0 % to 88.0 %), beech "
        "(95.0 % to 92.0 %)."
    )
    assert " ".join(text(detailed()).split()).count(sentence) == 1
    assert told.lost_classes(qat().comparison) == told.lost_classes(None) == ""


def test_a_class_that_reads_the_same_has_not_lost():
    figure = records.ClassFigure(class_="ash", float32=0.9001, int8=0.9)
    comparison = qat().comparison.model_copy(update={"class_metric": "iou", "per_class": [figure]})
    assert told.lost_classes(comparison) == ""


def test_differences_of_classes_have_a_sign():
    assert [told.class_difference(figure) for figure in detailed().comparison.per_class] == [
        "0.00", "-3.00", "-12.00", "-1.50", "+2.00", "-7.00", "-",
    ]  # fmt: skip


def test_many_classes_are_a_table_of_those_that_lost_most_and_one_of_all():
    figures = [records.ClassFigure(class_=f"c{i}", float32=0.9, int8=0.9 - i / 100) for i in range(20)]
    update = {"class_metric": "recall", "per_class": figures}
    page = html.render(qat(comparison=qat().comparison.model_copy(update=update)))
    assert "The 12 of 20 classes that lost most: recall" in page
    rows = re.findall(r'class="name">(c\d+)<', page)
    assert rows == [f"c{i}" for i in (*range(19, 7, -1), *range(20))]


@pytest.mark.parametrize("lost", [0, 1])
def test_of_many_classes_that_lost_nothing_none_stands_among_those_that_lost(lost):
    figures = [records.ClassFigure(class_=f"c{i}", float32=0.9, int8=0.9 - (i < lost) / 10) for i in range(20)]
    update = {"class_metric": "recall", "per_class": figures}
    page = html.render(qat(comparison=qat().comparison.model_copy(update=update)))
    assert ("Of each class that lost: recall" in page) is bool(lost)
    assert re.findall(r'class="name">(c\d+)<', page) == [f"c{i}" for i in (*range(lost), *range(20))]


@pytest.mark.slow
def test_worst_samples_stand_on_the_page_with_both_answers_and_their_pictures():
    page = html.render(detailed(), {7: b"png"})
    words = plain(texts_of(page)[1])
    assert "The 2 test samples whose outputs differ most between float32 and int8, the worst first." in words
    assert "Given are the class with its score." in words
    assert "|Sample 1,234float32int8|elm <b>0.710.71|oak-|" in cells(page)
    assert "|Sample 7, 8.12 dBfloat32int8|elm <b>0.71|oak-|" in cells(page)
    images = [attributes for tag, attributes in texts_of(page)[0] if tag == "img"]
    assert images == [{"src": "data:image/png;base64,cG5n", "alt": "test sample 7"}]
    assert "img-src data:" in page


def test_answers_stand_side_by_side_a_name_that_comes_twice_in_two_rows():
    box, other = records.Named(name="cat", value=0.9), records.Named(name="cat", value=0.4)
    sample = records.WorstSample(index=0, snr_db=1.0, float32=[box, other], int8=[records.Named(name="dog", value=0.5)])
    assert told.side_by_side(sample) == [("cat", "0.9", ""), ("cat", "0.4", ""), ("dog", "", "0.5")]
    assert told.side_by_side(sample.model_copy(update={"float32": [], "int8": []})) == []


@pytest.mark.slow
def test_flipped_samples_are_counted_and_stand_with_their_label():
    page = html.render(detailed(), {8: b"\xff\xd8jpeg"})
    words = plain(texts_of(page)[1])
    assert "Of 540 test samples, float32 has 12 right that int8 has wrong, and int8 has 11 right that float32" in words
    assert "1 of the 12 lost ones, with the largest difference first, stand below." in words
    assert "|Sample 8, 9.50 dBlabel: elm <b>float32int8|elm <b>0.71|oak-|" in cells(page)
    assert 'src="data:image/jpeg;base64,' in page
    lost = detailed().comparison.model_copy(update={"lost": 1, "gained": 0})
    assert plain(told.flipped(qat(comparison=lost))).endswith("The lost one stands below.")
    unlabelled = lost.model_copy(update={"lost": None, "gained": None})
    assert "answers some samples otherwise than float32. Here is 1 of them" in told.flipped(qat(comparison=unlabelled))
    assert "Samples that flipped" not in page_of("qat")


@pytest.mark.slow
def test_the_page_shows_ranges_training_and_what_an_app_must_do():
    report = qat()
    page = html.render(report, {0: b"png"})
    words = plain(texts_of(page)[1])
    assert "All 4 ranges in numbers" in words
    assert "top_actswish-0.279 to none-0.279 to 9.10-0.279 to 8.700.0352fixed, observed" in words
    assert "test samplerow, columnpixelafter preprocessingint8 input" in words
    assert "27016, 162400.941112" in words
    assert "sha256 " + report.model.sha256 in words
    assert "tensorflow 2.21.0" in words
    drawn = training_plot.training_plot(report)
    assert drawn == training_plot.training_plot(report)
    assert {"QAT", "the control", "recovery"} <= {element.text for element in ET.fromstring(drawn).iter()}
    on_each_other = [training_run("float32_finetuned", [0.2, 0.1]), training_run("int8", [0.2, 0.1])]
    drawn = training_plot.training_plot(qat(training=on_each_other))
    # The wide band of the control comes first; the dashes of QAT lie within.
    styles = re.findall(r'clip-path[^>]*style="fill: none; (.*?)"', drawn)
    band, thin = (style for style in styles if "--float32" in style or "--int8" in style)
    assert "stroke-width: 6" in band
    assert "dasharray" not in band
    assert "dasharray" in thin
    assert training_plot.training_plot(qat(training=[])) is None
    lost = [run.model_copy(update={"losses": [None] * 4}) for run in report.training]
    assert training_plot.training_plot(qat(training=lost)) is None
    gone = report.training[0].model_copy(update={"losses": [2.0, None, 1.0, None], "best_epoch": 2})
    assert "recovery" in training_plot.training_plot(qat(training=[gone]))


def test_marks_of_plots_tell_their_numbers_to_a_pointer():
    titles = {
        element.text for element in ET.fromstring(plots.layers_plot(qat())).iter() if element.tag.endswith("title")
    }
    assert titles == {"block_3_add: 28.9 dB", "stem <&>: 40.2 dB"}
    drawn = page_of("qat")
    assert "<title>int8: p50 0.0912 ms, p90 0.102 ms, p99 0.128 ms</title>" in drawn
    assert "<title>int8: 97.6 % (95.9 to 98.6)</title>" in drawn
    assert 'id="tip' not in drawn
    alone = qat().parity.model_copy(update={"layer_snr_db": {"a": 20.0, "b": None}})
    assert plots.layers_plot(qat(parity=alone)) is None


@pytest.mark.slow
def test_of_many_ranges_those_with_the_largest_step_are_drawn():
    one = qat().ranges.activations[0]
    many = [one.model_copy(update={"layer": f"act_{i}", "after": (0.0, 1.0 + i)}) for i in range(60)]
    report = qat(ranges=qat().ranges.model_copy(update={"activations": many}))
    drawn = ranges_plot.ranges_plot(report)
    names = {element.text for element in ET.fromstring(drawn).iter()}
    assert "act_59" in names
    assert "act_19" not in names
    assert "the 40 activations with the largest int8 step" in drawn
    assert ranges_plot.ranges_plot(qat(ranges=None)) is None
    endless = one.model_copy(update={"bounds": (None, None)})
    assert "<title>block_0_act" in ranges_plot.ranges_plot(
        qat(ranges=qat().ranges.model_copy(update={"activations": [endless]}))
    )


@pytest.mark.slow
def test_the_roc_curve_calls_two_classes_by_their_names():
    base = detailed()
    two = base.comparison.model_copy(update={"per_class": base.comparison.per_class[:2]})
    named = plain(texts_of(html.render(base.model_copy(update={"comparison": two})))[1])
    assert "samples of class beech that are found, against the share of those of class ash that" in named
    assert "samples of class 1 that are found" in plain(texts_of(page_of("detailed"))[1])


def test_other_metrics_stand_in_a_table():
    assert told.other_metrics(detailed()) == [("macro F1", f"97.5{numbers.NBSP}%", f"97.1{numbers.NBSP}%")]
    assert "macro F1" in page_of("detailed")
    assert "macro F1" not in text(detailed())


def test_metrics_of_outputs_are_told_where_fidelity_is_what_counts():
    base = detailed()
    metrics = {"snr_db": 30.0, "digit.top1": 0.94, "place.mae": 0.031, "module:own": 2.0}
    models = {
        name: getattr(base, name).model_copy(
            update={"quality": base.int8.quality.model_copy(update={"metric": "snr_db", "metrics": metrics})}
        )
        for name in ("float32", "int8")
    }
    comparison = base.comparison.model_copy(update={"metric": "snr_db", "drop": None, "drop_ci95": None})
    report = base.model_copy(update={**models, "comparison": comparison})
    assert plain(told.metrics_of_outputs(report)) == (
        "digit top-1 94.0 % (float32 94.0 %); place mean absolute error 0.031 (float32 0.031); own 2.00 (float32 2.00)"
    )
    assert "digit top-1 94.0 %" in plain(text(report))


@pytest.mark.parametrize("plot", PLOTS)
def test_plots_of_tasks_repeat_and_name_both_models(plot):
    drawn = plot(detailed())
    assert drawn == plot(detailed())
    assert {"float32", "int8"} <= {element.text for element in ET.fromstring(drawn).iter()}
    assert plot(qat()) is None


def test_errors_of_a_map_are_those_of_samples_and_have_no_points():
    errors = records.Errors(of="sample", edges=[0.0, 1.0, 2.0], float32=[3, 1], int8=[2, 2])
    report = qat(comparison=qat().comparison.model_copy(update={"errors": errors}))
    assert "mean absolute error of a sample" in task_plots.errors_plot(report)
    assert task_plots.predictions_plot(report) is None


@pytest.mark.parametrize(
    ("images", "first"),
    [
        (np.full((3, 4, 5, 3), 200, np.uint8), 200),
        (np.full((3, 4, 5, 1), 0.5, np.float32), 128),
        (np.linspace(0, 250, 60, dtype=np.float32).reshape(3, 4, 5, 1), 85),
        (np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5, 1), 0),
    ],
)
def test_samples_become_pictures(images, first):
    dataset = Dataset("x", ArraySamples({"image": images}), np.arange(3))
    found = pictures(dataset, [1, 2])
    assert list(found) == [1, 2]
    image = Image.open(io.BytesIO(found[1]))
    assert (image.format, image.size) == ("PNG", (5, 4))
    assert np.asarray(image).ravel()[0] == pytest.approx(first, abs=1)


def test_a_photograph_is_a_jpeg_and_so_stays_small():
    photo = np.random.default_rng(0).integers(0, 256, (1, 200, 200, 4), np.uint8)
    (found,) = pictures(Dataset("x", ArraySamples({"image": photo}), np.arange(1)), [0]).values()
    assert found.startswith(b"\xff\xd8")
    assert len(found) < 30_000


def test_a_large_picture_becomes_small_and_what_is_no_image_none():
    wide = Dataset(
        "x", ArraySamples({"f": np.zeros((2, 3)), "image": np.zeros((2, 80, 640, 4), np.uint8)}), np.arange(2)
    )
    assert Image.open(io.BytesIO(pictures(wide, [0])[0])).size == (160, 20)
    features = Dataset("x", ArraySamples({"f": np.zeros((2, 3)), "row": np.zeros((2, 1, 9, 1))}), np.arange(2))
    assert pictures(features, [0]) == pictures(wide, []) == {}
