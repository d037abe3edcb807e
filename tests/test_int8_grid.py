"""Where values lie on the int8 grid, and what is cut."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from edgeswap.evaluation import int8_grid
from edgeswap.evaluation.int8_grid import PARTS, values_on_grid, weights_on_grid
from edgeswap.records import GridShares, LayerOnGrid
from edgeswap.report import grid_wording as say
from edgeswap.report.grid_plot import grid_plot


def test_each_int8_value_falls_into_its_part_of_eight() -> None:
    low, high = -1.0, 6.0
    every = low + np.arange(256) * (high - low) / 255
    grid = values_on_grid(every, low, high)
    assert grid.shares == [8 / 256] * PARTS
    assert (grid.below, grid.above, grid.low, grid.high) == (0.0, 0.0, low, high)


@pytest.mark.parametrize(
    ("value", "below", "above"),
    [(-1.49, 0.0, 0.0), (-1.51, 1.0, 0.0), (256.49, 0.0, 0.0), (256.51, 0.0, 1.0)],
)
def test_a_step_beyond_an_end_is_not_cut_and_more_is(value: float, below: float, above: float) -> None:
    grid = values_on_grid(np.array([value]), 0.0, 255.0)  # a step is 1
    assert (grid.below, grid.above) == (below, above)
    assert sum(grid.shares) == 1 - below - above


def test_the_one_of_a_softmax_is_not_cut() -> None:
    grid = values_on_grid(np.array([0.0, 1.0]), 0.0, 255 / 256)
    assert (grid.above, grid.shares[0], grid.shares[-1]) == (0.0, 0.5, 0.5)


def test_a_large_weight_is_looked_at_in_pieces_of_the_same_sum(monkeypatch) -> None:
    kernel = np.random.default_rng(0).normal(size=(4096, 64)).astype(np.float32)
    kernel[0, 0], kernel[1, 1] = 9, -9
    whole = [weights_on_grid(kernel, axes) for axes in ([], [1], [0])]
    monkeypatch.setattr(int8_grid, "PIECE_VALUES", 2**14)
    tracemalloc.start()
    try:
        assert [weights_on_grid(kernel, axes) for axes in ([], [1], [0])] == whole
        assert tracemalloc.get_traced_memory()[1] < kernel.nbytes
    finally:
        tracemalloc.stop()


def test_weights_are_told_in_steps_of_their_own_channel() -> None:
    kernel = np.array([[1.0, 100.0], [-1.0, -100.0], [0.0, 0.0]])
    each = weights_on_grid(kernel, [1])
    assert (each.shares[0], each.shares[PARTS // 2], each.shares[-1]) == (0.33333, 0.33333, 0.33333)
    assert (each.low, each.high) == (None, None)
    shared = weights_on_grid(kernel, [])
    assert (shared.shares[PARTS // 2 - 1], shared.shares[PARTS // 2]) == (0.16667, 0.5)  # -1 is a step of -1.27
    assert (shared.low, shared.high) == (-100.0, 100.0)


def test_a_channel_of_zeros_lies_on_zero() -> None:
    assert weights_on_grid(np.zeros((3, 2)), [1]).shares[PARTS // 2] == 1.0


def on_grid(**changes: object) -> GridShares:
    shares = [0.0] * PARTS
    shares[0], shares[1], shares[9] = 0.6, 0.2, 0.188
    given = {"low": 0.0, "high": 6.0, "shares": shares, "below": 0.0, "above": 0.012}
    return GridShares.model_validate({**given, **changes})


def test_the_words_give_what_the_drawing_shows() -> None:
    grid = on_grid()
    assert (say.range_of(grid), say.half_on(grid), say.cut(grid)) == ("0 to 6", "8 of 256", "1.2\N{NO-BREAK SPACE}%")
    by_channel = on_grid(low=None, high=None, above=0.0)
    assert (say.range_of(by_channel), say.cut(by_channel), say.half_on(None)) == ("by channel", "none", "-")


def test_the_drawing_names_each_layer_and_tells_what_is_cut() -> None:
    first = LayerOnGrid(layer="act", snr_db=21.5, weights_layer="conv", weights=on_grid(low=None), values=on_grid())
    alone = LayerOnGrid(layer="add", snr_db=None, weights_layer=None, weights=None, values=on_grid(above=0.0))
    drawn = grid_plot([first, alone])
    assert drawn is not None
    for words in (
        "act   21.5 dB",
        "values, 1.2 % cut",
        "1.2 % lie above the range and are cut",
        "no weights of its own",
    ):
        assert words in drawn
    assert "at most 60 %, on int8 -128 to -121" in drawn
    assert drawn == grid_plot([first, alone])
    assert grid_plot([]) is None
