"""The report on a terminal and as a page. `python tests/test_report.py` writes the schema and the golden texts anew."""

import io
import json
import math
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from edgeswap import records
from edgeswap.errors import shortened
from edgeswap.evaluation.drop_cause import large_drop
from edgeswap.report import benched, html, npus, numbers, plots, terminal
from edgeswap.report import quantization_wording as quantized
from edgeswap.report import wording as say
from edgeswap.report.limit_words import limit_text
from edgeswap.report.schema import SCHEMAS, schema
from edgeswap.statistics import mcnemar_exact, paired_difference_interval

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = Path(say.__file__).parent / "report.schema.json"
REFRESH = "If the change is meant, run: python tests/test_report.py"


def wilson(right, samples):
    z, share = 1.959964, right / samples
    centre, spread = (
        share + z * z / (2 * samples),
        z * math.sqrt(share * (1 - share) / samples + (z / (2 * samples)) ** 2),
    )
    return (max(0.0, (centre - spread) / (1 + z * z / samples)), min(1.0, (centre + spread) / (1 + z * z / samples)))


def quality(right, samples=540):
    known = right is not None
    return records.Quality(
        task="classification",
        metric="top1",
        value=right / samples if known else None,
        ci95=wilson(right, samples) if known else None,
        unit="share",
        higher_is_better=True,
        samples=samples,
        metrics={"top1": right / samples} if known else {},
    )


def measurement(right, p50=None, *, samples=540, instructions=None, tail=1.4):
    latency = p50 and records.Latency(p50=p50, p90=p50 * 1.12, p99=p50 * tail, mean=p50 + 0.02, runs=500, threads=1)
    return records.Measurement(quality=quality(right, samples), latency_ms=latency, instructions=instructions)


def with_activations(int8):
    """What XNNPACK makes of the eleven relu6, ten of which are behind convolutions."""
    fused = [f"block_{i}_act" for i in range(10)]
    kernels = [
        records.ActivationKernel(form="fused", operators=["RELU6"], passes=0, layers=fused),
        records.ActivationKernel(form="table", operators=["LOGISTIC", "MUL"], passes=1, layers=["stem_act"]),
    ]
    return int8.model_copy(update={"activation_kernels": kernels})


def target(float32, int8, **changes):
    speedup = float32.latency_ms and float32.latency_ms.p50 / int8.latency_ms.p50
    values = {
        "name": "host",
        "machine": "x86_64 Linux",
        "cpu": "Intel Xeon Platinum 8375C",
        "runtime": "ai-edge-litert 2.3.0",
        "delegate": "xnnpack",
        "warnings": [],
        "speedup_p50": speedup,
        "float32": float32,
        "int8": int8,
    }
    return records.TargetResult(**{**values, **changes})


def training_run(model, losses):
    best = min(range(len(losses)), key=losses.__getitem__)
    return records.TrainingRun(
        model=model,
        epochs=3,
        epochs_trained=len(losses) - 1,
        best_epoch=best,
        judged_on="validation",
        samples=125,
        losses=losses,
    )


def activation_ranges():
    """Of relu6 at its bound and below it, and of one without a ceiling."""
    clipped = [
        records.ActivationRange(
            layer=f"block_{i}_act",
            activation="relu6",
            bounds=(0.0, 6.0),
            before=(0.0, 6.0 - i / 2),
            after=(0.0, 6.0 - i / 3),
            how=("fixed", "narrowed" if i else "fixed"),
        )
        for i in range(3)
    ]
    open_above = {"activation": "swish", "bounds": (-0.2785, None), "before": (-0.2785, 9.1), "after": (-0.2785, 8.7)}
    return [*clipped, records.ActivationRange(layer="top_act", how=("fixed", "observed"), **open_above)]


def layers_on_grid():
    """Of a ReLU6 whose range cuts a little, and of an addition, which has no weights."""
    bell = [round(2.0 ** (-((part - 16) ** 2) / 20) / 7.93, 5) for part in range(32)]
    falling = [round(0.6 * 0.4**part, 5) for part in range(32)]
    weights = records.GridShares(low=None, high=None, shares=bell, below=0.0, above=0.0)
    values = records.GridShares(low=0.0, high=5.5, shares=falling, below=0.0, above=0.0021)
    first = {"layer": "block_3_act", "snr_db": 28.94, "weights_layer": "block_3_conv", "weights": weights}
    return [
        records.LayerOnGrid(values=values, **first),
        records.LayerOnGrid(
            layer="stem <&>",
            snr_db=40.2,
            weights_layer=None,
            weights=None,
            values=values.model_copy(update={"low": -2.5, "above": 0.0}),
        ),
    ]


