"""Exports side by side: what is read, what is said of their differences, and how a person or a program sees it."""

import base64
import hashlib
import io
import json
import re
import stat

import pytest
from rich.console import Console

from edgeswap import records
from edgeswap.cli.main import run
from edgeswap.commands import runs
from edgeswap.report import compared_runs, numbers, runs_html
from edgeswap.report import runs_wording as words
from tests.test_report import HOSTILE, failed, hostile, measurement, page_of, ptq, qat, several, target, texts_of


def written(folder, report, *, page=False):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(report.model_dump_json(by_alias=True, indent=2), encoding="utf-8")
    if page:
        (folder / "report.html").write_text("<title>the page of a run</title>")
    return folder


def text(report, width=80):
    console = Console(file=io.StringIO(), width=width)
    compared_runs.render(report, console)
    return console.file.getvalue().replace(numbers.NBSP, " ")


def smaller():
    """The same model and samples, made smaller, and worse by two samples."""
    base = qat()
    return base.model_copy(
        update={
            "method": "ptq",
            "int8": base.int8.model_copy(update={"size_bytes": 80_000}),
            "comparison": base.comparison.model_copy(update={"drop": 0.5556}),
        }
    )


def test_runs_of_one_model_and_test_set_stand_in_one_table_below_what_is_best(tmp_path):
    folders = [written(tmp_path / "trained", qat()), written(tmp_path / "small", smaller())]
    report = runs.side_by_side(folders)
    assert report.differences == []
    assert report.groups == [["trained", "small"]]
    shown = text(report)
    assert " ".join(shown.split()).startswith(
        "2 runs of digits_mobilenet on the same 540 test samples: trained loses least (0.19 points)"
    )
    assert "small is smallest (80.0 kB)" in " ".join(shown.split())
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line.startswith(("float32", "tr", "sm"))}
    assert rows["float32"][1:5] == ["97.8", "%", "312.4", "kB"]
    assert " ".join(rows["trained"]) == "trained 97.6 % 0.19 -0.71 to 1.15 94.1 kB 0.0912 ms hold"
    assert rows["small"][3] == "0.56"
    assert max(map(len, shown.splitlines())) <= 80


def test_samples_are_those_that_were_measured(tmp_path):
    def on(samples):
        base = qat()
        few = base.int8.quality.model_copy(update={"samples": samples})
        return base.model_copy(update={"int8": base.int8.model_copy(update={"quality": few})})

    first, second, third = (
        written(tmp_path / str(count + copy), on(count)) for copy, count in enumerate((300, 300, 540))
    )
    assert "on the same 300 test samples" in " ".join(text(runs.side_by_side([first, second])).split())
    both = runs.side_by_side([first, third])
    assert "on 300 to 540 test samples" in " ".join(text(both).split())
    about = words.groups(both)[0].about.replace(numbers.NBSP, " ")
    assert about == "Top-1 on 300 to 540 test samples of digits/test"


def test_the_fastest_is_named_only_where_it_is_faster_by_more_than_noise(tmp_path):
    def taking(p50):
        return qat(targets=[target(measurement(528, 0.2), measurement(527, p50))])

    slow = written(tmp_path / "slow", taking(0.1))
    near = runs.side_by_side([slow, written(tmp_path / "near", taking(0.097))])
    assert "fastest" not in words.verdict(near)
    far = runs.side_by_side([slow, written(tmp_path / "far", taking(0.05))])
    assert f"far is fastest on host (p50 0.05{numbers.NBSP}ms)" in words.verdict(far)


def test_other_metrics_and_test_sets_are_said_and_never_mixed(tmp_path):
    mae = records.Quality(
        task="regression", metric="mae", value=2.05, ci95=(1.9, 2.2), unit="label", higher_is_better=False, samples=540
    )
    base = qat()
    regression = base.model_copy(
        update={
            "float32": base.float32.model_copy(update={"quality": mae}),
            "int8": base.int8.model_copy(update={"quality": mae}),
            "comparison": base.comparison.model_copy(update={"metric": "mae", "unit": "label", "drop": 0.01}),
        }
    )
    folders = [written(tmp_path / name, report) for name, report in
               (("a", qat()), ("b", regression), ("c", ptq()), ("d", smaller()))]  # fmt: skip
    report = runs.side_by_side(folders)
    assert report.groups == [["a", "d"], ["b"], ["c"]]
    kinds = [caution.kind for caution in report.differences]
    assert kinds == ["metrics_differ", "test_samples_differ"]
    assert "mean absolute error in b" in report.differences[0].problem
    assert "photos of leaves/ (beefbeef) in c" in report.differences[1].problem
    shown = " ".join(text(report).split())
    assert shown.startswith("4 runs in 3 groups: figures of quality can be compared within a group only.")
    assert "Mean absolute error on 540 test samples of digits/test" in shown
    assert "loses least" not in shown


