"""Images in a folder or a .zip, one folder a class: found at once, decoded when they are read.

Nothing is unpacked: files of a .zip are read in place, so a name in it can point nowhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgeswap.errors import DataError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png")
OTHER_IMAGE_SUFFIXES = (".avif", ".gif", ".heic", ".jp2", ".jxl", ".tif", ".tiff", ".webp")
RESIZE = "bilinear with antialiasing (Pillow), stretched to the model's height and width"
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
EIGHT_BIT_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
LARGEST_FILE_BYTES = 256 * 2**20

Pixels = npt.NDArray[np.uint8]
Parts = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Image files that are read by position.

    Attributes:
        root: the folder or the .zip.
        files: names below `root`, as the .zip or the file system has them.
        shape: height, width and channels (1 grayscale, 3 RGB, 4 RGBA) that every image is brought to.
    """

    root: Path
    files: tuple[str, ...]
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.files)

    def read(self, positions: npt.NDArray[np.int64]) -> Pixels:
        """The images at `positions`, decoded and resized: uint8 (len(positions), height, width, channels).

        Orientation tags are ignored, as by `tf.io.decode_image` and by apps that take frames from a camera.

        Raises:
            DataError: an image that cannot be read; it is named.
        """
        if not len(positions):
            return np.empty((0, *self.shape), np.uint8)
        with ThreadPoolExecutor(min(len(positions), os.cpu_count() or 1)) as pool:
            return np.stack(list(pool.map(self._decode, (self.files[position] for position in positions))))

    def digests(self, positions: npt.NDArray[np.int64]) -> list[bytes]:
        """The SHA-256 of each file's bytes: the same whatever size the images are brought to."""
        return [hashlib.sha256(self._bytes(self.files[position])).digest() for position in positions]

    def _decode(self, file: str) -> Pixels:
        data = self._bytes(file)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(data), formats=("BMP", "JPEG", "PNG")) as image:
                    image.load()
                    if image.mode not in EIGHT_BIT_MODES:
                        raise _unreadable(self.root, file, f"mode {image.mode}", "an image of 8 bits a channel")
                    return fit(image, self.shape)
        except (
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as error:
            raise _unreadable(self.root, file, str(error), "a whole JPEG, PNG or BMP image") from error

    def _bytes(self, file: str) -> bytes:
        try:
            if self._zip is None:
                return (self.root / file).read_bytes()
            entry = self._zip.getinfo(file)
            if entry.file_size > LARGEST_FILE_BYTES:
                raise _unreadable(self.root, file, f"{entry.file_size} bytes", f"at most {LARGEST_FILE_BYTES} bytes")
            return self._zip.read(entry)
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
            # zipfile raises RuntimeError for an encrypted file and NotImplementedError for an unknown compression.
            raise _unreadable(self.root, file, str(error), "a file that can be read") from error

    @cached_property
    def _zip(self) -> zipfile.ZipFile | None:
        return None if self.root.is_dir() else zipfile.ZipFile(self.root)


def fit(image: Image.Image, shape: tuple[int, int, int]) -> Pixels:
    """An image as uint8 (height, width, channels) of `shape`, resized as `RESIZE` says where it has another size."""
    height, width, channels = shape
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # straight to RGB, Pillow warns
    image = image.convert(MODES[channels])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(shape)


def image_shape(shape: Sequence[int | None]) -> tuple[int, int, int]:
    """`shape` as that of an image.

    Raises:
        DataError: it is not (height, width, channels) with 1, 3 or 4 channels, all fixed.
    """
    if len(shape) == 3 and shape[0] and shape[1] and shape[2] in MODES:
        return shape[0], shape[1], shape[2]
    raise DataError(
        f"Expected a model input of fixed height and width with 1, 3 or 4 channels for images, got {tuple(shape)}.",
        "Export a model with a fixed image size (channels last), or give arrays (.npz).",
    )


def find(
    root: Path, shape: Sequence[int | None], class_names: Sequence[str] | None = None
) -> tuple[ImageFiles, npt.NDArray[np.int64] | None, tuple[str, ...] | None]:
    """The images below `root`, in the order of their paths.

    A lone folder around everything is looked through, unless `class_names` has it. Hidden files are left out, and so is
    whatever has no image's suffix.

    Args:
        root: a folder or a .zip, with one folder a class or with images alone (then they are unlabelled).
        shape: the model's input (height, width, channels).
        class_names: the classes in the model's order; without them, the folders in alphabetical order.

    Returns:
        the files, labels int64 (N,) or None, class names or None.

    Raises:
        DataError: nothing there, a broken .zip, no images, images of a kind that is not read, images both in class
            folders and beside them, a class folder that `class_names` lacks, or a shape that is no image's.
    """
    fixed_shape = image_shape(shape)
    folders, paths = _list(root)
    images = sorted(path for path in paths if path.suffix.lower() in SUFFIXES)
    if strange := [path for path in paths if path.suffix.lower() in OTHER_IMAGE_SUFFIXES]:
        raise DataError(
            f"Expected JPEG, PNG or BMP images in {root}, got {strange[0]} ({len(strange)} such in all).",
            "Convert them to PNG, or move them elsewhere.",
        )
    if not images:
        raise DataError(
            f"Expected images ({', '.join(SUFFIXES)}) in {root}, got {len(paths)} other files.",
            "Put the images into one folder a class below it.",
        )
    prefix: Parts = ()
    while (top := _only_folder(images, folders, prefix)) is not None and top not in (class_names or ()):
        prefix = (*prefix, top)
    relative = [path.parts[len(prefix) :] for path in images]
    files = ImageFiles(root, tuple(paths[path] for path in images), fixed_shape)
    if all(len(parts) == 1 for parts in relative):
        return files, None, None
    if loose := [path for path, parts in zip(images, relative, strict=True) if len(parts) == 1]:
        raise DataError(
            f"Expected every image in a class folder, got {loose[0]} beside the class folders of {root}.",
            "Move it into its class folder, or keep all images in one folder for unlabelled data.",
        )
    found = {folder.parts[len(prefix)] for folder in folders if len(folder.parts) > len(prefix)}
    if class_names is not None and (unknown := sorted(found - set(class_names))):
        raise DataError(
            f"Expected class folders named as the labels, got {', '.join(unknown[:5])} in {root}.",
            f"The labels are {', '.join(class_names[:10])}{', ...' if len(class_names) > 10 else ''}.",
        )
    names = tuple(class_names) if class_names is not None else tuple(sorted(found))
    number = {name: index for index, name in enumerate(names)}
    return files, np.array([number[parts[0]] for parts in relative], np.int64), names


def _only_folder(images: Sequence[PurePosixPath], folders: Sequence[PurePosixPath], prefix: Parts) -> str | None:
    """The one folder below `prefix`, if there are no images beside it."""
    depth = len(prefix)
    tops = {folder.parts[depth] for folder in folders if len(folder.parts) > depth and folder.parts[:depth] == prefix}
    beside = any(len(image.parts) == depth + 1 for image in images)
    return tops.pop() if len(tops) == 1 and not beside else None


def _list(root: Path) -> tuple[list[PurePosixPath], dict[PurePosixPath, str]]:
    """The folders below `root`, and the files with the names to open them by; without hidden ones."""
    if root.is_dir():
        names = list(_walk(root))
    else:
        try:
            with zipfile.ZipFile(root) as archive:
                names = archive.namelist()
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(
                f"Expected a folder or a .zip of images, got {root}: {error}.", "Make the .zip again, or copy it again."
            ) from error
    shown = {name: path for name in names if _is_shown(path := PurePosixPath(name))}
    files = {path: name for name, path in shown.items() if not name.endswith("/")}
    folders = {path for name, path in shown.items() if name.endswith("/")}
    folders |= {PurePosixPath(*file.parts[:depth]) for file in files for depth in range(1, len(file.parts))}
    return sorted(folders), files


def _walk(root: Path) -> Iterator[str]:
    """Names below `root` as a .zip would have them: with forward slashes, those of folders ending in one."""
    for place, below, names in os.walk(root, followlinks=True):
        here = Path(place).resolve()
        # A link back to a folder above would be walked for ever.
        below[:] = [name for name in below if not here.is_relative_to((here / name).resolve())]
        relative = PurePosixPath(Path(place).relative_to(root).as_posix())
        yield from (f"{relative / name}/" for name in below)
        yield from (str(relative / name) for name in names)


def _is_shown(path: PurePosixPath) -> bool:
    return not any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in path.parts)


def _unreadable(root: Path, file: str, got: str, expected: str) -> DataError:
    return DataError(f"Expected {expected}, got {file} in {root}: {got}.", "Replace the file or take it out.")
