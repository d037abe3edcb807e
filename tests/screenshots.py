"""Pictures of the page of an export for the documents: `python -m tests.screenshots OUT` writes docs/pictures anew.

OUT is the folder of an export, as by `edgeswap export --int8 --output OUT`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from tests.browser import browser

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = 128  # of the palette: text and bars need no more, and the file is a quarter of the size
# Name to width and height in pixels, and whether it is dark.
SHOTS = {"report-desktop": (1000, 1000, False), "report-phone": (390, 1000, True)}


def take(folder: Path) -> None:
    """Write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with browser() as page:
        for name, (width, height, dark) in SHOTS.items():
            page.open(folder / "report.html", width=width, dark=dark)
            shot = Image.open(io.BytesIO(page.screenshot(height))).convert("RGB")
            shot.quantize(COLOURS).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
