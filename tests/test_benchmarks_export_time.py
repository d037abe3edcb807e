"""The benchmark of a whole export: its ratios and its verdict."""

from __future__ import annotations

import pytest

pytest.importorskip("ai_edge_litert")

from benchmarks.export_time import NETWORKS, Took, holds, ratio, section, unpacked


def found(first_wall_s: float, second_s: float) -> dict[str, list[Took]]:
    return {
        "stock": [Took(10.0, 12.0)] * 3,
        "first": [Took(first_wall_s, 12.0), Took(first_wall_s, 9.0), Took(2 * first_wall_s, 18.0)],
        "second": [Took(second_s, 5.0)] * 3,
    }


def test_ratios_are_medians_over_the_turns():
    assert ratio(found(7.0, 5.0), "wall_s") == pytest.approx(0.7)
    assert ratio(found(7.0, 5.0), "process_s") == pytest.approx(1.0)


def test_the_verdict_names_what_is_missed():
    assert holds(found(8.0, 10.0))
    assert not holds(found(8.1, 10.0))
    assert not holds(found(8.0, 10.1))
    text = section({"resnet8": found(8.0, 9.0)}, "the command", [0, 1], 0.5)
    assert "| ResNet8 | 5,000 | 10.0 s (12.0 s) | 8.0 s (12.0 s) | 0.80 | 1.00 | 9.0 s (5.0 s) |" in text
    assert "All hold." in text
    assert "Missed with ResNet8." in section({"resnet8": found(9.0, 9.0)}, "the command", [0, 1], 0.5)


def test_every_fifth_image_is_a_test_image(tmp_path):
    import zipfile

    (tmp_path / "data").mkdir()
    with zipfile.ZipFile(tmp_path / "data" / NETWORKS["resnet8"].data, "w") as archive:
        for number in range(10):
            archive.writestr(f"cat/{number}.jpg", b"")
    data, test = unpacked(NETWORKS["resnet8"], tmp_path, tmp_path / "place")
    assert sorted(path.name for path in test.rglob("*.jpg")) == ["4.jpg", "9.jpg"]
    assert len(list(data.rglob("*.jpg"))) == 8
