"""A small detector of digits in the manner of SSD, and what makes boxes of its outputs.

Liu et al., "SSD: Single Shot MultiBox Detector", arXiv:1512.02325: one convolution for each feature map tells scores
and boxes for every place of the map. Here a place has one anchor, as large as the digits that its map shall find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.frameworks import keras
from edgeswap.model.zoo.blocks import convolution, seeded

SIZE = 32
MAPS = ((8, 8), (4, 16))  # places along an axis of each feature map, and its anchor's side in pixels
CLASSES = 11  # class 0 is the background
MOST = 6  # boxes of a picture
LARGEST_OVERLAP = 0.4  # of two boxes of a picture, whatever their classes

Array = npt.NDArray[Any]


def build(*, seed: int = 0) -> keras.Model:
    """The untrained network: float32 (N, 32, 32, 1) in 0..1 to `offsets` (N, 80, 4) and logits `scores` (N, 80, 11).

    The anchors are numbered row by row, first those of the larger map.
    """
    with seeded(seed):
        image = keras.Input((SIZE, SIZE, 1), name="image")
        x = convolution(image, 16, stride=2)
        x = convolution(x, 32, stride=2)
        small = convolution(x, 48)
        large = convolution(small, 64, stride=2)
        found = {
            name: [
                keras.layers.Reshape((-1, width))(keras.layers.Conv2D(width, 3, padding="same")(x))
                for x in (small, large)
            ]
            for name, width in (("offsets", 4), ("scores", CLASSES))
        }
        outputs = [keras.layers.Concatenate(axis=1, name=name)(maps) for name, maps in found.items()]
        return keras.Model(image, outputs, name="ssd")


def anchors() -> Array:
    """Float64 (80, 3): y and x of each anchor's centre and its side, as shares of the picture."""
    rows = []
    for places, side in MAPS:
        middles = (np.arange(places) + 0.5) / places
        y, x = np.meshgrid(middles, middles, indexing="ij")
        rows.append(np.stack([y.ravel(), x.ravel(), np.full(places**2, side / SIZE)], axis=1))
    return np.concatenate(rows)


def encode(boxes: Array) -> tuple[Array, Array]:
    """What the outputs shall be, from boxes; each box goes to the anchor of the nearest size and centre.

    Args:
        boxes: float32 (N, most, 5) y0, x0, y1, x1 as shares, digit; NaN where there is none.

    Returns:
        Float32 offsets (N, 80, 5), whose last value is 1 where there is a box, and int64 classes (N, 80).
    """
    known = anchors()
    offsets = np.zeros((len(boxes), len(known), 5), np.float32)
    classes = np.zeros((len(boxes), len(known)), np.int64)
    for sample, box in np.argwhere(~np.isnan(boxes[..., 0])):
        y0, x0, y1, x1, digit = boxes[sample, box].astype(np.float64)
        centre, sides = np.array([(y0 + y1) / 2, (x0 + x1) / 2]), np.array([y1 - y0, x1 - x0])
        far = np.abs(np.log(sides[0] / known[:, 2])) * len(known) + np.abs(known[:, :2] - centre).sum(axis=1)
        nearest = int(far.argmin())
        side = known[nearest, 2]
        offsets[sample, nearest] = (*(centre - known[nearest, :2]) / side, *np.log(sides / side), 1)
        classes[sample, nearest] = digit + 1
    return offsets, classes


def decode(outputs: list[Array]) -> tuple[Array, Array, Array]:
    """Boxes of the outputs `offsets` (n, 80, 4) and `scores` (n, 80, 11): the best ones that do not overlap much.

    Returns:
        Boxes (n, 6, 4) as y0, x0, y1, x1 from 0 to 1, scores (n, 6) and digits (n, 6); a score of 0 is no box.
    """
    offsets, logits = (np.asarray(output, np.float64) for output in outputs)
    known = anchors()
    shares = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    scores, digits = shares[..., 1:].max(axis=2), shares[..., 1:].argmax(axis=2)
    centres = known[:, :2] + offsets[..., :2] * known[:, 2:]
    halves = np.exp(np.clip(offsets[..., 2:], -4, 4)) * known[:, 2:] / 2
    boxes = np.clip(np.concatenate([centres - halves, centres + halves], axis=2), 0, 1)
    n = np.arange(len(boxes))
    picked = []
    for _ in range(MOST):
        best = scores.argmax(axis=1)
        picked.append((boxes[n, best], scores[n, best], digits[n, best]))
        scores = np.where(_overlaps(boxes[n, best], boxes) > LARGEST_OVERLAP, 0, scores)
        scores[n, best] = 0
    kept, best_scores, best_digits = (np.stack(each, axis=1) for each in zip(*picked, strict=True))
    return kept, best_scores, best_digits


def _overlaps(one: Array, others: Array) -> Array:
    """Intersection over union of a box (n, 4) with each of others (n, b, 4): (n, b)."""
    one = one[:, None]
    sides = np.minimum(one[..., 2:], others[..., 2:]) - np.maximum(one[..., :2], others[..., :2])
    both = np.maximum(sides, 0).prod(axis=2)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=2) for box in (one, others)]
    overlaps: Array = both / np.maximum(areas[0] + areas[1] - both, 1e-12)
    return overlaps