def test_other_models_machines_and_versions_are_said(tmp_path):
    base = qat()
    pi = base.targets[0].model_copy(update={"cpu": "Cortex-A76"})
    other = base.model_copy(
        update={
            "model": base.model.model_copy(update={"name": "small_net", "sha256": "cc" * 32}),
            "float32": base.float32.model_copy(update={"size_bytes": 200_000}),
            "targets": [pi],
            "edgeswap": "0.2.0",
        }
    )
    report = runs.side_by_side([written(tmp_path / "a", base), written(tmp_path / "b", other)])
    assert [caution.kind for caution in report.differences] == ["models_differ", "machines_differ", "versions_differ"]
    assert "fastest" not in words.verdict(report)
    shown = text(report)
    assert {"float32 of a", "float32 of b"} <= {line[:12] for line in shown.splitlines()}


def test_an_emulated_board_with_two_runtimes_is_no_difference_between_runs(tmp_path):
    from tests.test_report import everywhere

    report = runs.side_by_side([written(tmp_path / name, everywhere()) for name in "ab"])
    assert report.differences == []
    group = words.groups(report)[0]
    assert group.speeds is not None
    assert "instructions on emulator:pi5 (tflite-runtime)" in group.speeds[0]
    assert words.limits(everywhere().model_copy(update={"limits": []})) == "incomplete"


def test_in_eighty_letters_every_run_has_its_name_and_missed_limits_are_named(tmp_path):
    limits = [records.Limit(name=name, limit=1, value=2, passed=False) for name in ("max_drop", "max_latency_ms")]
    names = ("with_hard_swish", "with_relu6_qat")
    report = runs.side_by_side([written(tmp_path / name, qat(limits=limits)) for name in names])
    shown = text(report)
    assert max(map(len, shown.splitlines())) <= 80
    for name in names:
        assert re.search(rf"^{name} .* missed$", shown, re.MULTILINE)
        assert re.search(rf"^limit +{name} missed max_drop, max_latency_ms$", shown, re.MULTILINE)
    assert "<td>missed: max_drop, max_latency_ms</td>" in runs_html.render(report, tmp_path)


def test_a_float_model_has_the_figures_of_any_run_that_begins_with_it_and_memory_is_called_so(tmp_path):
    arena = records.ArenaUse(total_bytes=2700, head_bytes=2000, tail_bytes=700)
    memory = measurement(528).model_copy(
        update={"latency_ms": None, "micro": records.MicroMeasurement(arena=arena, operators=["AddConv2D"])}
    )
    micro = target(memory, memory, name="micro", speedup_p50=None)
    report = runs.side_by_side(
        [written(tmp_path / "a", qat()), written(tmp_path / "b", qat(targets=[*qat().targets, micro]))]
    )
    speeds = words.groups(report)[0].speeds
    assert speeds is not None
    headers, rows = speeds
    assert headers == ("p50 on host", "arena on micro")
    cells = {row.name: row.cells for row in rows}
    assert "-" not in cells["float32"]
    assert cells["float32"][1] == f"2.7{numbers.NBSP}kB arena"
    assert cells["a"][1] == "-"


def test_runs_that_measured_nothing_stand_apart_and_show_no_figure(tmp_path):
    nothing = qat().comparison.model_copy(update={"drop": None, "drop_ci95": None, "agreement": None, "outputs": []})
    bare = qat(measured=False, comparison=nothing, targets=[], limits=[])
    folders = [written(tmp_path / name, report) for name, report in (("a", bare), ("b", bare), ("c", qat()))]
    report = runs.side_by_side(folders)
    assert report.groups == [["a", "b"], ["c"]]
    shown = text(report)
    assert "Not measured (--no-measure)" in shown
    assert re.search(r"^a +94\.1 kB +-$", shown, re.MULTILINE)
    assert "equal" not in shown
    alone = text(runs.side_by_side(folders[:2]))
    assert alone.startswith("2 runs of digits_mobilenet, none of them measured.")


def test_two_folders_of_one_name_are_called_by_their_paths(tmp_path):
    folders = [written(tmp_path / name / "out", qat()) for name in "ab"]
    assert [one.name for one in runs.side_by_side(folders).runs] == [str(folder) for folder in folders]


def test_names_of_strangers_stay_text_on_the_page_and_links_lead_to_pages(tmp_path):
    folders = [written(tmp_path / "a & <b>", hostile(), page=True), written(tmp_path / "c", several())]
    page = runs_html.render(runs.side_by_side(folders), tmp_path)
    tags, shown = texts_of(page)
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == 2 * ["a%20%26%20%3Cb%3E/report.html"]
    assert HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e") in shown
    assert [attributes for tag, attributes in tags if tag == "script"] == [{}]