def qat(**changes):
    """QAT on the digits after a swap, with a limit that holds: the common case."""
    swapped = [records.SwappedActivation(layer=f"block_{i}_act", from_="swish", to="relu6") for i in range(10)]
    swapped += [records.SwappedActivation(layer="stem_act", from_="relu", to="relu6")]
    skipped = [records.SkippedActivation(layer="probabilities", activation="softmax", reason="output of the model")]
    digits = records.DataSource(source="digits", samples=1257, sha256="3f9c" * 16)
    float32 = {
        "CONV_2D": 13,
        "DEPTHWISE_CONV_2D": 5,
        "LOGISTIC": 10,
        "MUL": 10,
        "ADD": 2,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
        "SOFTMAX": 1,
    }
    int8 = {key: count for key, count in float32.items() if key not in ("LOGISTIC", "MUL")}
    values = {
        "edgeswap": "0.1.0",
        "created": "2026-11-21T21:58:00Z",
        "command": ["edgeswap", "export", "--int8", "digits.keras", "--data", "digits", "--max-drop", "1"],
        "method": "qat",
        "seed": 0,
        "model": records.ModelSource(name="digits_mobilenet", source="digits.keras", sha256="a1b2" * 16),
        "task": records.TaskChoice(name="classification", reason="one softmax output of 10 classes"),
        "data": records.Data(
            train=digits.model_copy(update={"samples": 1132}),
            validation=digits.model_copy(update={"samples": 125, "sha256": "99bb" * 16}),
            calibration=digits.model_copy(update={"samples": 200, "sha256": "77aa" * 16}),
            test=records.DataSource(source="digits/test", samples=540, sha256="0c0d" * 16),
            preprocess="unit",
            resize=None,
        ),
        "activations": records.Activations(swapped=swapped, skipped=skipped),
        "float32": records.ModelFile(
            file="model_float32.tflite", size_bytes=312_432, operators=float32, quality=quality(528)
        ),
        "float32_swapped": records.StageQuality(quality=quality(223)),
        "float32_recovered": records.StageQuality(quality=quality(526)),
        "float32_finetuned": records.StageQuality(quality=quality(529)),
        "int8": records.Int8ModelFile(
            file="model_int8.tflite",
            size_bytes=94_120,
            operators=int8,
            quality=quality(527),
            float_tensors=0,
            float_operators=[],
        ),
        "comparison": records.Comparison(
            metric="top1",
            unit="share",
            drop=100 / 540,
            drop_ci95=(-0.71, 1.15),
            agreement=535 / 540,
            mcnemar_p=1.0,
            size_ratio=312_432 / 94_120,
            control_drop=200 / 540,
        ),
        "targets": [target(measurement(528, 0.2134), with_activations(measurement(527, 0.0912)))],
        "training": [
            training_run("float32_recovered", [2.3071, 0.1512, 0.0933, 0.0871]),
            training_run("float32_finetuned", [0.0871, 0.0874, 0.0862, 0.0865]),
            training_run("int8", [0.0902, 0.0881, 0.0875, 0.0877]),
        ],
        "ranges": records.Ranges(
            policy="auto", fixed=14, narrowed=3, observed=6, saturated=3, learned=0, activations=activation_ranges()
        ),
        "input_examples": [
            records.InputExample(
                index=index, input=0, place=[16, 16], raw=[raw], real=[raw / 255], int8=[int(raw) - 128]
            )
            for index, raw in ((0, 0.0), (270, 240.0), (539, 96.0))
        ],
        "versions": {"python": "3.11.2", "tensorflow": "2.21.0"},
        "parity": records.Parity(
            samples=540,
            agreement=530 / 537,
            ties=3,
            layers=13,
            worst_layer="block_3_add",
            worst_layer_snr_db=28.94,
            layer_snr_db={"block_3_add": 28.94, "stem <&>": 40.2, "head": None},
            on_grid=layers_on_grid(),
        ),
        "limits": [records.Limit(name="max_drop", limit=1.0, value=100 / 540, passed=True)],
        "passed": True,
    }
    return records.ExportReport(**{**values, **changes})


def failed():
    """A limit missed by little, a drop beyond chance, two swaps, long names, a slower int8, float tensors."""
    base = qat()
    names = [
        f"efficientnet_b0/backbone/stage_{i}/block_{j}/squeeze_and_excite/expand_activation"
        for i in range(4)
        for j in range(5)
    ]
    return base.model_copy(
        update={
            "activations": records.Activations(
                swapped=[
                    records.SwappedActivation(
                        layer=n, from_="swish", to=("hard_swish", "clipped_elu(max_value=4)")[i % 2]
                    )
                    for i, n in enumerate(names)
                ],
                skipped=[
                    records.SkippedActivation(
                        layer=n + "_gate", activation="sigmoid", reason="gate of a squeeze-and-excite block"
                    )
                    for n in names
                ],
            ),
            "int8": base.int8.model_copy(
                update={"quality": quality(517), "float_tensors": 3, "float_operators": ["ELU"]}
            ),
            "comparison": base.comparison.model_copy(
                update={
                    "drop": 1100 / 540,
                    "drop_ci95": (0.83, 3.41),
                    "mcnemar_p": 0.0009,
                    "control_drop": 1200 / 540,
                }
            ),
            "targets": [
                target(
                    measurement(528, 8.9),
                    measurement(517, 34.4, tail=9),
                    warnings=[
                        "governor is powersave: run 'cpupower frequency-set -g performance' and measure again",
                        "int8 is slower than float32: HARD_SWISH is not taken by the delegate",
                    ],
                )
            ],
            "limits": [
                records.Limit(name="max_drop", limit=2.0, value=1100 / 540, passed=False),
                records.Limit(name="max_latency_ms", limit=34.0, value=34.4, passed=False),
                records.Limit(name="max_size", limit=95_000, value=94_120, passed=True),
            ],
            "left_to_calibration": [*names[:5]],
            "warnings": [
                records.Caution(
                    kind="input_scale",
                    problem="Input 'weather' has one int8 scale for features of unequal size: 'wind' has 3 steps.",
                    remedy="Give it as an input of its own, or scale the features alike.",
                )
            ],
            "passed": False,
        }
    )


@pytest.mark.slow
def test_warnings_stand_right_below_the_verdict():
    report = failed()
    caution = report.warnings[0]
    lines = text(report, 120).splitlines()
    assert lines[lines.index("") - 2].startswith(f"warning    {caution.problem[:40]}")
    page = html.render(report)
    assert page.index("Failed (") < page.index("has one int8 scale") < page.index('class="figures"')


