"""Figures of a whole batch of which each replica has a part: without replicas those of the batch itself.

What is normalized or divided by a figure of the batch would otherwise go by a replica's own part of it, and the result
would change with the number of replicas by more than rounding.
"""

from __future__ import annotations

from typing import Any

from edgeswap.frameworks import tf


def _replica() -> Any:
    """The context of this replica; None where there is but one, or none is running."""
    context = tf.distribute.get_replica_context()
    return None if context is None or context.num_replicas_in_sync == 1 else context


def extremes(values: Any) -> tuple[Any, Any]:
    """The least and the greatest value, float32 scalars, over the parts of all replicas."""
    least, greatest = tf.reduce_min(values), tf.reduce_max(values)
    replica = _replica()
    if replica is None:
        return least, greatest
    found = replica.all_gather(tf.stop_gradient(tf.reshape(tf.stack([-least, greatest]), (1, 2))), axis=0)
    return -tf.reduce_max(found[:, 0]), tf.reduce_max(found[:, 1])


def per_share(amount: Any, samples: Any) -> Any:
    """What a replica divides a sum over its part by, so that the shares of all add up to the sum over the amount.

    A replica's loss counts as much as its share of the samples. Where samples count differently, as those without a
    label, the amount of all replicas times that share stands for its own amount.

    Args:
        amount: of this replica's part, a float scalar.
        samples: in its part.
    """
    replica = _replica()
    if replica is None:
        return amount
    here = tf.cast(samples, amount.dtype)
    both = replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(tf.stack([amount, here])))
    return both[0] * here / both[1]
