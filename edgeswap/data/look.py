"""What can be told of data before the model is opened: without TensorFlow, and without reading a sample."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from edgeswap.data import image_folder
from edgeswap.data.images import SUFFIXES
from edgeswap.data.load import require_arrays
from edgeswap.data.npz import require_headers
from edgeswap.data.spec_path import require_there

ANY_SHAPE = (8, 8, 3)


def look(spec: object) -> None:
    """Refuse a SPEC whose data cannot be read, whatever the model takes.

    Raises:
        DataError: it is a generator or the like, or leads to nothing, to an .npz that is broken, or to a folder or .zip
            without images.
    """
    if not isinstance(spec, (str, Path)):
        if not hasattr(spec, "element_spec"):  # a tf.data.Dataset is read where TensorFlow is
            require_arrays(spec)
        return
    require_there(spec)
    path = Path(spec)
    if path.suffix.lower() == ".npz" and path.is_file():
        require_headers(path)
    elif (path.is_dir() or path.suffix.lower() == ".zip") and not _has_image(path):
        image_folder.find(path, ANY_SHAPE)  # says what is there instead


def _has_image(path: Path) -> bool:
    """Whether there is any; a .zip that cannot be read has none."""
    if path.is_dir():
        files = (name for _, _, names in os.walk(path, followlinks=False) for name in names)
        return any(name.lower().endswith(tuple(SUFFIXES)) for name in files)
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(tuple(SUFFIXES)) for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False
