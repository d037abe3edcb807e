"""The device script's comparison with an earlier result, and its table for a person."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy import benchmark
from tests.tiny_tflite import classifier

SHAPE = (4, 4, 1)
WEIGHTS = np.random.default_rng(0).integers(-3, 4, (3, 16))
PIXELS = np.random.default_rng(1).integers(0, 256, (60, *SHAPE), dtype=np.uint8)
LABELS = (PIXELS.reshape(60, 16).astype(np.int64) @ WEIGHTS.T).argmax(axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("against")
    classifier(made / "float.tflite", WEIGHTS, SHAPE)
    classifier(made / "int8.tflite", WEIGHTS, SHAPE, scale=1 / 255)
    np.savez(made / "test.npz", x=PIXELS, y=LABELS)
    return made


def measured(folder: Path, *arguments: str) -> dict[str, Any]:
    """A result of the script, run in this process; file names are in `folder`."""
    whole = [str(folder / word) if "." in word else word for word in arguments]
    return benchmark.run(benchmark.parse([*whole, "--no-load", "--quick", "--preprocess", "unit"]))


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    return measured(folder, "float.tflite", "int8.tflite", "--data", "test.npz")


@pytest.fixture(scope="module")
def reference(folder: Path, result: dict[str, Any]) -> Path:
    path = folder / "reference.json"
    path.write_text(json.dumps(result))
    return path


def changed(result: dict[str, Any], where: str, value: Any) -> dict[str, Any]:
    """A copy with another value at `where`."""
    made = copy.deepcopy(result)
    *way, last = where.split(".")
    place: Any = made
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return made


@pytest.mark.slow
def test_against_itself_nothing_differs(folder: Path, reference: Path) -> None:
    models = ("float.tflite", "int8.tflite", "--data", "test.npz")
    against = measured(folder, *models, "--against", reference.name)["against"]
    assert (against["file"], against["differences"], against["same_samples"]) == ("reference.json", [], True)
    assert [model["file"] for model in against["models"]] == ["float.tflite", "int8.tflite"]
    for model in against["models"]:
        low, high = model["p50_ratio_range"]
        assert low <= model["p50_ratio"] <= high
        assert (model["same_bytes"], model["top1_drop"], model["predicted_otherwise"]) == (True, 0.0, 0)


def test_times_are_compared_by_medians_and_their_spread_by_those_of_blocks(result: dict[str, Any]) -> None:
    here = changed(result, "models.0.latency_ms", {"p50": 3.0, "blocks": [[2.0, 2.0, 9.0], [3.0], [4.0, 4.0]]})
    there = changed(result, "models.0.latency_ms", {"p50": 2.0, "blocks": [[1.0], [2.0], [2.5]]})
    model = benchmark.compare(here, there, "r.json")["models"][0]
    assert model["p50_ms"] == 2.0
    assert model["p50_ratio"] == pytest.approx(1.5)
    assert model["p50_ratio_range"] == pytest.approx([2.0 / 2.5, 4.0 / 1.0])


def test_accuracy_is_compared_on_the_same_samples_alone(folder: Path, result: dict[str, Any]) -> None:
    predicted = list(result["models"][0]["accuracy"]["predicted"])
    predicted[0], predicted[1] = (predicted[0] + 1) % 3, (predicted[1] + 1) % 3
    worse = result["models"][0]["accuracy"] | {"predicted": predicted, "correct": 57}
    found = benchmark.compare(changed(result, "models.0.accuracy", worse), result, "r.json")
    assert found["models"][0]["top1_drop"] == pytest.approx(5.0)  # 3 of 60 fewer are right
    assert found["models"][0]["predicted_otherwise"] == 2
    fewer = measured(folder, "float.tflite", "--data", "test.npz", "--samples", "10")
    found = benchmark.compare(fewer, result, "r.json")
    assert found["same_samples"] is False
    assert found["models"][0]["top1_drop"] is found["models"][0]["predicted_otherwise"] is None
    assert "other samples" in benchmark.table(fewer | {"against": found})
    without = measured(folder, "float.tflite")
    assert benchmark.compare(without, result, "r.json")["same_samples"] is None


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("machine.board", "Raspberry Pi 5", "the board is Raspberry Pi 5 here"),
        ("machine.cpu", "Cortex-A76", "the CPU is Cortex-A76 here"),
        ("machine.governor", "ondemand", "the governor is ondemand here, unknown there"),
        ("runtime", {"name": "tflite-runtime", "version": "2.14.0", "why": ""}, "the runtime is tflite-runtime 2.14.0"),
        ("threads", 4, "the number of threads is 4 here, 1 there"),
        ("delegate", "none", "the delegate is none here, xnnpack there"),
    ],
)
def test_what_differs_is_said(result: dict[str, Any], where: str, value: Any, said: str) -> None:
    reference = changed(result, "machine.governor", None)
    here = changed(reference, where, value)
    here["against"] = benchmark.compare(here, reference, "r.json")
    (difference,) = here["against"]["differences"]
    assert said in difference
    assert f"Mind that {difference}." in benchmark.table(here)


def test_what_a_reference_was_warned_of_is_said(result: dict[str, Any]) -> None:
    warning = {"name": "other-load", "seen": [{"model": None, "detail": "3 cores"}], "advice": "Stop them."}
    made = result | {"against": benchmark.compare(result, result | {"warnings": [warning]}, "r.json")}
    assert made["against"]["warnings"] == ["other-load"]
    assert "Mind that it has warnings of its own: other-load." in benchmark.table(made)
    made = result | {"against": benchmark.compare(result, result | {"warnings": []}, "r.json")}
    assert "of its own" not in benchmark.table(made)


def test_other_bytes_of_the_same_network_are_matched_and_it_is_said(folder: Path, result: dict[str, Any]) -> None:
    classifier(folder / "trained_again.tflite", WEIGHTS + 1, SHAPE, scale=1 / 255)
    here = measured(folder, "trained_again.tflite", "float.tflite")
    here["against"] = benchmark.compare(here, result, "r.json")
    again, same = here["against"]["models"]
    assert (again["file"], again["same_bytes"]) == ("int8.tflite", False)
    assert (same["file"], same["same_bytes"]) == ("float.tflite", True)
    assert "trained_again.tflite is not the same file as int8.tflite there" in benchmark.table(here)


def test_equal_bytes_come_before_equal_networks(folder: Path, result: dict[str, Any]) -> None:
    classifier(folder / "alike.tflite", WEIGHTS + 1, SHAPE)
    here = measured(folder, "alike.tflite", "float.tflite")
    alike, same = benchmark.compare(here, result, "r.json")["models"]
    assert alike is None  # the only float32 model there is the other's
    assert same["file"] == "float.tflite"


def test_a_network_that_is_not_there_has_no_counterpart(folder: Path, result: dict[str, Any]) -> None:
    classifier(folder / "wider.tflite", np.ones((5, 16)), SHAPE)
    here = measured(folder, "wider.tflite")
    here["against"] = benchmark.compare(here, result, "r.json")
    assert here["against"]["models"] == [None]
    assert "none like it" in benchmark.table(here)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "Expecting value"),
        ("[1, 2", "Expecting"),
        ("[" * 100_000, "maximum recursion depth"),
        ('{"schema": "edgeswap.benchmark/1", "machine": 1e999}', "KeyError"),
        ("[]", "TypeError"),
        ('{"schema": "edgeswap.benchmark/1"}', "KeyError"),
        (None, "no file"),
    ],
)
def test_a_reference_that_is_none_is_told_before_anything_is_measured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, said: str
) -> None:
    monkeypatch.delattr(benchmark, "load_model")
    path = tmp_path / "wrong.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(benchmark.BenchmarkError, match=rf"wrong\.json: {said}"):
        benchmark.run(benchmark.parse([str(folder / "float.tflite"), "--against", str(path)]))


def test_another_kind_of_file_is_told_by_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"schema": "edgeswap.report/1"}))
    with pytest.raises(benchmark.BenchmarkError, match=r"old\.json has edgeswap\.report/1"):
        benchmark.read_reference(path)


def test_warnings_are_broken_at_the_terminal_s_width(result: dict[str, Any]) -> None:
    seen = [{"model": None, "detail": "other programs kept 3.5 cores busy meanwhile"}]
    made = result | {"warnings": [{"name": "other-load", "seen": seen, "advice": "Stop other programs."}]}
    assert benchmark.table(made, 60).splitlines()[-2:] == [
        "warning: other-load: other programs kept 3.5 cores busy",
        "  meanwhile. Stop other programs.",
    ]
    assert benchmark.table(made).splitlines()[-1].startswith("warning: ")


def test_numbers_in_the_table_end_in_line(result: dict[str, Any]) -> None:
    made = changed(result, "models.1.latency_ms.p50", 1234.5)
    lines = benchmark.table(made).splitlines()
    header = next(index for index, line in enumerate(lines) if line.startswith("model ") and "p50" in line)
    end = lines[header].index("p50 ms") + len("p50 ms")
    cells = [line[:end].split()[-1] for line in lines[header + 1 : header + 3]]
    assert cells == [f"{result['models'][0]['latency_ms']['p50']:.3f}", "1234.500"]


def test_the_table_tells_governor_and_temperature_where_the_machine_does(result: dict[str, Any]) -> None:
    made = changed(result, "machine.governor", "ondemand")
    made["machine"] |= {"before": made["machine"]["before"] | {"temperature_c": 45.2}}
    made["machine"] |= {"after": made["machine"]["after"] | {"temperature_c": 61.0}}
    assert "governor ondemand, 45 C before, 61 C after" in benchmark.table(made)


def test_operators_are_summed_up_by_name_the_dearest_first(result: dict[str, Any]) -> None:
    entries = [("CONV", 1.0), ("ADD", 0.5), ("CONV", 2.0), *((f"SMALL_{which}", 0.01) for which in range(9))]
    operators = [{"operator": name, "mean": mean} for name, mean in entries]
    times = {"runs": 10, "operators": operators}
    made = changed(result, "models.0.operator_times_ms", times)
    made["models"][0]["operator_times_reason"] = None
    made["models"][1]["operator_times_reason"] = "it rained"
    text = benchmark.table(made)
    assert [line.split() for line in text.splitlines() if line.startswith(("CONV", "ADD", "all"))] == [
        ["CONV", "2", "3.0000", "84"],
        ["ADD", "1", "0.5000", "14"],
        ["all", "12", "3.5900", "100"],
    ]
    assert "(3 kinds that took less are not shown)" in text
    assert "int8.tflite: no times per operator: it rained." in text
    assert "no times per operator" not in benchmark.table(result)  # nobody asked


REFERENCES = sorted((Path(benchmark.__file__).parent / "reference").glob("*.json"))


def test_references_can_be_compared_with(result: dict[str, Any]) -> None:
    assert REFERENCES
    read_me = (REFERENCES[0].parent / "README.md").read_text()
    for path in REFERENCES:
        reference = benchmark.read_reference(path)
        assert all(model["operator_times_ms"] for model in reference["models"])
        assert not [
            text for text in strings(reference) if text.startswith("/")
        ]  # no path of the machine it was made on
        assert f"]({path.name})" in read_me
        found = benchmark.compare(reference, reference, path.name)
        assert all(model["same_bytes"] and model["p50_ratio"] == 1 for model in found["models"])
        assert benchmark.compare(result, reference, path.name)["models"] == [None, None]


def strings(value: Any) -> list[str]:
    """All strings in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []
