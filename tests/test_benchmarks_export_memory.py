"""The benchmark of an export's memory: what it counts, what it reads, and its verdict."""

from __future__ import annotations

import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from benchmarks import export_memory
from edgeswap.data.load import load

HOLDS_100_MB = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'held = bytes([1]) * 10**8; {}'])"


@pytest.mark.slow
def test_what_children_hold_is_counted_and_pages_of_files_are_not():
    waits = HOLDS_100_MB.format("import time; time.sleep(1)")
    assert 100e6 < export_memory.peak_bytes([sys.executable, "-c", waits]) < 140e6


def test_a_command_that_fails_has_no_figure():
    with pytest.raises(Exception, match="returned non-zero exit status 3"):
        export_memory.peak_bytes([sys.executable, "-c", "raise SystemExit(3)"])


def test_every_form_holds_the_same_images(tmp_path):
    with zipfile.ZipFile(tmp_path / "few.zip", "w") as archive:
        for label, value in (("cat", 10), ("dog", 200)):
            file = BytesIO()
            Image.fromarray(np.full((32, 32, 3), value, np.uint8)).save(file, "JPEG")
            archive.writestr(f"{label}/0000.jpg", file.getvalue())
    with zipfile.ZipFile(tmp_path / "few.zip") as archive:
        for form in export_memory.FORMS:
            (tmp_path / form).mkdir()
            path = export_memory.written(archive, form, 6, tmp_path / form)
            data = load(path, input_shapes={"image": (32, 32, 3)}, classes=2)
            assert len(data) == 6, form
            assert sorted(data.labels) == [0, 0, 0, 1, 1, 1], form


def test_the_verdict_names_the_form_that_grows():
    flat = {(form, count): 10**9 for form in export_memory.FORMS for count in export_memory.COUNTS}
    assert "Holds: folder +0.0%, zip +0.0%, npz +0.0%." in " ".join(export_memory.section(flat).split())
    grown = export_memory.section({**flat, ("zip", 100_000): 1_200_000_000})
    assert "Missed by zip: folder +0.0%, zip +20.0%" in " ".join(grown.split())
    assert "| 100,000 | 1,000 MB | 1,200 MB | 1,000 MB |" in grown