def dropped():
    """QAT that lost 46 points, 12 of them in the swap, the rest in the 8 bits; a limit on the size alone holds."""
    base = qat()
    return base.model_copy(
        update={
            "float32_recovered": records.StageQuality(quality=quality(463)),
            "float32_finetuned": records.StageQuality(quality=quality(470)),
            "int8": base.int8.model_copy(update={"quality": quality(280)}),
            "comparison": base.comparison.model_copy(
                update={
                    "drop": 24800 / 540,
                    "drop_ci95": (41.7, 50.1),
                    "agreement": 0.531,
                    "control_drop": 19000 / 540,
                }
            ),
            "limits": [records.Limit(name="max_size", limit=95_000, value=94_120, passed=True)],
        }
    )


def warned(report):
    """The report as the pipeline writes it."""
    caution = large_drop(report)
    return report.model_copy(update={"warnings": [*filter(None, [caution]), *report.warnings]})


def rung(name, drop, reason):
    """One way that `--method auto` tried on 250 held-out samples without labels."""
    return records.Rung(
        rung=name,
        metric="expected_drop",
        unit="share",
        value=None,
        drop=drop,
        drop_ci95=(drop / 2, drop * 2),
        agreement=0.98,
        samples=250,
        samples_needed=4_000 if reason == "unsettled" else None,
        budget=0.5,
        kept=reason == "kept",
        taken=reason == "kept",
        reason=reason,
        seconds=12.3,
    )


def ptq():
    """PTQ without labels: nothing swapped, no limit, nothing trained."""
    base, unlabelled = qat(), quality(None, 200)
    images = records.DataSource(source="photos of leaves/", samples=200, sha256="beef" * 16)
    return base.model_copy(
        update={
            "method": "ptq",
            "training": [],
            "data": records.Data(
                train=None, calibration=images, test=images, preprocess="symmetric", resize="bilinear, antialiased"
            ),
            "activations": records.Activations(swapped=[], skipped=[]),
            "ladder": [
                rung("ptq", 0.91, "over"),
                rung("searched_ranges", 0.55, "unsettled"),
                rung("rounded", 0.12, "kept"),
            ],
            "float32": base.float32.model_copy(update={"quality": unlabelled, "size_bytes": 13_984_512}),
            "float32_swapped": None,
            "float32_recovered": None,
            "float32_finetuned": None,
            "int8": base.int8.model_copy(update={"quality": unlabelled, "size_bytes": 3_987_004}),
            "comparison": records.Comparison(
                metric="top1",
                unit="share",
                drop=None,
                drop_ci95=None,
                agreement=0.985,
                mcnemar_p=None,
                size_ratio=13_984_512 / 3_987_004,
            ),
            "targets": [target(measurement(None, 8.93, samples=200), measurement(None, 9.02, samples=200))],
            "limits": [],
        }
    )


@pytest.mark.slow
def test_a_large_drop_is_the_first_thing_that_is_said():
    report = warned(dropped())
    assert say.verdict(report).startswith("Passed (within max_size), but with a large drop: ")
    no_limit = warned(dropped().model_copy(update={"limits": []}))
    assert say.verdict(no_limit).startswith("Exported with a large drop (no limits were set): ")
    page = html.render(report)
    assert '<p class="verdict warned">Passed (within max_size), but' in page
    assert page.index("45.9 percentage points below") < page.index('class="figures"')
    assert not say.has_large_drop(warned(qat()))


@pytest.mark.slow
@given(st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 400)))
@example((4, 0, 46))  # the exact test says p = 0.125, and the interval leaves 0 out
def test_sentence_interval_and_flag_never_contradict(table):
    lost, gained, alike = table
    n = lost + gained + alike
    low, high = paired_difference_interval(lost, gained, n)
    comparison = qat().comparison.model_copy(
        update={
            "drop": 100 * (lost - gained) / n,
            "drop_ci95": (100 * low, 100 * high),
            "mcnemar_p": mcnemar_exact(lost, gained),
        }
    )
    sentence = say.significance(qat(comparison=comparison))
    shown_low, shown_high = map(float, numbers.points_interval(comparison.drop_ci95).split(" to "))
    assert comparison.can_be_chance == (shown_low <= 0 <= shown_high)
    assert ("can be chance" in sentence) == comparison.can_be_chance
    assert ("is more than chance would explain" in sentence) != comparison.can_be_chance
    assert (" includes 0" in sentence) == comparison.can_be_chance
    if large_drop(qat(comparison=comparison)):
        assert not comparison.can_be_chance


def test_parity_is_said_of_ties_alone_of_equal_layers_and_of_none():
    base = qat()
    found = [
        quantized.parity(base.model_copy(update={"parity": parity}))
        for parity in (
            base.parity.model_copy(update={"agreement": None, "ties": 540}),
            base.parity.model_copy(update={"worst_layer_snr_db": None, "ties": 0, "agreement": 1.0}),
            base.parity.model_copy(update={"layers": 0, "worst_layer": None, "worst_layer_snr_db": None}),
        )
    ]
    assert "has a tie" in found[0]
    assert "none differs" in found[1]
    assert "left out" not in found[1]
    assert found[2].endswith("left out).")
    assert quantized.parity(base.model_copy(update={"parity": None})) == ""
    assert quantized.ranges(base.model_copy(update={"ranges": None})) == ""


