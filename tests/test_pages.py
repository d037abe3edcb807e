"""Every kind of page as a person sees it: in a real browser, on a phone, a desktop, in the dark and on paper."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgeswap import records
from edgeswap.commands import runs
from edgeswap.report import analyzed_html, html, runs_html, swept_html
from edgeswap.tflite.operator_graph import OperatorNode
from tests.browser import CHROMIUM, browser
from tests.test_report import HOSTILE, SAMPLES, hostile, page_of, qat
from tests.test_runs import written

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]

PAPER = 680  # pixels of A4 between usual margins, at 96 an inch
FITS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
JUDGED = """axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
  (one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`))"""


def regression():
    """Another task: an error in place of a share, one target that failed, and nothing trained."""
    quality = records.Quality(
        task="regression", metric="mae", value=2.05, ci95=(1.9, 2.2), unit="label", higher_is_better=False, samples=540
    )
    base = qat()
    comparison = {"metric": "mae", "unit": "label", "mcnemar_p": None, "drop": 0.021, "drop_ci95": (-0.01, 0.05)}
    return base.model_copy(
        update={
            "task": records.TaskChoice(name="regression", reason="one linear output of 1 value"),
            "float32": base.float32.model_copy(update={"quality": quality}),
            "int8": base.int8.model_copy(update={"quality": quality}),
            "comparison": base.comparison.model_copy(update=comparison),
            "training": [],
            "float32_swapped": None,
            "float32_recovered": None,
            "float32_finetuned": None,
        }
    )


def many_classes():
    """A segmentation of 40 classes, and 60 activations with long names."""
    base = qat()
    one = base.ranges.activations[1]
    activations = [one.model_copy(update={"layer": f"decoder/stage_{i}/a_long_name/activation_{i}"}) for i in range(60)]
    figures = [records.ClassFigure(class_=f"class number {i}", float32=0.9, int8=0.9 - i / 100) for i in range(40)]
    return base.model_copy(
        update={
            "ranges": base.ranges.model_copy(update={"activations": activations}),
            "comparison": base.comparison.model_copy(update={"class_metric": "iou", "per_class": figures}),
        }
    )


def sweep():
    """Two candidates on the front, the better one with a hostile name, and one that failed."""
    base = qat()
    latency = base.targets[0].int8.latency_ms
    figures = records.SweepFigures(quality=base.int8.quality, size_bytes=94_120, latency_ms=latency)
    done = {"settings": {"activation": "relu6"}, "status": "done", "int8": figures, "on_front": True, "passed": True}
    return records.SweepReport(
        edgeswap="0.1.0",
        created=base.created,
        command=base.command,
        model=HOSTILE,
        target="host",
        axes={"activation": ["relu6", "hard_swish"]},
        float32=figures,
        candidates=[
            records.SweepCandidate(name=HOSTILE, drop=0.2, **done),
            records.SweepCandidate(name="hard_swish", drop=0.1, **done),
            records.SweepCandidate(name="x", settings={"activation": "x"}, status="failed", problem="It is unknown."),
        ],
        pick="hard_swish",
        passed=True,
    )


def analysis():
    """Two layers, of which one has a cause."""
    base = qat()
    cost = records.Cost(snr_db=31.2, drop=0.2)
    layer = records.LayerCost(
        layer=HOSTILE,
        output_layer=None,
        is_input=False,
        only=cost,
        all_but=cost,
        weights_only_db=30.0,
        output_only_db=None,
        own_snr_db=28.0,
        range=records.RangeUse(low=-1.0, high=6.0, observed_low=-1.0, observed_high=5.0, central_width=3.0, wasted=0.5),
        channels=None,
        weights=None,
        cause=records.Cause(kind="outlier_values", problem="Its range is wide.", remedy="Clip it."),
    )
    return records.AnalyzeReport(
        edgeswap="0.1.0",
        created=base.created,
        command=base.command,
        seed=0,
        model=base.model,
        task=base.task,
        data=base.data,
        samples=64,
        metric="top1",
        unit="share",
        float32_value=0.98,
        all=cost,
        layers=[layer, layer.model_copy(update={"layer": "conv", "cause": None})],
        on_grid=[base.parity.on_grid[0].model_copy(update={"layer": HOSTILE}), *base.parity.on_grid],
        left_to_calibration=[],
    )


GRAPH = [
    OperatorNode(HOSTILE, HOSTILE, HOSTILE, (1, 8, 8, 4), "int8", False, tuple({0, i - 1} if i else ()))
    for i in range(90)
]
ALIKE = ("dropped", "several")  # in structure like others
PAGES = {
    **{name: lambda folder, name=name: page_of(name) for name in SAMPLES if name not in ALIKE},
    "regression": lambda folder: html.render(regression()),
    "many_classes": lambda folder: html.render(many_classes(), operators=GRAPH),
    "sweep": lambda folder: swept_html.render(sweep()),
    "analysis": lambda folder: analyzed_html.render(analysis()),
    "runs": lambda folder: runs_html.render(
        runs.side_by_side([written(folder / "a", qat()), written(folder / "b" / "c", hostile())]), folder
    ),
}
# What differs in structure, in one light each: a judgement takes a second or two.
JUDGED_PAGES = {"failed": False, "detailed": True, "everywhere": False, "sweep": True, "analysis": False, "runs": True}


@pytest.fixture(scope="module")
def page():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def axe():
    """axe-core, which `npm install --global axe-core` brings."""
    npm = subprocess.run(["npm", "root", "--global"], check=True, capture_output=True, text=True)
    script = Path(npm.stdout.strip()) / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("needs axe-core")
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The file of a page by its name; made once, as drawing its plots takes a second."""
    folder = tmp_path_factory.mktemp("pages")

    def make(name):
        file = folder / f"{name}.html"
        if not file.exists():
            file.write_text(PAGES[name](folder), encoding="utf-8")
        return file

    return make


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_asks_for_nothing_and_can_be_read_by_everyone(name, page, axe, made):
    file = made(name)
    page.open(file, width=1280)
    for width, printed in ((1280, False), (390, False), (PAPER, True)):
        page.look(width=width, printed=printed)
        needed, there = page.evaluate(FITS)
        assert needed <= there, f"{width} pixels wide{', printed' if printed else ''}"
    assert page.requests == []
    assert page.complaints == []
    assert file.stat().st_size < 1_000_000
    if name in JUDGED_PAGES:
        page.look(width=1280, dark=JUDGED_PAGES[name])
        page.evaluate(f"{axe}; document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert page.evaluate(JUDGED) == []


def test_what_is_wrong_with_a_page_is_seen(page, axe, tmp_path):
    text = '<div style="width: 600px; color: #777; background: #888">low</div><img src="/none.png"><script>x()</script>'
    (tmp_path / "x.html").write_text(f'<meta name="viewport" content="width=device-width, initial-scale=1">{text}')
    page.open(tmp_path / "x.html", width=390)
    needed, there = page.evaluate(FITS)
    assert needed > there
    assert page.requests == ["file:///none.png"]
    assert any("x is not defined" in str(one) for one in page.complaints)
    page.evaluate(f"{axe};")
    assert {"color-contrast", "image-alt", "html-has-lang"} <= {one.partition(":")[0] for one in page.evaluate(JUDGED)}


def test_a_press_on_a_heading_sorts_the_table_and_another_turns_it(page, made):
    page.open(made("detailed"), width=1280)
    table = "document.querySelector('[aria-label=\"Each class\"] table')"
    button = f"{table}.tHead.rows[0].cells[3].querySelector('button')"
    shown = f"[...{table}.tBodies[0].rows].map((row) => row.cells[3].textContent)"
    page.evaluate(f"{button}.click()")
    assert page.evaluate(shown) == ["-12.00", "-7.00", "-3.00", "-1.50", "0.00", "+2.00", "-"]
    page.evaluate(f"{button}.click()")
    assert page.evaluate(shown) == ["-", "+2.00", "0.00", "-1.50", "-3.00", "-7.00", "-12.00"]
    assert page.evaluate(f"{table}.tHead.rows[0].cells[3].getAttribute('aria-sort')") == "descending"


def test_a_long_page_has_a_list_of_its_parts_and_a_short_one_none(page, made):
    page.open(made("failed"), width=390)
    links = "[...document.querySelectorAll('nav a')]"
    named = page.evaluate(f"{links}.map((link) => link.textContent)")
    assert named[:2] == ["Quality", "Latency"]
    assert named == page.evaluate("[...document.querySelectorAll('h2')].map((part) => part.textContent)")
    page.evaluate(f"{links}.at(-1).click()")
    assert page.evaluate("document.querySelector(':target').textContent") == "How to reproduce"
    page.open(made("sweep"), width=390)
    assert page.evaluate(f"{links}.length") == 0


def test_a_printer_gets_what_is_folded_away_and_no_dark_page(page, made):
    page.open(made("failed"), width=PAPER, printed=True, dark=True)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every((one) => one.open)")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    needed, there = page.evaluate(FITS)
    assert needed <= there
