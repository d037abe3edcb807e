"""Weights rounded in favour of outputs: whole multiples of a scale, and outputs nearer than by the nearest."""

import numpy as np
import pytest

from edgeswap.quantization.rounding import round_kernel

RANDOM = np.random.default_rng(0)


def inputs_and_kernel(groups=1, size=24, outputs=6, rows=400):
    """Inputs that go together, as channels of a network do."""
    mixed = RANDOM.normal(size=(groups, rows, 4)) @ RANDOM.normal(size=(groups, 4, size))
    inputs = mixed + 0.2 * RANDOM.normal(size=(groups, rows, size))
    kernel = RANDOM.normal(size=(groups, size, outputs)) * np.exp(RANDOM.normal(size=outputs))
    return inputs.astype(np.float32), kernel.astype(np.float32)


def nearest(kernel, *, per_channel, steps=127):
    scale = np.abs(kernel).max(axis=1 if per_channel else None, keepdims=True) / steps
    return np.rint(kernel / scale) * scale


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("groups", [1, 5])
def test_outputs_are_nearer_and_the_scale_is_that_of_the_largest_weight(per_channel, groups):
    inputs, kernel = inputs_and_kernel(groups)
    rounded = round_kernel(kernel, inputs, per_channel=per_channel)
    plain = nearest(kernel, per_channel=per_channel)
    assert np.square(inputs @ (rounded - kernel)).sum() < 0.7 * np.square(inputs @ (plain - kernel)).sum()
    # Whoever takes the scale from the largest weight rounds nothing more.
    np.testing.assert_allclose(nearest(rounded, per_channel=per_channel), rounded, atol=1e-6 * np.abs(kernel).max())


def test_a_kernel_of_zeros_and_inputs_of_zeros_stay_finite():
    inputs, kernel = inputs_and_kernel()
    assert np.abs(round_kernel(np.zeros_like(kernel), inputs, per_channel=True)).max() < 1e-9
    for per_channel in (True, False):
        rounded = round_kernel(kernel, np.zeros_like(inputs), per_channel=per_channel)
        assert np.isfinite(rounded).all()


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("exponent", [-60, 3, 100])
def test_inputs_of_any_size_give_the_same_weights_to_the_bit(per_channel, exponent):
    """Squares of 2**100 have no float32: where they became infinite, an export ended in an error of linear algebra."""
    inputs, kernel = inputs_and_kernel(groups=2)
    np.testing.assert_array_equal(
        round_kernel(kernel, np.ldexp(inputs, exponent), per_channel=per_channel),
        round_kernel(kernel, inputs, per_channel=per_channel),
    )


@pytest.mark.parametrize("per_channel", [True, False])
def test_weights_of_any_size_are_the_same_steps_to_the_bit(per_channel):
    """Few kernels have a weight as large as 1."""
    inputs, kernel = inputs_and_kernel(groups=2)
    np.testing.assert_array_equal(
        round_kernel(np.ldexp(kernel, -10), inputs, per_channel=per_channel),
        np.ldexp(round_kernel(kernel, inputs, per_channel=per_channel), -10),
    )