def several():
    """A host, a board with a long name and an emulator, which counts instructions on fewer samples."""
    pi = target(
        measurement(528, 11.42),
        measurement(527, 4.21, tail=12),
        name="ssh://pi@raspberrypi-in-the-lab.local:2222",
        machine="Raspberry Pi 5 Model B Rev 1.0",
        cpu="Cortex-A76",
        warnings=["throttled since boot: use a stronger power supply or a fan, and measure again"],
    )
    emulator = target(
        measurement(196, samples=200, instructions=122.8e6),
        measurement(195, samples=200, instructions=48.9e6),
        name="emulator:pi4",
        machine="qemu-aarch64",
        cpu="Cortex-A72",
        runtime="tflite-runtime 2.14.0",
        delegate="none",
        speedup_p50=None,
    )
    return qat(targets=[*qat().targets, pi, emulator])


def everywhere():
    """An emulated Pi with both runtimes, NPUs, an Edge TPU, and a board that could not be reached."""
    emulated = [
        target(
            measurement(196, samples=200, instructions=120.1e6 * factor),
            measurement(195, samples=200, instructions=int8),
            name="emulator:pi5",
            machine="qemu-aarch64",
            cpu="Cortex-A76",
            runtime=runtime,
            delegate="xnnpack",
            speedup_p50=None,
            warnings=["emulated: instructions of an inference on one thread. Instructions are not milliseconds."],
        )
        for runtime, factor, int8 in (("ai-edge-litert 2.3.0", 1, 48.9e6), ("tflite-runtime 2.14.0", 1.03, 174.8e6))
    ]
    estimate = records.NpuEstimate(
        accelerator="ethos-u55-128",
        compiler="ethos-u-vela 5.2.0",
        system_config="Ethos_U55_High_End_Embedded",
        memory_mode="Shared_Sram",
        clock_hz=500e6,
        file="model_int8_ethos-u55-128.tflite",
        size_bytes=81_120,
        npu_operators={"CONV_2D": 13, "DEPTHWISE_CONV_2D": 5, "ADD": 2, "MEAN": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1},
        cpu_operators={},
        cpu_reasons=[],
        npu_pieces=1,
        npu_cycles=98_000,
        total_cycles=123_456,
        inference_ms=0.246912,
        macs=4_000_000,
        sram_bytes=61_440,
        dram_bytes=0,
        on_chip_flash_bytes=0,
        off_chip_flash_bytes=70_144,
    )
    in_two = estimate.model_copy(
        update={
            "accelerator": "ethos-u85-2048",
            "file": "model_int8_ethos-u85-2048.tflite",
            "cpu_operators": {"GELU": 1},
            "cpu_reasons": ["GELU (block_3_act): it is not among the supported operators"],
            "npu_pieces": 2,
        }
    )
    mapping = records.EdgeTpuMapping(
        basis="Coral's table of operators (edgetpu_compiler is not on PATH)",
        tpu_operators={"CONV_2D": 4},
        cpu_operators={"HARD_SWISH": 9, "CONV_2D": 9},
        leaves_at=records.EdgeTpuHandover(
            operator="HARD_SWISH",
            tensor="block_1_act/HardSwish",
            layer="block_1_act",
            reason="the Edge TPU has no HARD_SWISH",
            remedy="Choose relu6, or write it as ADD and MUL.",
        ),
        refused=None,
        subgraphs=None,
        cached_parameter_bytes=None,
        streamed_parameter_bytes=None,
        file=None,
    )
    failure = records.TargetFailure(
        name="ssh://pi@board",
        problem="ssh://pi@board: expected a connection, got: No route to host.",
        remedy="Check that the board is on.",
    )
    return qat(
        targets=[*qat().targets, *emulated], npus=[estimate, in_two], edgetpu=mapping, failures=[failure], passed=False
    )


def bench(**changes):
    """Two models that were there already, on the host and in the emulator, the samples labelled."""
    report = everywhere()
    values = {
        "edgeswap": "0.1.0",
        "created": report.created,
        "command": ["edgeswap", "bench", "a.tflite", "b.tflite"],
        "precision": "int8",
        "float32": report.float32.model_copy(update={"file": "a.tflite"}),
        "int8": report.int8.model_copy(update={"file": "b.tflite"}),
        "data": report.data.test,
        "preprocess": "unit",
        "comparison": report.comparison.model_copy(update={"control_drop": None}),
        "targets": report.targets,
        "npus": [npu.model_copy(update={"file": None}) for npu in report.npus[:1]],
    }
    return records.BenchReport(**{**values, **changes})


def bench_of_latency():
    """Without data there is nothing to say of accuracy; one target."""
    unknown = quality(None, 0)
    found = target(*(m.model_copy(update={"quality": unknown}) for m in (measurement(0, 8.9), measurement(0, 4.2))))
    return bench(
        **{name: getattr(bench(), name).model_copy(update={"quality": unknown}) for name in ("float32", "int8")},
        **dict.fromkeys(("data", "preprocess", "comparison")),
        targets=[found],
        npus=[],
    )


HOSTILE = "a<script>alert(1)</script>[red]b[/red]$x_1$\x1b[31m\u202eé\"'&;--:smile:"


def hostile():
    """Text of other people that is markup in one place or another."""
    base = qat()
    return base.model_copy(
        update={
            "model": records.ModelSource(name=HOSTILE, source=HOSTILE, sha256="a1b2" * 16),
            "activations": records.Activations(
                swapped=[records.SwappedActivation(layer=HOSTILE, from_=HOSTILE, to=HOSTILE)],
                skipped=[records.SkippedActivation(layer=HOSTILE, activation=HOSTILE, reason=HOSTILE)],
            ),
            "targets": [
                t.model_copy(update={"name": HOSTILE, "warnings": [HOSTILE], "cpu": HOSTILE})
                for t in several().targets[:2]
            ],
            "parity": base.parity.model_copy(
                update={
                    "worst_layer": HOSTILE,
                    "on_grid": [one.model_copy(update={"layer": HOSTILE}) for one in base.parity.on_grid],
                }
            ),
            "left_to_calibration": [HOSTILE],
        }
    )


