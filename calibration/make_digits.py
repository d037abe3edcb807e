"""Makes digits.npz and manifest.json from scikit-learn's handwritten digits.

Run by hand (`pip install scikit-learn`, then `python calibration/make_digits.py`); the result is checked in, so that
neither the package nor its tests need scikit-learn. The same input gives the same arrays and the same split.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
TEST_SAMPLES = 540


def main() -> None:
    """Write both files beside this one."""
    scans = load_digits()
    # 16 levels of ink become the 0..255 of a pixel. One level is about 15.94 apart, so rounding loses nothing:
    # round(x * 16 / 255) gives the level back.
    x = np.rint(scans.images * 255 / 16).astype(np.uint8)[..., np.newaxis]
    y = scans.target.astype(np.int64)
    np.savez_compressed(HERE / "digits.npz", x=x, y=y)
    manifest = {
        "name": "digits",
        "file": "digits.npz",
        "title": "Optical Recognition of Handwritten Digits",
        "source": "scikit-learn, sklearn.datasets.load_digits(): the test part of UCI's optdigits data set",
        "authors": "E. Alpaydin and C. Kaynak, 1998",
        "doi": "10.24432/C50P49",
        "licence": "CC-BY-4.0 (the data, UCI); scikit-learn, which carries the copy used here, is BSD-3-Clause",
        "changes": "values v of 0..16 stretched to x = round(v * 255 / 16) of 0..255; v = round(x * 16 / 255)",
        "classes": [str(digit) for digit in scans.target_names],
        "arrays": {
            name: {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": _sha256(array.tobytes())}
            for name, array in {"x": x, "y": y}.items()
        },
        "sha256": _sha256((HERE / "digits.npz").read_bytes()),
        "split": {
            "rule": "per class in proportion (largest remainders), in the order of sha256(str(index)); the rest trains",
            "test": held_out(y, TEST_SAMPLES),
        },
    }
    text = re.sub(
        r"\[[\s\d,]+\]", lambda numbers: "[" + " ".join(numbers[0][1:-1].split()) + "]", json.dumps(manifest, indent=2)
    )
    (HERE / "manifest.json").write_text(text + "\n", encoding="utf-8")


def held_out(labels: npt.NDArray[np.int64], count: int) -> list[int]:
    """Sorted indices of `count` samples, each class in proportion.

    The order comes from a hash, not from a random generator whose stream a later NumPy may change.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    shares = sizes * count / len(labels)
    quotas = np.floor(shares).astype(int)
    most_cut = np.argsort(quotas - shares, kind="stable")[: count - quotas.sum()]
    quotas[most_cut] += 1
    chosen: list[int] = []
    for label, quota in zip(classes, quotas, strict=True):
        members = np.flatnonzero(labels == label).tolist()
        chosen += sorted(members, key=lambda index: _sha256(str(index).encode()))[:quota]
    return sorted(chosen)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
