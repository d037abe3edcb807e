"""Data that cannot be read are told before TensorFlow starts."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeswap.data.look import look
from edgeswap.errors import DataError
from tests.image_data import encoded, write_folder


def header_of(place: Path, header: bytes) -> Path:
    with zipfile.ZipFile(place / "x.npz", "w") as archive:
        archive.writestr("x.npy", header)
    return place / "x.npz"


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        look(str(tmp_path / "missing.npz"))
    with pytest.raises(DataError, match=r"x\.npy is no \.npy file"):
        look(header_of(tmp_path, b"not an array"))
    np.savez(tmp_path / "short.npz", x=np.zeros(1000))
    short = tmp_path / "short.npz"
    short.write_bytes(short.read_bytes()[:700])
    with pytest.raises(DataError, match="not a zip file") as raised:
        look(short)
    assert raised.value.remedy.startswith("The file is damaged, or only part of it is there: copy it again")
    np.savez(tmp_path / "objects.npz", x=np.array([{}, None]))
    with pytest.raises(DataError, match="holds Python objects") as raised:
        look(tmp_path / "objects.npz")
    assert "pickled" in raised.value.remedy
    with pytest.raises(DataError, match=r"Expected images .* got 1 other files"):
        look(write_folder(tmp_path / "empty", {"a/notes.txt": b""}))
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("a/photo.jpg", b"pixels")
    content = bytearray(damaged.read_bytes())
    content[content.index(b"PK\1\2") + 1] ^= 255  # the end is whole, so that it passes for a zip
    damaged.write_bytes(content)
    with pytest.raises(DataError, match="Bad magic number for central directory"):
        look(damaged)


class Loader:
    """As keras.utils.PyDataset."""

    def __getitem__(self, index: int) -> np.ndarray:
        return np.zeros(3)

    def on_epoch_end(self) -> None:
        pass


@pytest.mark.parametrize("value", [(batch for batch in ()), Loader(), np.zeros, ((x for x in ()), np.zeros(3))])
def test_what_has_no_single_samples_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="of which edgeswap cannot read single samples") as raised:
        look(value)
    assert "Collect its batches into arrays" in raised.value.remedy


def test_what_can_be_read_is_not(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 2)))
    look(tmp_path / "x.npz")
    look(write_folder(tmp_path / "p", {"a/1.png": encoded(np.zeros((2, 2), np.uint8))}))
    for other in (None, np.zeros(3), "digits", "nosuchmodule:load", "tfds:mnist/test"):
        look(other)


@pytest.mark.slow
def test_a_swap_is_refused_without_tensorflow(tmp_path: Path) -> None:
    for arguments, problem in (([], "neither --activation nor --swap"), (["--activation", "relu6"], "does not exist")):
        command = ["swap", "m.keras", "-o", "x.keras", *arguments]
        program = (
            "import sys\nfrom edgeswap.cli.main import run\n"
            f"code = run({command!r})\nprint(code, 'tensorflow' in sys.modules)"
        )
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert ran.stdout.split()[1] == "False"
        assert problem in ran.stderr