def detailed():
    """Classes with names, of which more lost than are named; samples that differ; and what other tasks draw."""
    base = qat()
    figures = [
        records.ClassFigure(class_=name, float32=0.95, int8=None if name == "yew" else 0.95 - drop / 100)
        for name, drop in {"ash": 0, "beech": 3, "elm <b>": 12, "fir": 1.5, "larch": -2, "oak": 7, "yew": 0}.items()
    ]
    named = [records.Named(name="elm <b>", value=0.71), records.Named(name="oak", value=None)]
    curve = [(0.0, 0.0), (0.1, 0.8), (1.0, 1.0)]
    details = {
        "class_metric": "recall",
        "per_class": figures,
        "roc": records.RocCurves(float32=curve, int8=[*curve[:1], (0.2, 0.7), *curve[2:]]),
        "errors": records.Errors(
            of="value", edges=[-2.0, 0.0, 2.0], float32=[3, 5], int8=[4, 4], points=[(1.0, 1.5, 2.0), (3.0, 2.0, 2.5)]
        ),
        "worst_samples": [
            records.WorstSample(index=1234, snr_db=None, float32=named[:1], int8=named),
            records.WorstSample(index=7, snr_db=8.123, float32=named, int8=[]),
        ],
        "lost": 12,
        "gained": 11,
        "flipped": [records.WorstSample(index=8, snr_db=9.5, label="elm <b>", float32=named[:1], int8=named[1:])],
    }
    first, second = (
        model.model_copy(
            update={"quality": model.quality.model_copy(update={"metrics": {"top1": 0.98, "macro_f1": f1}})}
        )
        for model, f1 in ((base.float32, 0.975), (base.int8, 0.971))
    )
    comparison = base.comparison.model_copy(update=details)
    return base.model_copy(update={"comparison": comparison, "float32": first, "int8": second})


SAMPLES = {
    "qat": qat,
    "dropped": lambda: warned(dropped()),
    "failed": failed,
    "ptq": ptq,
    "several": several,
    "everywhere": everywhere,
    "hostile": hostile,
    "detailed": detailed,
}


@cache
def page_of(name):
    """The page of a sample: drawn once, as its plots take half a second."""
    return html.render(SAMPLES[name]())


BENCHES = {"bench": bench, "bench_latency": bench_of_latency}


def text(report, width=80, **options):
    console = Console(file=io.StringIO(), width=width, legacy_windows=False, **options)
    if isinstance(report, records.BenchReport):
        benched.render(report, console, file="bench.json")
    else:
        terminal.render(report, console, folder="out")
    return re.sub(" +$", "", console.file.getvalue(), flags=re.MULTILINE)


def texts_of(page):
    """Tags with their attributes in order, and the text between them, as a browser would have them."""
    tags, words, open_tags = [], [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append((tag, dict(attributes)))
            if tag not in ("meta", "br", "img"):
                open_tags.append(tag)

        def handle_startendtag(self, tag, attributes):
            tags.append((tag, dict(attributes)))

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

        def handle_data(self, data):
            words.append(data)

    reader = Reader()
    reader.feed(page)
    reader.close()
    assert open_tags == []
    return tags, "".join(words)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_that_of_the_records(name):
    assert json.loads(SCHEMA.with_name(name).read_text(encoding="utf-8")) == schema(SCHEMAS[name]), REFRESH


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_reports_fit_the_schema_and_strangers_do_not(sample):
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    validator.check_schema(validator.schema)
    document = json.loads(sample().model_dump_json(by_alias=True))
    validator.validate(document)
    assert document["schema"] == "edgeswap.report/2"
    assert not validator.is_valid({**document, "stranger": 1})
    assert not validator.is_valid({key: value for key, value in document.items() if key != "int8"})


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", [*SAMPLES, *BENCHES])
def test_terminal_text_is_the_golden_one(name, width):
    golden = (GOLDEN / f"report_{name}_{width}.txt").read_text(encoding="utf-8")
    assert text((SAMPLES | BENCHES)[name](), width) == golden, REFRESH


@pytest.mark.parametrize("name", ["qat", "ptq", "several", "everywhere", *BENCHES])
def test_terminal_keeps_to_the_width_and_to_ascii_words(name):
    lines = text((SAMPLES | BENCHES)[name]()).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.isascii() or set(line) == {"─"} for line in lines)


def test_a_locale_without_unicode_prints_too():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal.render(several(), Console(file=stream, width=80))
    stream.flush()
    assert b"2.3x faster" in stream.buffer.getvalue()


def test_colour_adds_nothing_but_colour():
    coloured = text(failed(), force_terminal=True, color_system="standard")
    assert "\x1b[1;31mFailed" in coloured
    plain = re.sub("\x1b\\[[0-9;]*m", "", coloured)
    assert re.sub(" +$", "", plain, flags=re.MULTILINE) == text(failed())


def test_names_come_out_literally_on_the_terminal():
    shown = HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    printed = text(hostile(), 300, force_terminal=True, color_system="standard")
    assert shown in printed
    assert "\x1b[31m\\" not in printed
    assert "\u202e" not in printed


