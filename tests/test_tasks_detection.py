"""Detection against pycocotools, and what its labels and its function may give."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import numpy as np
import pytest

from edgeswap.errors import ConfigError, DataError
from edgeswap.statistics import paired_bootstrap
from edgeswap.tasks.box_precision import matches, mean_average_precision
from edgeswap.tasks.detection import Detection
from tests.signatures import signature

MODEL = signature((8, 6))


def as_given(outputs: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Boxes that stand in the one output as they are."""
    return outputs[0][..., :4], outputs[0][..., 4], outputs[0][..., 5]


def images(rng: np.random.Generator, n: int, most: int, given: int) -> tuple[np.ndarray, np.ndarray]:
    """Objects (n, most, 5), and boxes (n, given, 6) near them, with scores in steps so that some are equal."""
    low = rng.uniform(0, 0.6, (n, most, 2))
    objects = np.concatenate([low, low + rng.uniform(0.1, 0.4, low.shape), rng.integers(0, 3, (n, most, 1))], axis=2)
    near = objects[:, rng.integers(0, most, given)]
    boxes = near.copy()
    boxes[..., :4] += rng.normal(0, 0.03, near[..., :4].shape)
    boxes[..., 2:4] = np.maximum(boxes[..., 2:4], boxes[..., :2])
    wrong = rng.random((n, given)) < 0.2
    boxes[wrong, 4] = rng.integers(0, 4, int(wrong.sum()))
    scores = np.round(rng.random((n, given, 1)), 1)
    objects[rng.random((n, most)) < 0.4] = np.nan
    return objects.astype(np.float32), np.concatenate([boxes[..., :4], scores, boxes[..., 4:]], axis=2)


def by_pycocotools(objects: np.ndarray, boxes: np.ndarray) -> list[float]:
    """mAP, mAP50 and mAP75."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def row(image: int, box: np.ndarray, number: float, **more: Any) -> dict[str, Any]:
        y0, x0, y1, x1 = (float(v) * 1000 for v in box)
        area = [x0, y0, x1 - x0, y1 - y0]
        return {"image_id": image + 1, "category_id": int(number), "bbox": area, "area": area[2] * area[3], **more}

    truth = [row(i, o[:4], o[4], iscrowd=0) for i, each in enumerate(objects) for o in each if not np.isnan(o[4])]
    said = [row(i, b[:4], b[5], score=float(b[4])) for i, each in enumerate(boxes) for b in each if b[4] > 0]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i + 1} for i in range(len(objects))],
            "categories": [{"id": i} for i in range(5)],
            "annotations": [{"id": i + 1, **each} for i, each in enumerate(truth)],
        }
        coco.createIndex()
        ran = COCOeval(coco, coco.loadRes(said), "bbox")
        ran.params.areaRng, ran.params.areaRngLbl = [[0, 1e10]], ["all"]
        ran.evaluate()
        ran.accumulate()
    precision = ran.eval["precision"][:, :, :, 0, -1]
    return [float(p[p > -1].mean()) for p in (precision, precision[0], precision[5])]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("most", "given"), [(1, 3), (4, 9), (6, 150)])
def test_map_is_that_of_pycocotools(seed: int, most: int, given: int) -> None:
    objects, boxes = images(np.random.default_rng(seed), 20, most, given)
    metrics = Detection(as_given).metrics(MODEL)
    parts = np.concatenate([metrics[0].parts([boxes[i : i + 7]], objects[i : i + 7], []) for i in range(0, 20, 7)])
    assert [m.value(parts) for m in metrics] == pytest.approx(by_pycocotools(objects, boxes), abs=1e-9)
    assert [m.name for m in metrics] == ["map", "map50", "map75"]


def test_any_images_have_a_value_so_that_two_models_can_be_compared() -> None:
    rng = np.random.default_rng(1)
    objects, boxes = images(rng, 30, 3, 6)
    worse = boxes.copy()
    worse[..., :4] += 0.03
    first, second = (matches(*as_given([each]), objects) for each in (boxes, worse))
    rows = rng.integers(0, 30, 30)
    assert mean_average_precision(first[rows]) == pytest.approx(by_pycocotools(objects[rows], boxes[rows])[0])
    low, high = paired_bootstrap(first, second, mean_average_precision, resamples=100) or (0, 0)
    assert 0 < low < high


def test_perfect_boxes_are_1_and_no_boxes_0_and_no_objects_nothing() -> None:
    objects, _ = images(np.random.default_rng(2), 5, 3, 3)
    perfect = matches(objects[..., :4], np.where(np.isnan(objects[..., 4]), 0, 0.5), objects[..., 4], objects)
    assert mean_average_precision(perfect) == pytest.approx(1)
    none = matches(objects[..., :4], np.full(objects.shape[:2], np.nan), objects[..., 4], objects)
    assert mean_average_precision(none) == 0
    assert math.isnan(mean_average_precision(none[:0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[..., :4], r"\(N, boxes, 5\) numbers, as labels in c.json, got float32 of shape"),
        (lambda y: y[:3], "boxes of 4 samples"),
        (lambda y: y[..., [2, 3, 0, 1, 4]], "y1 >= y0"),
        (lambda y: y * [100, 100, 100, 100, 1], "within 0 and 1"),
        (lambda y: np.add(y, [0, 0, 0, 0, 0.5]), "a class number"),
        (lambda y: {"other": y}, "got none for this output"),
        (lambda y: np.full_like(y, np.nan), "an object in some image of c.json, got 4 images and not one box"),
    ],
)
def test_other_labels_are_rejected(change: Any, message: str) -> None:
    objects, _ = images(np.random.default_rng(3), 4, 3, 3)
    task = Detection(as_given)
    np.testing.assert_array_equal(task.labels(objects, MODEL, 4, "c.json"), objects)
    with pytest.raises(DataError, match=message):
        task.labels(change(objects), MODEL, 4, "c.json")


def test_a_function_that_gives_something_else_is_told() -> None:
    outputs = [np.zeros((2, 8, 6))]
    with pytest.raises(DataError, match=r"from <lambda>, got \(2, 8, 4\), \(2, 8\), \(2, 7\)"):
        Detection(lambda _: (np.zeros((2, 8, 4)), np.zeros((2, 8)), np.zeros((2, 7)))).boxes(outputs)
    with pytest.raises(DataError, match="got int"):
        Detection(lambda _: 1).boxes(outputs)
    with pytest.raises(DataError, match="KeyError"):
        Detection(lambda _: {}[0]).boxes(outputs)
    with pytest.raises(ConfigError, match="nowhere"):
        Detection("nowhere:decode").boxes(outputs)
