"""What is right for each case, as data: its commands, and what each of them shall do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases.expect import (
    Expectation,
    code,
    either,
    exists,
    figure,
    in_zip,
    labels,
    never_says,
    no_line_above,
    says,
    warned,
)

FIGURES = "float32.quality.value"
FIGURES_INT8 = "int8.quality.value"
NO_FLOAT = figure("int8.float_tensors", at_most=0)
DROP = figure("comparison.drop", at_most=2.0)
# Nobody waits for a training before a model or its data is refused.
BEFORE_TRAINING = never_says("train the|quantization-aware training|recover from|convert to")
REFUSED = (code(1, 2, 3), says("error: |blocks"), never_says("edgeswap itself failed"), BEFORE_TRAINING)
NO_SWAP_ADVICE = never_says("swap the layers' activation")


@dataclass(frozen=True)
class Step:
    """A command line as people type it (of `edgeswap` or `python`), and what it shall do."""

    command: str
    expected: tuple[Expectation, ...]


@dataclass(frozen=True)
class Right:
    """What is right for a case.

    Attributes:
        steps: in the folder that the case's make.py filled, in order.
        needs: another case whose folder is beside this one's.
    """

    steps: tuple[Step, ...]
    needs: str | None = None


def _export(
    model: str, data: str, *expected: Expectation, method: str = "ptq", more: str = "", out: str = "out"
) -> Step:
    return Step(
        f"edgeswap export --int8 {model} --data {data} --method {method} --output {out} {more}".strip(), expected
    )


def _check(model: str, *expected: Expectation, more: str = "") -> Step:
    return Step(f"edgeswap check {model} {more}".strip(), expected)


def _task(
    name: str, model: str, data: str, *, snr_db: float | None = None, metric: float | None = None, more: str = ""
) -> Right:
    """Exported by both methods as this task; `snr_db` is the least of the worst output by PTQ, `metric` of int8."""
    steps = []
    for method in ("ptq", "qat"):
        out = f"out_{Path(model).stem}_{method}"
        expected = [code(0), says(f"task +{name}:"), figure("int8.float_tensors", at_most=0, out=out)]
        if snr_db is not None and method == "ptq":
            expected.append(figure("comparison.outputs.*.snr_db", at_least=snr_db, out=out))
        if metric is not None:
            expected.append(figure(FIGURES_INT8, at_least=metric, out=out))
        steps.append(_export(model, data, *expected, method=method, more=f"{NONE} {more}".strip(), out=out))
    return Right(tuple(steps))


NONE = "--preprocess none"
PIXELS = 'import numpy as np; np.savez("pixels.npz", x=np.random.default_rng(0).random((60, 8, 8, 3), dtype="f4"))'

RIGHT: dict[str, Right] = {
    "argmax": Right((_check("model.h5", code(0), never_says("BitwiseAnd|the converter fails")),)),
    "autoencoder": _task("reconstruction", "model.keras", "data.npz", snr_db=42.0),
    "bench_input_names": Right(
        (
            Step("edgeswap bench float.tflite int8.tflite --data d.npz", (code(0),)),
            Step("edgeswap bench int8.tflite int8.tflite --data d.npz", (code(0),)),
            _check("uint8.tflite", code(0), says("int8 with uint8")),
            Step("edgeswap bench float.tflite uint8.tflite --data d.npz", (code(0),)),
        )
    ),
    "binary_sigmoid": _task("binary", "model.h5", "data.npz", metric=0.99),
    "check_streaming": Right((_check("stream.tflite", code(0), never_says("RESOURCE, not int8")),)),
    "class_spelling": Right(
        (_export("m.keras", "train", *REFUSED, says("Cat"), says("cat"), more="--test-data test"),)
    ),
    "detector_concat": Right(
        (
            Step(
                f"edgeswap swap model.keras --activation hard_swish -o swapped.keras --data data.npz {NONE}",
                (code(0), in_zip("swapped.keras", "config.json", '"sigmoid"')),
            ),
            *_task("outputs", "model.keras", "data.npz", snr_db=41.0).steps,
        )
    ),
    "dilated_segmentation": _task("segmentation", "model.keras", "data.npz", snr_db=45.0),
    "embedding": Right(
        (
            _check("model.h5", code(3), says("token")),
            _export("model.h5", "data.npz", *REFUSED, says("token"), NO_SWAP_ADVICE, more=NONE),
        )
    ),
    "exif": Right((_export("m.keras", "photos", code(0), figure(FIGURES, at_least=0.95), DROP, says("EXIF")),)),
    "gru": Right(
        (
            _check("model.h5", code(3), says("unroll=True")),
            _export("model.h5", "data.npz", *REFUSED, says("unroll=True"), NO_SWAP_ADVICE, more=NONE),
        )
    ),
    "gru_lstm_remedy": Right(
        (
            _check("gru.keras", code(3), says("unroll=True")),
            _export("gru.keras", "d.npz", *REFUSED, says("unroll=True"), NO_SWAP_ADVICE, out="o_gru"),
            _check("lstm.keras", code(0)),
            _export(
                "lstm.keras", "d.npz", code(0), figure("int8.float_tensors", at_most=0, out="o_lstm"), out="o_lstm"
            ),
            _check("gru_unrolled.keras", code(0)),
            _export(
                "gru_unrolled.keras", "d.npz", code(0), figure("int8.float_tensors", at_most=0, out="o_u"), out="o_u"
            ),
        )
    ),
    # Beside its broken files, which all go through the commands that read such files.
    "hostile": Right(
        (
            Step(f"python -c '{PIXELS}'", (code(0),)),
            _export("name_with_space.keras", "pixels.npz", code(0), NO_FLOAT, more=NONE),
        )
    ),
    "keras_loader_resize": Right(
        (_export("m.keras", "photos", code(0), figure(FIGURES, at_least=0.97), DROP, more="--resize keras"),)
    ),
    "layer_as_activation": Right((_check("model.h5", code(0), never_says("TypeError|unexpected")),)),
    "lstm_int8": Right(
        (
            _export("model.keras", "data.npz", code(0), figure(FIGURES_INT8, at_least=0.95), NO_FLOAT, more=NONE),
            Step(
                f"edgeswap export model.keras --precision float16 --data data.npz {NONE} --method ptq --output out_f16",
                (code(0), figure(FIGURES, at_least=0.97, out="out_f16")),
            ),
        )
    ),
    "lstm_unrolled": Right(
        (_export("model.keras", "data.npz", code(0), figure(FIGURES_INT8, at_least=0.95), NO_FLOAT, more=NONE),)
    ),
    "model_card_claim": Right(
        (
            _export(
                "m.keras",
                "photos",
                code(0),
                in_zip("out/bundle.zip", "MODEL_CARD.md", "by edgeswap"),
                warned("set aside"),
            ),
        )
    ),
    "not_a_classifier": Right(
        tuple(
            step
            # Their weights are drawn anew each time that they are made: `binary` had 53.1 dB and then 51.8,
            # `keypoints` 48.1 and then 46.6. So these are 4 dB below what TFLiteConverter had with the first draw.
            for name, task, snr_db in (
                ("seg", "segmentation", 48.0),
                ("two", "outputs", 37.0),
                ("binary", "binary", 50.0),
                ("regress1", "outputs", 15.5),  # untrained: TFLiteConverter's is as low
                ("seq", "segmentation", 39.0),
                ("keypoints", "outputs", 44.0),
            )
            for step in _task(task, f"{name}.keras", "d.npz", snr_db=snr_db).steps
        )
    ),
    "numbered_folders": Right(
        (
            _export(
                "m.keras",
                "photos",
                code(0),
                figure(FIGURES, at_least=0.97),
                labels(*map(str, range(12))),
                says("number"),
            ),
        )
    ),
    "own_mean_std": Right(
        (
            _export(
                "m.keras",
                "xy.npz",
                code(0),
                figure(FIGURES, at_least=0.97),
                in_zip("out/bundle.zip", "model.json", "mean"),
                more="--preprocess mean-std:0.45,0.40,0.35/0.28,0.26,0.25",
            ),
        )
    ),
    "own_tf_keras_layer": Right(
        (
            _check("m.keras", code(1), says("import keras"), more="--custom-objects mylayers:Scale"),
            _export("m.keras", "d.npz", code(1, 2), says("import keras"), more="--custom-objects mylayers:Scale"),
        )
    ),
    "prelu_check": Right(
        (
            _check("model.h5", code(0), never_says("right behind a convolution")),
            _export("model.h5", "data.npz", code(0), NO_FLOAT, DROP, more=NONE),
        )
    ),
    "pruned_file": Right(
        (
            _check("model.h5", code(0)),
            # Keras itself has it right on 84.3 % of all samples.
            _export("model.h5", "data.npz", code(0), NO_FLOAT, figure(FIGURES, at_least=0.8), DROP, more=NONE),
        )
    ),
    "reading": Right(
        (
            Step("python graph_equality.py", (code(0), no_line_above(1e-3, r"maxdiff ([\d.e+-]+|nan|inf)"))),
            Step("python decompose.py", (code(0), no_line_above(1e-3, r"maxdiff ([\d.e+-]+|nan|inf)"))),
        )
    ),
    "regression_qat_drift": _task("outputs", "kp.keras", "d.npz", snr_db=50.0),
    "save_qat_transpose": Right(
        (
            _export(
                "model.keras",
                "data.npz",
                code(0),
                exists("out/model_qat.zip"),
                method="qat",
                more=f"{NONE} --epochs 1 --save-qat",
            ),
        )
    ),
    "sigmoid_unit": _task("binary", "m.keras", "xy.npz", metric=0.99),
    "split_folders": Right(
        (
            _export(
                "m.keras",
                "dataset",
                either(code(1, 2), figure(FIGURES, at_least=0.97)),
                either(says("--test-data"), labels("defect", "ok")),
            ),
        )
    ),
    "super_resolution": _task("reconstruction", "model.h5", "data.npz", snr_db=50.0),
    "tabular_scales": Right((_export("m.keras", "xy.npz", code(0), either(warned("scale"), DROP)),)),
    "truncated_image": Right(
        (
            _export(
                "../own_mean_std/m.keras",
                "photos",
                *REFUSED,
                says("2 more"),
                never_says("BytesIO"),
                more="--preprocess mean-std:0.45,0.40,0.35/0.28,0.26,0.25 --activation relu6",  # which trains on all
            ),
        ),
        needs="own_mean_std",
    ),
    "two_heads": _task("outputs", "model.h5", "data.npz", snr_db=37.0),
    "two_inputs_unequal": Right((_export("model.h5", "data.npz", code(0), either(warned("meta"), DROP), more=NONE),)),
    "two_value_regression": _task("regression", "model.h5", "data.npz", snr_db=48.0),
}
