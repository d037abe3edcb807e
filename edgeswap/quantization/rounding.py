"""Weights rounded so that a layer's outputs, and not its weights, come out nearest to the float ones.

They are rounded one input at a time, and the weights that still wait make up for what that changes in the outputs.
Source: Frantar et al., GPTQ, arXiv:2210.17323. It needs no labels and no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeswap.quantization.specification import WEIGHT_STEPS

Floats = npt.NDArray[np.floating[Any]]

DAMPING = 0.01  # share of the mean square of an input that is added to each: GPTQ's own
SHARES = np.linspace(1.0, 0.4, 13)  # of the largest weight, where the range of one scale may end
INPUTS_AT_ONCE = 64  # make up for each other one by one; all later ones for them together, by one product of matrices
_SMALLEST = 1e-12


def round_kernel(kernel: Floats, inputs: Floats, *, per_channel: bool) -> Floats:
    """A kernel whose weights are whole multiples of a scale, -127 to 127 of them; the largest is 127 of them.

    So whoever takes the scale from the largest weight, as every fake-quant and the converter do, rounds nothing more.
    With one scale for all, the largest weights may be clipped: the scale is the one that does the least to the outputs.

    Args:
        kernel: (groups, inputs, outputs): outputs of one group read the same inputs.
        inputs: (groups, rows, inputs), what the weights were multiplied with.
        per_channel: one scale for each output; else one for all.
    """
    exponent = np.frexp(np.abs(inputs).max(initial=0.0))[1]
    inputs = np.ldexp(inputs, -exponent)  # loses nothing, and squares of very large values have no float32
    products = [(rows.T @ rows).astype(np.float64) for rows in inputs]
    wanted = kernel.astype(np.float64)
    largest = np.abs(wanted).max(axis=1, keepdims=True)  # (groups, 1, outputs)
    if not per_channel:
        squares = np.stack([np.diag(each) for each in products])[..., None]
        largest = np.full_like(largest, largest.max(initial=0.0) * _share(wanted, squares))
    scales = np.maximum(largest, _SMALLEST) / WEIGHT_STEPS
    steps = _steps(wanted, np.stack(products), scales[:, 0])
    axes = (1,) if per_channel else (0, 1, 2)
    at_the_end = np.abs(wanted) == np.abs(wanted).max(axis=axes, keepdims=True)
    steps = np.where(at_the_end, np.sign(wanted) * WEIGHT_STEPS, steps)
    return np.asarray(steps * scales, np.float32)


def _steps(kernel: Floats, products: Floats, scales: Floats) -> Floats:
    """The whole numbers (groups, inputs, outputs) that stand for `kernel`.

    Args:
        kernel: (groups, inputs, outputs).
        products: (groups, inputs, inputs), the sum over rows of the products of two inputs.
        scales: (groups, outputs).
    """
    squares = np.diagonal(products, axis1=1, axis2=2)
    damping = np.maximum(DAMPING * squares.mean(axis=1), _SMALLEST)
    damped = products + np.eye(products.shape[1]) * damping[:, None, None]
    order = np.argsort(-squares, axis=1, kind="stable")  # what matters most while most can still make up for it
    sorted_by_row = np.take_along_axis(damped, order[:, :, None], axis=1)
    damped = np.take_along_axis(sorted_by_row, order[:, None, :], axis=2)
    inverse = np.linalg.cholesky(np.linalg.inv(damped)).swapaxes(1, 2)
    waiting = np.take_along_axis(kernel, order[:, :, None], axis=1)
    steps = np.empty_like(waiting)
    for start in range(0, kernel.shape[1], INPUTS_AT_ONCE):
        end = min(start + INPUTS_AT_ONCE, kernel.shape[1])
        errors = np.empty_like(waiting[:, start:end])
        for place in range(start, end):
            steps[:, place] = np.clip(np.rint(waiting[:, place] / scales), -WEIGHT_STEPS, WEIGHT_STEPS)
            error = (waiting[:, place] - steps[:, place] * scales) / inverse[:, place, place, None]
            waiting[:, place + 1 : end] -= inverse[:, place, place + 1 : end, None] * error[:, None]
            errors[:, place - start] = error
        waiting[:, end:] -= inverse[:, start:end, end:].swapaxes(1, 2) @ errors
    found = np.empty_like(steps)
    np.put_along_axis(found, order[:, :, None], steps, axis=1)
    return found


def _share(kernel: Floats, squares: Floats) -> float:
    """The share of the largest weight at which rounding and clipping together do the least to the outputs."""
    largest = max(float(np.abs(kernel).max(initial=0.0)), _SMALLEST)

    def error(share: float) -> float:
        scale = share * largest / WEIGHT_STEPS
        rounded = np.clip(np.rint(kernel / scale), -WEIGHT_STEPS, WEIGHT_STEPS) * scale
        return float((np.square(rounded - kernel) * squares).sum())

    return float(min(SHARES, key=error))
