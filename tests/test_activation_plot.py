"""The figure of functions and gradients, and the command that draws and lists them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from edgeswap.activations.catalog import CATALOG, parse
from edgeswap.activations.int8_endings import ENDINGS, TARGETS
from edgeswap.cli import main as cli
from edgeswap.errors import ConfigError, OutputError
from edgeswap.report import activations as terminal
from edgeswap.report.curves import INK, SLOPE, VALUE, draw, plot

SETS = {
    "one": ["relu6"],
    "two": ["swish", "mish"],
    "five": ["relu6", "clipped_elu", "hard_swish", "swish", "pact"],
    "saturating": ["sigmoid", "tanh", "hard_sigmoid", "hard_tanh"],
    "parameters": [
        "swish(beta=2, max_value=3, learn_beta=true)",
        "clipped_elu(alpha=2, max_value=4, min_value=-0.5)",
        "gelu(approximate=true)",
    ],
    "all": list(CATALOG),
}


def figure(name: str):
    return draw([parse(text) for text in SETS[name]])


@pytest.mark.parametrize("name", SETS)
def test_a_panel_for_each_on_the_same_axes(name):
    panels = figure(name).axes
    assert [panel.get_title(loc="left") for panel in panels] == [parse(text).kind for text in SETS[name]]
    assert len({(panel.get_xlim(), panel.get_ylim()) for panel in panels}) == 1


@pytest.mark.parametrize("name", SETS)
def test_curves_are_the_functions_and_their_gradients(name):
    for panel, text in zip(figure(name).axes, SETS[name], strict=True):
        activation = parse(text)
        for colour, reference in ((VALUE, activation), (SLOPE, activation.derivative)):
            (curve,) = [line for line in panel.lines if line.get_color() == colour]
            x, y = curve.get_data()
            drawn = ~np.isnan(y)
            np.testing.assert_array_equal(y[drawn], reference(x)[drawn])
            assert np.count_nonzero(~drawn) <= 4, "gaps only at jumps"
            assert x[0] <= -5
            assert x[-1] >= 5


def test_a_jump_of_the_gradient_is_no_line():
    (panel,) = figure("one").axes
    (slope,) = [line for line in panel.lines if line.get_color() == SLOPE]
    steps = np.abs(np.diff(slope.get_ydata()))
    assert np.nanmax(steps) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("relu6", ["at least 0", "at most 6"]),
        ("sigmoid", ["above 0", "below 1"]),
        ("hard_swish", ["at least -0.375"]),
        ("pact", ["at least 0", "at most 6, learned"]),
        ("leaky_relu", []),
        ("clipped_elu(min_value=-0.5)", ["at least -0.5", "at most 6"]),
    ],
)
def test_bounds_are_named_and_dashed(text, words):
    (panel,) = draw([parse(text)]).axes
    said = [label.get_text() for label in panel.texts]
    assert [label for label in said if label.startswith(("at ", "above ", "below "))] == words
    dashed = [line.get_ydata()[0] for line in panel.lines if line.get_color() == INK]
    assert dashed == [pytest.approx(float(label.split(",")[0].split()[-1]), abs=1e-3) for label in words]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_no_words_run_into_each_other_or_off_the_page(name):
    drawn = figure(name)
    drawn.set_dpi(100)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    renderer = canvas.get_renderer()
    page = drawn.bbox
    words = [text for panel in drawn.axes for text in (*panel.texts, panel.title, panel._left_title) if text.get_text()]
    words += list(drawn.texts)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in words]
    for text, box in boxes:
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    for index, (text, box) in enumerate(boxes):
        for other_text, other in boxes[index + 1 :]:
            # A font's box is a little higher than its letters.
            apart = box.x1 <= other.x0 or other.x1 <= box.x0 or box.y1 <= other.y0 + 4 or other.y1 <= box.y0 + 4
            assert apart, f"{text!r} runs into {other_text!r}"


@pytest.mark.slow
def test_a_png_is_written_in_the_place_of_an_earlier_one(tmp_path):
    file = tmp_path / "new" / "swish.png"
    for _ in range(2):
        plot([parse("swish"), parse("mish")], file)
    with Image.open(file) as image:
        assert image.format == "PNG"
        assert image.width > 900
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    assert [path.name for path in file.parent.iterdir()] == ["swish.png"]


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"ends in \.png"):
        plot([parse("swish")], tmp_path / "swish.jpg")
    with pytest.raises(ConfigError, match="got none"):
        draw([])
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        plot([parse("swish")], tmp_path / "folder.png")


def printed(*names: str, width: int = 80) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        terminal.render([parse(name) for name in names], console)
    return capture.get()


def test_the_table_has_every_kind_and_fits_80_columns():
    text = printed()
    rows = [line.split()[0] for line in text.splitlines() if line[:1].isalpha()]
    assert [kind for kind in CATALOG if kind not in rows] == []
    assert max(map(len, text.splitlines())) <= 80
    assert "..." not in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("kind", CATALOG)
def test_details_say_all_there_is(kind, width):
    row, plain = CATALOG[kind], parse(kind).simplified().kind
    text = printed(kind, width=width)
    flat = " ".join(text.split())
    endings = [str(ENDINGS[plain][target]) for target in TARGETS]
    for words in (row.formula, row.slope, row.source, *row.defaults, *endings):
        assert words in flat
    assert text.isascii()
    if width >= 80:
        assert max(map(len, text.splitlines())) <= min(width, 100)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("swish", "[-0.278, inf); int8 step from data"),
        ("relu6", "[0, 6]; int8 step 0.02353, the range / 255"),
        ("sigmoid", "(0, 1); int8 step 0.003922"),
        ("relu3", "also called relu3"),
        ("silu", "also called silu"),
        ("clipped_elu(min_value=0)", "same as relu6"),
        ("prelu", "0.25, start of training, one per channel"),
        ("swish(beta=2, learn_beta=true)", "2, default 1, start of training, one per layer"),
        ("hard_sigmoid(slope=0.2)", "in tf_keras.activations hard_sigmoid"),
    ],
)
def test_details_of(text, words):
    assert words in " ".join(printed(text).split())


def test_every_kind_has_an_ending_on_every_target():
    assert list(ENDINGS) == list(CATALOG)
    for endings in ENDINGS.values():
        assert tuple(endings) == TARGETS
        for ending in endings.values():
            assert set(ending.outside) <= set(ending.operators)


@pytest.mark.slow
def test_the_command_lists_tells_and_draws(capsys, tmp_path):
    assert cli.run(["activations"]) == 0
    assert "clipped_elu" in capsys.readouterr().out
    assert cli.run(["activations", "swish", "mish"]) == 0
    assert "Misra" in capsys.readouterr().out
    for names in ([], ["swish", "mish"]):
        assert cli.run(["activations", *names, "--plot", str(tmp_path / f"{len(names)}.png")]) == 0
    with Image.open(tmp_path / "0.png") as whole, Image.open(tmp_path / "2.png") as two:
        assert whole.height > 2 * two.height, "without a name all are drawn"
    assert not capsys.readouterr().out


def test_the_command_refuses_an_unknown_name(capsys):
    assert cli.run(["activations", "swishy"]) == 2
    assert "Known are: clipped_elu" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["swish"], ["swish", "--plot", "swish.png"]])
def test_the_command_imports_no_tensorflow(arguments, tmp_path):
    code = f"""
import sys
from edgeswap.cli import main as cli
assert cli.run(["activations", *{arguments!r}]) == 0
slow = {{"tensorflow", "keras", "tf_keras", "matplotlib.pyplot", "tensorflow_model_optimization"}}
assert not slow & set(sys.modules), slow & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
