"""Images looked at before they are used: whether each can be read, and which of them are stored turned."""

from __future__ import annotations

from collections.abc import Sequence

from edgeswap.data.images import ImageFiles
from edgeswap.data.load import Dataset
from edgeswap.data.resizing import Resize
from edgeswap.progress import Progress, Silent
from edgeswap.records import Caution

_SILENT = Silent()


def check_images(datasets: Sequence[Dataset], resize: Resize, *, progress: Progress = _SILENT) -> tuple[Caution, ...]:
    """Decode every image once, so that a broken one is told before any work; and say what is done to turned ones.

    Args:
        datasets: whose samples are looked at; those that are no image files have nothing to check.
        resize: how images are made to fit.
        progress: told of the step.

    Raises:
        DataError: an image cannot be read.
    """
    with progress.step("Check the data"):
        count = sum(data.samples.sideways(data.positions) for data in datasets if isinstance(data.samples, ImageFiles))
    if not count:
        return ()
    one = count == 1
    stored = (
        "1 image is stored turned or mirrored by its EXIF"
        if one
        else f"{count} images are stored turned or mirrored by their EXIF"
    )
    if resize == "keras":
        done = f"{'stays' if one else 'stay'} so, as Keras's own loader leaves {'it' if one else 'them'}"
        remedy = "For a model trained on upright images pass --resize pillow or crop."
    else:
        done = f"{'was' if one else 'were'} turned upright"
        remedy = (
            "Let the app do so too; for a model trained by Keras's own loader, which does not, pass --resize keras."
        )
    return (Caution(kind="exif_orientation", problem=f"{stored} and {done}.", remedy=remedy),)