@pytest.mark.slow
def test_names_come_out_literally_on_the_page():
    page = page_of("hostile")
    tags, words = texts_of(page)
    assert not {tag for tag, _ in tags} & {"img", "iframe", "object", "link"}
    assert [attributes for tag, attributes in tags if tag == "script"] == [{}]  # the page's own, which its hash allows
    shown = HOSTILE.replace("\x1b", r"\x1b").replace("\u202e", r"\u202e")
    assert words.count(shown) >= 10
    assert "\x1b" not in page
    assert "\u202e" not in page


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_loads_nothing_and_reads_well_aloud(name):
    page = page_of(name)
    tags, _ = texts_of(page)
    used = {
        key: value
        for _, attributes in tags
        for key, value in attributes.items()
        if key in ("src", "href", "xlink:href")
    }
    assert all(value.startswith("#") for value in used.values())
    assert all(target.startswith("#") for target in re.findall(r"url\((.)", page))
    assert "@import" not in page
    assert "default-src 'none'" in page
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes.get("scope") for tag, attributes in tags if tag == "th")
    assert all(attributes.get("aria-label") for tag, attributes in tags if tag == "svg")
    assert ("html", {"lang": "en"}) in tags


def test_the_page_answers_in_the_order_a_stranger_asks():
    page = page_of("failed")
    assert re.findall("<h2>(.*?)</h2>", page) == [
        "Quality",
        "Latency",
        "int8 and float32",
        "What was swapped",
        "Quantization",
        "Operators",
        "Data",
        "Limits",
        "Warnings of targets",
        "How it was measured",
        "How to reproduce",
    ]
    assert page.index("Failed (max_drop") < page.index("<h2>")
    _, words = texts_of(page)
    for told in (
        "governor is powersave",
        "94,120 bytes, limit 95,000",
        "LOGISTIC",
        "3f9c3f9c3f9c",
        "3 float tensors, around ELU",
    ):
        assert told in words.replace(numbers.NBSP, " ")


def test_what_no_target_measured_is_never_shown_as_measured():
    shown, page = text(everywhere(), 100), texts_of(page_of("everywhere"))[1].replace(numbers.NBSP, " ")
    for words in (shown, page):
        told = " ".join(words.split())
        for expected in (
            "emulator:pi5 (tflite-runtime)",
            "175 M instr",
            "nstructions are not milliseconds" if words is shown else "not milliseconds",
            "23 of 24",
            "123,456",
            "0.247 ms",
            "61.4 kB",
            "nothing ran there" if words is shown else "Nothing ran on an NPU",
            "GELU (block_3_act)",
            "4 of 22 operators on the Edge TPU",
            "hands over to the CPU at HARD_SWISH in layer block_1_act",
            "No route to host. Check that the board is on.",
        ):
            assert expected in told
        assert told.count("emulated: instructions") == 1  # one warning of two results is told once
    assert "model_int8_ethos-u55-128.tflite" in shown
    assert shown.startswith("Incomplete (no figures from ssh://pi@board)")
    assert re.findall("<h2>(.*?)</h2>", page_of("everywhere"))[1:4] == ["Latency", "Estimated for NPUs", "Edge TPU"]


@pytest.mark.parametrize("sample", BENCHES.values(), ids=BENCHES)
def test_a_bench_is_in_the_records_of_an_export(sample):
    report = sample()
    assert records.BenchReport.model_validate_json(report.model_dump_json(by_alias=True)) == report
    assert json.loads(report.model_dump_json(by_alias=True))["schema"] == "edgeswap.bench/2"
    shared = {"float32", "int8", "comparison", "targets", "failures", "npus", "edgetpu"}
    fields = [{name: kind.model_fields[name].annotation for name in shared} for kind in (type(report), type(qat()))]
    assert {**fields[0], "comparison": None} == {**fields[1], "comparison": None}  # null where there were no data


def test_an_edge_tpu_that_runs_all_of_it_and_one_that_takes_nothing():
    mapping = everywhere().edgetpu.model_copy(update={"leaves_at": None, "cpu_operators": {}})
    assert npus.edge_tpu(mapping).startswith("4 of 4 operators on the Edge TPU, by Coral's table")
    refused = mapping.model_copy(update={"refused": "Its batch is not 1."})
    assert npus.edge_tpu(refused).endswith("The Edge TPU compiler rejects this model: Its batch is not 1.")


def test_without_labels_agreement_stands_in_for_accuracy():
    for shown in (text(ptq()), texts_of(page_of("ptq"))[1].replace(numbers.NBSP, " ")):
        assert "98.5 %" in shown
        assert "top-1 in" not in shown
    assert "95 % interval" not in text(ptq())
    assert "no labels" in page_of("ptq")
    with pytest.raises(ValueError, match="without labels"):
        plots.quality_plot(ptq())


@pytest.mark.slow
def test_a_report_without_any_speed_still_renders():
    report = qat(targets=[target(measurement(528), measurement(527), speedup_p50=None)])
    assert "faster" not in text(report)
    assert "not measured" in html.render(report)
    with pytest.raises(ValueError, match="latency"):
        plots.latency_plot(report)
    assert "No target was measured." in html.render(qat(targets=[]))
    assert "int8" in text(qat(targets=[]))


@pytest.mark.parametrize("plot", [plots.quality_plot, plots.latency_plot])
def test_plots_repeat_to_the_byte_and_leave_matplotlib_as_it_was(plot):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn = plot(several())
    assert drawn == plot(several())
    assert dict(mpl.rcParams) == before
    assert "<metadata" not in drawn
    assert ET.fromstring(drawn).attrib["role"] == "img"


def widths_of_bars(svg):
    bars = {}
    for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path"):
        colour = re.search(r"fill: var\(--(float32|int8)", element.get("style", ""))
        if colour and "clip-path" in element.attrib:
            x = [float(number) for number in re.findall(r"[ML] ([\d.]+)", element.get("d"))]
            bars.setdefault(colour[1], []).append(max(x) - min(x))
    return bars


