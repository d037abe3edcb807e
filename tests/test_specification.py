"""The table of int8 rules, held against the kernels that Keras really makes."""

import pytest

from edgeswap.frameworks import tf_keras
from edgeswap.quantization.specification import RULES

LAYERS = tf_keras.layers
# Each gives 6 channels from 3 (one that filters by depth has no other choice).
KERNELS = {
    "Conv1D": (LAYERS.Conv1D(6, 5), (None, 9, 3)),
    "Conv2D": (LAYERS.Conv2D(6, (5, 4)), (None, 9, 9, 3)),
    "DepthwiseConv1D": (LAYERS.DepthwiseConv1D(5, depth_multiplier=2), (None, 9, 3)),
    "DepthwiseConv2D": (LAYERS.DepthwiseConv2D((5, 4), depth_multiplier=2), (None, 9, 9, 3)),
    "Conv2DTranspose": (LAYERS.Conv2DTranspose(6, (5, 4)), (None, 9, 9, 3)),
}


@pytest.mark.parametrize("name", KERNELS)
def test_each_channel_that_a_kernel_gives_has_a_scale_of_its_own(name):
    layer, shape = KERNELS[name]
    layer.build(shape)
    (weight,) = RULES[name].weights
    kernel = getattr(layer, weight.name)
    channels = 1
    for axis in weight.channel_axes:
        channels *= kernel.shape[axis]
    assert channels == 6
    assert not {kernel.shape[axis] for axis in weight.channel_axes} & {4, 5}  # the kernel's extent