def test_the_pages_policy_allows_its_own_script_alone():
    page = page_of("qat")
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


@pytest.mark.parametrize(
    ("content", "problem", "remedy"),
    [
        ("{", "to be JSON", "Export again"),
        ("[" * 100_000, "to be JSON", "Export again"),
        ("[]", "got None", "Name the --output of an export"),
        ('{"schema": "edgeswap.report/1"}', "got 'edgeswap.report/1'", "Export again with edgeswap"),
        ('{"schema": "edgeswap.report/3"}', "got 'edgeswap.report/3'", "Update edgeswap"),
        ('{"schema": "edgeswap.bench/2"}', "got 'edgeswap.bench/2'", "Name the --output of an export"),
        ('{"schema": "edgeswap.report/2", "edgeswap": "9.9"}', "got at created: Field required", "edgeswap 9.9 wrote"),
    ],
)
def test_what_is_no_report_is_refused_with_its_own_remedy(tmp_path, capsys, content, problem, remedy):
    (tmp_path / "report.json").write_text(content, encoding="utf-8")
    assert run(["report", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert problem in told
    assert remedy in told


def test_a_folder_without_a_report_is_answered_with_what_is_there(tmp_path, capsys):
    assert run(["report", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert run(["report", str(tmp_path)]) == 2
    assert "Name the --output of an export." in capsys.readouterr().err
    (tmp_path / "sweep.html").write_text("")
    assert run(["report", str(tmp_path)]) == 2
    assert f"edgeswap report {tmp_path} --open" in capsys.readouterr().err
    written(tmp_path / "relu6-qat", qat())
    assert run(["report", str(tmp_path)]) == 2
    assert str(tmp_path / "relu6-qat") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["a", "-o", "x.html"], "two folders or more for --output"),
        (["a", "b", "-o", "x.pdf"], "ends in .html"),
        (["a", "b", "--open"], "Expected --output for --open"),
        (["a", "a"], "Expected each folder once"),
        ([], "FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, monkeypatch, capsys, arguments, problem):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        written(tmp_path / name, qat())
    assert run(["report", *arguments]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_json_is_the_report_of_one_and_all_reports_of_several(tmp_path, capsys):
    first, second = written(tmp_path / "a", failed()), written(tmp_path / "b", qat())
    assert run(["report", str(first / "report.json"), "--json"]) == 0
    assert records.ExportReport.model_validate_json(capsys.readouterr().out) == failed()
    assert run(["report", str(first), str(second), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "edgeswap.runs/1"
    assert [one["name"] for one in told["runs"]] == ["a", "b"]
    assert told["runs"][1]["report"]["int8"]["size_bytes"] == 94_120


def test_one_folder_is_shown_as_its_export_showed_it(tmp_path, capsys):
    assert run(["report", str(written(tmp_path / "a", failed()))]) == 0
    assert capsys.readouterr().out.startswith("Failed (max_drop")


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A browser that notes what it is to open."""
    opened = tmp_path / "opened.txt"
    script = tmp_path / "browser.sh"
    script.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    import webbrowser

    monkeypatch.setattr(webbrowser, "_tryorder", None)  # it looks for browsers once in a process
    monkeypatch.setattr(webbrowser, "_browsers", {})
    return opened


def test_open_shows_the_page_of_one_and_the_one_of_several(tmp_path, browser, capsys):
    first, second = written(tmp_path / "a", qat(), page=True), written(tmp_path / "b", qat())
    assert run(["report", str(first), "--open"]) == 0
    assert run(["report", str(second), "--open"]) == 2
    assert "report.html" in capsys.readouterr().err
    runs_page = tmp_path / "runs.html"
    assert run(["report", str(first), str(second), "-o", str(runs_page), "--open"]) == 0
    assert browser.read_text().split() == [(first / "report.html").as_uri(), runs_page.as_uri()]
    assert "Written" not in capsys.readouterr().err
    assert run(["report", str(first), str(second), "-o", str(runs_page)]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_without_a_browser_the_page_is_named(tmp_path, browser, monkeypatch, capsys):
    monkeypatch.setenv("BROWSER", f"{tmp_path / 'none'} %s")
    import webbrowser

    monkeypatch.setattr(webbrowser, "register_standard_browsers", lambda: setattr(webbrowser, "_tryorder", []))
    first = written(tmp_path / "a", qat(), page=True)
    assert run(["report", str(first), "--open"]) == 1
    assert "$BROWSER" in capsys.readouterr().err


def test_data_are_no_report(tmp_path, capsys):
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04")
    assert run(["report", str(tmp_path / "d.npz")]) == 1
    told = capsys.readouterr().err
    assert "Expected the output folder of an export or its report.json, got" in told
    assert "Name the --output of an export" in told
