"""A training for `test_replicas.py`, whose parts replicas could see differently; and a worker, as a process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgeswap import forks

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(70, 6, 6, 2)).astype(np.float32)
Y = GENERATOR.integers(0, 3, (70, 6, 6)).astype(np.uint8)
Y[::2] = 255  # of half of the images no pixel counts: replicas have other numbers of those that do
BATCH = 21  # no multiple of the number of replicas


def network() -> Any:
    """Both kinds of batch normalization, a regularizer, and a fake-quant whose range follows the batches."""
    from edgeswap.frameworks import tf_keras, tfmot
    from edgeswap.quantization.quantizers import LayerQuantizers, OutputQuantizer
    from edgeswap.quantization.ranges import End

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    inputs = tf_keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False, kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization(momentum=0.5, name="fused")(x)
    ranges = OutputQuantizer(End(-1.0, "observed"), End(1.0, "observed"))
    wrapped = tfmot.quantization.keras.QuantizeWrapperV2(
        layers.ReLU(name="relu"), LayerQuantizers((), ranges), name_prefix=""
    )
    x = layers.Reshape((36, 4))(wrapped(x))
    x = layers.Reshape((6, 6, 4))(layers.BatchNormalization(momentum=0.5, fused=False, name="plain")(x))
    return tf_keras.Model(inputs, layers.Conv2D(3, 1)(x))


def trained(replicas: Any) -> list[np.ndarray]:
    """The weights after two epochs."""
    from edgeswap.training.best_epoch import Judges
    from edgeswap.training.fit import train

    judges = Judges(lambda rows: [X[rows]], len(X), {0: Y})
    return train(
        network(), read=lambda rows: [X[rows]], count=len(X), labels={0: Y}, epochs=2, learning_rate=1e-2, seed=0,
        batch_size=BATCH, heads=("softmax",), judges=judges, batch_norm="updated", replicas=replicas,
    ).model.get_weights()  # fmt: skip


def mirrored(file: Path) -> None:
    """Train on two devices of this process, which are parts of the processor."""
    from edgeswap.frameworks import tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    from edgeswap.training.strategy import begin

    replicas = begin("mirrored")
    assert replicas.count == 2
    np.savez(file, *trained(replicas))


def worker(weights: Path, last: int, *exports: str) -> int:
    """Train as above, then export by command lines; in the last one be killed where epoch `last` is judged."""
    from edgeswap.cli.main import run
    from edgeswap.commands.started import start_tensorflow
    from edgeswap.config.export import export_config
    from edgeswap.progress import Silent
    from edgeswap.training.best_epoch import BestEpoch
    from edgeswap.training.strategy import begin

    if weights.suffix:
        start_tensorflow(
            export_config({"model": "m.keras", "data": "d.npz", "strategy": "multiworker"}), progress=Silent()
        )
        replicas = begin("multiworker")
        found = trained(replicas)
        if replicas.is_chief:
            np.savez(weights, *found)
    judge, judged = BestEpoch.judge, []

    def dying(self: BestEpoch) -> bool:
        judged.append(self)
        if len(judged) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return judge(self)

    code = 0
    for number, export in enumerate(exports, 1):
        if number == len(exports) and last:
            BestEpoch.judge = dying
        code = run(export.split("|"))
    return code


if __name__ == "__main__":
    if sys.argv[1] == "mirrored":
        mirrored(Path(sys.argv[2]))
    else:
        forks.allow()  # as the command line does, before TensorFlow is imported
        sys.exit(worker(Path(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
