"""Pictures of reports for the documents, of each task: `python -m tests.screenshots FOLDER` writes docs/pictures anew.

FOLDER keeps the exports, so that a second call only takes the pictures. It also gets the whole pages on a phone, on a
desktop, in the dark and on paper, to be looked at before a commit.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

import edgeswap
from edgeswap.training import zoo_recipe
from edgeswap.training.zoo_recipe import RECIPES
from tests.browser import Page, browser

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = 128  # of the palette: text and bars need no more, and the file is a quarter of the size
# The network of the zoo that a task is shown by; for classification the built-in example is.
NETWORKS = {
    "regression": "keypoints",
    "segmentation": "unet",
    "detection": "ssd",
    "multilabel": "two_digits",
    "reconstruction": "autoencoder",
    "outputs": "two_outputs",
}
TASKS = ("classification", *NETWORKS)
# Name to width and height in pixels, and whether it is dark.
SHOTS = {"desktop": (1000, 1000, False), "phone": (390, 1000, True)}
# Name to width in pixels, whether it is dark, and whether it is printed.
LOOKS = {
    "phone": (390, False, False),
    "desktop": (1280, False, False),
    "dark": (1280, True, False),
    "paper": (680, False, True),
}


def export(task: str, output: Path) -> None:
    """Export the network of a task as somebody would who has just trained it."""
    if task == "classification":
        edgeswap.export(output=output)
        return
    name = NETWORKS[task]
    recipe = RECIPES[name]
    edgeswap.export(
        zoo_recipe.train(name),
        data=tuple(recipe.samples("digits", recipe.drawn, 0)),
        test_data=tuple(recipe.samples("digits/test", zoo_recipe.TEST_SAMPLES, 1000)),
        preprocess=zoo_recipe.PREPROCESS,
        method="ptq",
        output=output,
        **recipe.options,
    )


def take(page: Page, report: Path, task: str, looks: Path) -> None:
    """Write the pictures of one report."""
    for name, (width, height, dark) in SHOTS.items():
        page.open(report, width=width, dark=dark)
        shot = Image.open(io.BytesIO(page.screenshot(height))).convert("RGB")
        shot.quantize(COLOURS).save(PICTURES / f"{task}-{name}.png", optimize=True)
    for name, (width, dark, printed) in LOOKS.items():
        page.open(report, width=width, dark=dark, printed=printed)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        (looks / f"{task}-{name}.png").write_bytes(page.screenshot())


def main(folder: Path) -> None:
    """Export what is not there yet, and take all pictures."""
    looks = folder / "looks"
    looks.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(exist_ok=True)
    with browser() as page:
        for task in TASKS:
            output = folder / task
            if not output.exists():
                print(f"{task} ...", flush=True)  # noqa: T201  (a command)
                export(task, output)
            take(page, output / "report.html", task, looks)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