@pytest.mark.slow
def test_bars_are_as_long_as_the_latencies_say():
    bars = widths_of_bars(plots.latency_plot(several()))
    ratios = [float32 / int8 for float32, int8 in zip(bars["float32"], bars["int8"], strict=True)]
    # coordinates have six decimals of a point
    assert ratios == pytest.approx([0.2134 / 0.0912, 11.42 / 4.21, 122.8 / 48.9], rel=1e-4)


def test_names_come_out_literally_in_a_plot():
    titles = [element.text for element in ET.fromstring(plots.latency_plot(hostile())).iter() if element.text]
    assert sum("</script>[red]b[/red]$x_1$" in title for title in titles) == 2


def test_points_stand_in_the_order_of_the_accuracies():
    report = qat(float32_swapped=None)
    x = [
        float(element.get("x"))
        for element in ET.fromstring(plots.quality_plot(report)).iter("{http://www.w3.org/2000/svg}use")
        if re.search(r"fill: var\(--(float32|int8)", element.get("style", ""))
    ]
    right = [528, 526, 529, 527]
    assert len(x) == 4
    per_sample = (x[2] - x[1]) / (right[2] - right[1])
    assert per_sample > 0
    assert [value - x[0] for value in x] == pytest.approx(
        [(count - right[0]) * per_sample for count in right], abs=1e-3
    )


def test_a_stage_far_off_is_an_arrow_and_keeps_its_value():
    without = plots.quality_plot(qat(float32_swapped=None))
    drawn = plots.quality_plot(qat())
    assert "41.3 % (37.2 to 45.5)" in drawn
    ticks = [re.findall(r">(\d+)</text>", svg) for svg in (without, drawn)]
    assert ticks[0] == ticks[1]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.percent(0.97407), "97.4 %"),
        (numbers.percent(None), "-"),
        (numbers.percent_interval((0.957, 0.9851)), "95.7 to 98.5 %"),
        (numbers.number_of_points(-0.001), "0.00"),
        (numbers.points_interval((-0.561, 0.93)), "-0.56 to 0.93"),
        (numbers.size(94_120), "94.1 kB"),
        (numbers.size(13_984_512), "13,985 kB"),
        (numbers.points_interval((0.004, 5.0)), "0.004 to 5.00"),
        (numbers.points_interval((-0.56, -0.00096)), "-0.56 to -0.0010"),
        (numbers.points_interval((0.0, 2.0)), "0.00 to 2.00"),
        (numbers.ratio(2.33, "faster", "slower", "as fast"), "2.3x faster"),
        (numbers.ratio(0.5, "faster", "slower", "as fast"), "2.0x slower"),
        (numbers.ratio(0.97, "faster", "slower", "as fast"), "as fast"),
        (numbers.ratio(12.4, "faster", "slower", "as fast"), "12x faster"),
        (numbers.three_digits(0.09123), "0.0912"),
        (numbers.three_digits(10.849), "10.8"),
        (numbers.instructions(48_917_000), "48.9 M"),
        (numbers.instructions(1_234_000_000), "1,230 M"),
        (numbers.instructions(999_600), "1.00 M"),
        (numbers.instructions(12_345), "12,300"),
        (numbers.instructions(812), "812"),
        (numbers.three_digits(1239.6), "1,240"),
        (shortened(["a", "b", "c", "d", "e"]), "a, b, c and 2 more"),
    ],
)
def test_numbers_read_as_people_write_them(shown, expected):
    assert shown.replace(numbers.NBSP, " ") == expected


@given(st.floats(1e-6, 1e7))
def test_three_digits_stay_within_half_a_unit_of_the_third(value):
    shown = numbers.three_digits(value)
    assert "e" not in shown
    # half a unit of the third digit is at most 0.5 % of the number
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=0.005001)


@pytest.mark.slow
@given(st.text())
def test_printable_text_is_printable_and_printable_text_is_kept(name):
    shown = say.printable(qat(left_to_calibration=[name])).left_to_calibration[0]
    assert shown.isprintable()
    if name.isprintable():
        assert shown == name


def test_the_verdict_names_what_was_missed_and_only_that():
    verdict = say.verdict(failed())
    assert verdict.startswith("Failed (max_drop")
    assert "max_latency_ms" in verdict
    assert "max_size" not in verdict
    assert say.verdict(qat(passed=False, limits=[])).startswith("Failed: ")
    assert say.verdict(qat(limits=[])).startswith("Exported (no limits were set): ")
    assert say.verdict(qat(targets=[])).count("\n") == 0


def test_one_point_is_singular():
    limit = records.Limit(name="max_drop", limit=1.0, value=1.0, passed=True)
    assert limit_text(limit, qat()).replace(numbers.NBSP, " ") == "1 point, limit 1"


def test_a_gain_in_accuracy_reads_as_one():
    comparison = qat().comparison.model_copy(update={"drop": -200 / 540, "mcnemar_p": 0.5})
    assert "int8 gets 2 more right" in say.significance(qat(comparison=comparison))
    comparison = comparison.model_copy(update={"drop": 0.0})
    assert "get the same number right" in say.significance(qat(comparison=comparison))


def test_models_that_agree_on_all_have_no_difference_that_could_be_chance():
    comparison = qat().comparison.model_copy(update={"drop": 0.0, "agreement": 1.0})
    said = say.significance(qat(comparison=comparison))
    assert said.replace(numbers.NBSP, " ").endswith("Both give the same class on 100.0 %.")


