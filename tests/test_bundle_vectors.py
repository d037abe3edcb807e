"""Which samples become golden vectors."""

from __future__ import annotations

import numpy as np

from edgeswap.bundle.vectors import candidates, choose


def test_vectors_are_of_unlike_classes_and_do_not_magnify_rounding() -> None:
    classes = np.array([0, 0, 0, 1, 1, 2, 0, 0])
    assert choose([], np.zeros(8, np.int16), classes) == [0, 1, 3, 5]
    apart = np.array([9, 0, 1, 0, 0, 30, 1, 1], np.int16)
    assert choose([], apart, classes) == [1, 2, 3, 4]
    assert choose([], apart[:2], classes[:2]) == [1]


def test_vectors_without_classes_have_outputs_far_from_each_other() -> None:
    small = np.array([[0], [1], [100], [1], [-100], [2]], np.int8)
    large = np.zeros((6, 5, 4), np.int8)
    large[5] = 50
    calm = np.zeros(6, np.int16)
    assert choose([small], calm, None) == [0, 2, 4, 5]
    assert choose([small, large], calm, None) == [0, 2, 4, 5]
    assert choose([small, large], np.array([9, 0, 0, 0, 9, 0]), None) == [1, 2, 3, 5]
    assert choose([np.zeros((6, 3), np.int8)], calm, None) == [0, 1, 2, 3]  # all alike
    assert choose([small[:2]], calm[:2], None) == [0, 1]


def test_candidates_are_evenly_spaced_and_fewer_where_outputs_are_large() -> None:
    chosen = candidates(1000, [(1, 10)])
    assert (len(chosen), chosen[0], chosen[1], chosen[-1]) == (100, 0, 10, 990)
    assert candidates(3, [(1, 10)]).tolist() == [0, 1, 2]
    assert len(candidates(1000, [(1, 512, 512, 6), (1, 4)])) == 42
    assert len(candidates(1000, [(1, 4096, 4096, 21)])) == 8
