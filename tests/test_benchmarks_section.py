from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.section import write_section

PAGE = "# Title\n<!-- one:start -->\nold\n<!-- one:end -->\nbetween\n<!-- two:start -->\n<!-- two:end -->\nend\n"


def test_only_the_section_changes_and_writing_it_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    write_section(file, "one", "\n| new |\n")
    assert file.read_text() == PAGE.replace("old", "| new |")
    write_section(file, "two", "| other |")
    once = file.read_text()
    write_section(file, "two", "| other |")
    assert (
        file.read_text() == once == PAGE.replace("old", "| new |").replace("two:start -->", "two:start -->\n| other |")
    )


@pytest.mark.parametrize("page", ["", "<!-- one:start -->", "<!-- one:end --><!-- one:start -->", PAGE + PAGE])
def test_a_page_without_its_markers_is_refused_and_kept(page: str, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(page)
    with pytest.raises(ValueError, match="one:start"):
        write_section(file, "one", "text")
    assert file.read_text() == page