@pytest.mark.parametrize(
    ("drop", "words"), [(0.37, "0.37 points below"), (-0.19, "0.19 points above"), (0, "equal to")]
)
def test_the_control_is_compared_in_plain_words(drop, words):
    comparison = qat().comparison.model_copy(update={"control_drop": drop})
    assert say.control(qat(comparison=comparison)).startswith(f"int8 top-1 is {words} the float32 control")
    assert say.control(ptq()) == ""


@pytest.mark.parametrize("created", ["2026-11-21T21:58:59Z", "2026-11-21T21:58:59+00:00", "2026-11-21T22:58:59+01:00"])
def test_times_are_utc_to_the_minute(created):
    assert numbers.day_and_time(created) == "2026-11-21 21:58 UTC"


def test_green_is_for_limits_that_hold():
    assert [re.search(r'class="verdict ?(\w*)"', page_of(name)).group(1) for name in ("qat", "failed", "ptq")] == [
        "held",
        "failed",
        "",
    ]


@pytest.mark.slow
def test_a_gain_is_called_one_and_its_table_keeps_its_words_whole():
    change = {"drop": -14.0, "drop_ci95": (-17.48, -10.52), "size_ratio": 12.9}
    report = qat(comparison=qat().comparison.model_copy(update=change))
    slow = target(measurement(535, 0.03381), measurement(534, 0.01701))
    report = report.model_copy(update={"targets": [slow]})
    assert "gain 14.00 points, 95 % interval 10.52 to 17.48" in text(report, 100).replace("\n", " ")
    assert "gain from float32" in html.render(report)
    names = [line[:12].strip() for line in text(report).splitlines()]
    assert {"after swap", "recovered", "control", "gain"} <= set(names)


@pytest.mark.slow
def test_the_command_can_be_pasted_into_a_shell():
    typed = ["edgeswap", "export", "--data", "photos of leaves/", "--swap", "block_1*=relu6"]
    assert shlex.split(say.command(qat(command=typed))) == typed
    assert "photos of leaves" in html.render(qat(command=typed))
    assert say.command(qat(command=[])) is None
    assert "started from Python" in html.render(qat(command=[]))


def test_what_only_concerns_other_runtimes_is_not_said_of_a_microcontroller():
    report = qat(dense_scales_by="target")
    report = report.model_copy(update={"int8": report.int8.model_copy(update={"dense_scales": "per channel"})})
    assert "TFLite 2.9" in quantized.dense(report)
    needs = records.MicroMeasurement(
        arena=records.ArenaUse(total_bytes=3000, head_bytes=2000, tail_bytes=1000), operators=["AddConv2D"]
    )
    one = report.targets[0]
    micro = one.model_copy(update={"int8": one.int8.model_copy(update={"micro": needs})})
    told = "Dense layers have per-channel weight scales, one for each unit, chosen for the first target."
    assert quantized.dense(report.model_copy(update={"targets": [micro]})) == told
    assert "TFLite 2.9" in quantized.dense(report.model_copy(update={"targets": [micro, one]}))


@pytest.mark.parametrize("precision", ["int16x8", "float16"])
def test_another_precision_is_called_by_its_name(precision):
    report = qat(precision=precision, method="ptq", ranges=None, parity=None, input_examples=[])
    page, shown = html.render(report), text(report, 100)
    assert f"the {precision} model has" in shown.replace("\n", " ")
    assert "int8" not in shown.replace("model_int8", "").replace("--int8", "")
    visible = re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]*>|model_int8|--int8", "", page, flags=re.DOTALL)
    assert "int8 " not in visible.replace("int8 weights", "")
    assert f"float32 to {precision}" in page
    assert say.stages(report)[-1].name == precision


@pytest.mark.slow
def test_rendering_needs_no_tensorflow_and_importing_no_matplotlib():
    code = (
        "import sys; from edgeswap.report import benched, html, npus, plots, terminal; "
        "sys.exit(bool({'tensorflow', 'keras', 'tf_keras', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scales", "by", "told"),
    [
        ("per tensor", "target", "per-tensor weight scales, chosen for the Edge TPU."),
        ("per tensor", "user", "per-tensor weight scales, as --dense-scales says."),
        ("per tensor", None, "per-tensor weight scales."),
        ("per channel", "target", "per-channel weight scales, one for each unit, chosen for the first target."),
        ("per channel", "user", "per-channel weight scales, one for each unit, as --dense-scales says."),
    ],
)
def test_the_scales_of_dense_weights_are_told_with_the_reason(scales, by, told):
    report = qat().model_copy(update={"dense_scales_by": by})
    report = report.model_copy(update={"int8": report.int8.model_copy(update={"dense_scales": scales})})
    sentence = f"Dense layers have {told}"
    shown = " ".join(text(report, 200).split())
    assert sentence in shown
    assert "TFLite 2.9" in shown
    assert sentence in html.render(report)
    assert "Dense layers" not in text(qat())


@pytest.mark.slow
def test_inputs_that_the_app_normalizes_are_told():
    report = qat().model_copy(update={"normalized_by_app": ["weather"]})
    sentence = "The app normalizes weather, feature by feature, as the model's own layer did"
    assert sentence in text(report, 200)
    assert sentence in texts_of(html.render(report))[1]
    assert "normalizes" not in text(qat(), 200)


if __name__ == "__main__":
    for name, record in SCHEMAS.items():
        SCHEMA.with_name(name).write_text(json.dumps(schema(record), indent=2) + "\n", encoding="utf-8")
    for name, sample in (SAMPLES | BENCHES).items():
        for width in (80, 120):
            (GOLDEN / f"report_{name}_{width}.txt").write_text(text(sample(), width), encoding="utf-8")
