"""Train a small Keras 3 network, export it to int8 from Python, and look at the figures.

Run it in an empty folder: `python export_from_python.py`. It takes about a minute.
"""

import keras
import numpy as np

import edgeswap

# Two classes of 16x16 pixels: stripes that lie, and stripes that stand.
rng = np.random.default_rng(0)
y = rng.integers(0, 2, 800)
stripes = np.where(np.arange(16) % 4 < 2, 200, 60)
x = np.stack([np.tile(stripes, (16, 1)) if label else np.tile(stripes, (16, 1)).T for label in y])[..., None]
x = np.clip(x + rng.normal(0, 60, x.shape), 0, 255).astype(np.uint8)

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((16, 16, 1)),
        keras.layers.Conv2D(8, 3, strides=2, activation="swish"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(x[:600] / 255, y[:600], epochs=15, verbose=0)

found = edgeswap.check(model, target="coral")
print("blocks int8 on a Coral:", [finding.problem for target in found.targets for finding in target.findings])

result = edgeswap.export(
    model, data=(x[:600], y[:600]), test_data=(x[600:], y[600:]), preprocess="unit", method="ptq", output="stripes"
)
comparison = result.report.comparison
print(f"top-1 {result.report.int8.quality.value:.3f}, drop {comparison.drop:.2f} points, {comparison.drop_ci95}")
print(f"{len(result.tflite):,} bytes; open {result.folder}/report.html")
