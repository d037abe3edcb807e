"""The speed benchmarks' own arithmetic; `benchmarks/README.md` holds what they measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import measuring
from tests.tflite_models import run
from tests.tiny_tflite import classifier

NAMES = ["int8 clipped_elu", "int8 relu6"]


def answer(blocks: Sequence[Sequence[Sequence[float]]]) -> dict[str, Any]:
    """What the device script says of models with these blocks of times, as far as it is read."""
    models = [
        {
            "latency_ms": {"p50": float(np.median(np.concatenate(own))), "blocks": own, "runs": sum(map(len, own))},
            "operators": {"CONV_2D": 2, "ELU": 3},
            "delegates": [{"name": "xnnpack", "partitions": 2, "operators": 4}],
        }
        for own in blocks
    ]
    return {
        "models": models,
        "machine": {"cpu": "a CPU"},
        "other_load_cores": 0.25,
        "runtime": {"name": "ai-edge-litert", "version": "2.3.0"},
        "created": "2026-11-21T23:00:00+00:00",
    }


def test_a_ratio_is_taken_within_blocks_so_that_a_drift_of_the_machine_does_not_reach_it() -> None:
    from benchmarks import latency

    # The machine slows down from block to block: over the whole run the medians are 11 and 20.
    drifting = answer([[[11.0, 11.0, 11.0], [22.0], [33.0]], [[10.0, 10.0, 90.0], [20.0], [30.0]]])
    slow, reference = latency.rows(NAMES, drifting)
    assert slow.ratio == pytest.approx(1.1)
    assert slow.ratio_p10 == pytest.approx(11.0 / 10.0)
    assert slow.spread == pytest.approx((1.1, 1.1))
    assert (reference.ratio, reference.spread) == (1.0, (1.0, 1.0))
    assert (slow.operators, slow.taken, slow.partitions) == (5, 4, 2)
    assert (slow.p50_ms, slow.added_ms, slow.missed()) == (11.0, -9.0, None)


def test_only_what_is_held_to_the_limit_can_miss_it_and_the_section_says_so() -> None:
    from benchmarks import latency

    found = answer([[[11.6], [11.6]], [[10.0], [10.0]]])
    slow, reference = latency.rows(NAMES, found)
    assert slow.missed() == "int8 clipped_elu: 1.16 times int8 relu6, at most 1.15"
    few = answer([[[11.0] * 9, [11.0] * 9], [[10.0] * 7 + [9.0] * 2, [10.0] * 7 + [9.0] * 2]])
    assert latency.rows(NAMES, few)[0].missed() == "int8 clipped_elu: 1.22 times int8 relu6, at most 1.15"
    assert latency.rows([latency.AS_CONVERTED, latency.REFERENCE], found)[0].missed() is None
    text = latency.section([slow, reference], found, 5_500_000, "the command", [3])
    assert "Missed: int8 clipped_elu: 1.16" in text
    assert "| int8 clipped_elu | 11.60 ms | +1.60 ms | 1.16 | 1.16 to 1.16 | 1.16 | 4 of 5 | 2 |" in text
    assert "All three hold" in latency.section([reference], found, 5_500_000, "the command", [3])


@pytest.mark.slow
def test_a_profile_leaves_operators_out_and_everything_else_in_place() -> None:
    from benchmarks import latency
    from edgeswap.conversion.convert import convert
    from edgeswap.frameworks import tf_keras
    from edgeswap.tflite.flatbuffer import operators, read

    inputs = tf_keras.Input((4, 4, 2))
    x = tf_keras.layers.Conv2D(3, 1, activation="swish")(inputs)
    x = tf_keras.layers.Conv2D(5, 1, activation="swish")(x)
    model = tf_keras.Model(inputs, tf_keras.layers.GlobalAveragePooling2D()(x))
    data = convert(model, precision="float32")
    assert operators(read(data)) == {"CONV_2D": 2, "LOGISTIC": 2, "MEAN": 1, "MUL": 2}
    assert latency.values_written(data, "LOGISTIC") == 4 * 4 * (3 + 5)
    assert operators(read(latency.without(data, ["LOGISTIC"]))) == {"CONV_2D": 2, "MEAN": 1, "MUL": 2}
    plain = latency.without(data, ["LOGISTIC", "MUL"])
    assert operators(read(plain)) == {"CONV_2D": 2, "MEAN": 1}
    weights = [layer.get_weights() for layer in model.layers if layer.weights]
    sample = np.random.default_rng(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
    linear = sample
    for kernel, bias in weights:
        linear = linear @ kernel[0, 0] + bias
    np.testing.assert_allclose(run(plain, sample), linear.mean(axis=(1, 2)), atol=1e-5)


def test_edgeswap_is_compared_with_the_bare_converter_of_the_same_turn() -> None:
    from benchmarks import conversion_time

    seconds = {"edgeswap": [10.0, 40.0, 13.0], "bare": [10.0, 20.0, 10.0]}
    assert conversion_time.ratio(seconds) == pytest.approx(1.3)
    text = conversion_time.section({"relu6": seconds}, "the command", [2, 3], 0.5)
    assert "| relu6 | 13.0 s | 10.0 s | 1.30 | 1.00 to 2.00 |" in text
    assert "It holds" in text
    text = conversion_time.section({"relu6": {**seconds, "edgeswap": [14.0] * 3}}, "the command", [2, 3], 0.5)
    assert "Missed with relu6" in text


@pytest.mark.slow
@pytest.mark.rare  # a benchmark's clock alone; the next test has what it notes
def test_the_converter_process_tells_when_its_import_is_done() -> None:
    from benchmarks.conversion_time import ImportClock
    from edgeswap.conversion import process
    from edgeswap.conversion.convert import convert
    from edgeswap.frameworks import tf_keras

    process._standing.close()  # one that has served before has imported TensorFlow already
    tiny = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2)])
    clock = ImportClock()
    started = time.perf_counter()
    convert(tiny, precision="float32", progress=clock)
    whole_s = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, capture_output=True)
    import_s = time.perf_counter() - started
    # The import is most of the conversion of one small layer; a machine's load may change it between the two.
    assert 0.4 * import_s < clock.seconds < whole_s


def test_the_clock_notes_only_the_converter_s_own_step() -> None:
    from benchmarks.conversion_time import ImportClock

    clock = ImportClock()
    with clock.step("Hand over", 1) as step:
        step.advance(1)
    with clock.step("Convert") as step:
        step.advance(0, "import TensorFlow")
        assert clock.seconds == 0
        time.sleep(0.02)
        step.advance(0, "load")
        noted = clock.seconds
        assert noted >= 0.02
        step.advance(1, "calibrate")
    assert clock.seconds == noted


def test_what_measuring_adds_is_held_to_two_seconds_and_a_tenth() -> None:
    pairs = [(10.0, 12.0), (20.0, 23.5), (10.0, 13.0)]
    assert measuring.added_s(pairs) == pytest.approx(3.0)
    assert measuring.allowed_s(pairs) == pytest.approx(3.0)
    assert measuring.missed(pairs, {}, cores=4) == []
    assert measuring.missed([(10.0, 13.1)], {}, cores=4) == ["measuring adds 3.10 s, at most 3.00"]


def test_what_the_workers_gain_is_held_to_the_cores() -> None:
    pairs = [(2.8, 1.0), (5.0, 1.0), (2.0, 1.0)]
    assert measuring.gain(pairs) == pytest.approx(2.8)
    assert measuring.missed([(1.0, 1.0)], {"int8": pairs}, cores=4) == []
    assert measuring.missed([(1.0, 1.0)], {"int8": [(2.7, 1.0)]}, cores=4) == ["int8: 2.70 times as fast, at least 2.8"]
    cpu = [(2.7, 3.1), (2.6, 3.0), (2.8, 3.2)]
    text = measuring.section(
        [(1.0, 1.5)], {"int8": pairs}, {"int8": cpu}, command="", pinned=range(4), others=(0.1, 0.2)
    )
    assert "| wall time | 1.00 s | 1.50 s | 0.50 s | 2.10 s |" in text
    assert "| int8 | 0.280 ms | 2.80 s | 1.00 s | 2.80 | 2.00 to 5.00 | 2.70 s | 3.10 s |" in text


@pytest.mark.slow
def test_the_loop_and_the_workers_say_the_same_of_every_image(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 2, 2), np.uint8)
    np.savez(tmp_path / f"{measuring.MANY_IMAGES}.npz", x=images)
    for name, scale in (("float32", 0.0), ("int8", 1 / 255)):
        classifier(tmp_path / f"{name}.tflite", np.eye(3, 4), (2, 2), scale=scale)
    code = (
        "import sys; from pathlib import Path; from benchmarks import measuring; folder = Path(sys.argv[1])\n"
        "seconds = measuring.many(folder, turn=0)\n"
        "_, classes = measuring.loop(folder / 'float32.tflite', folder / '10000.npz')\n"
        "positive = min(min(clocks['wall']) for clocks in seconds.values()) > 0\n"
        "print(*seconds, positive, 'tensorflow' in sys.modules, *classes)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(measuring.__file__).parents[1])
    *found, positive, tensorflow = done.stdout.split()[:4]
    assert (found, positive, tensorflow) == (["float32", "int8"], "True", "False")
    expected = images.reshape(300, 4)[:, :3].argmax(axis=1)
    assert done.stdout.split()[4:] == [str(label) for label in expected]


def test_two_sides_that_differ_are_no_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "loop", lambda *_: (1.0, np.array([0, 1])))
    monkeypatch.setattr(measuring, "workers", lambda *_: (1.0, np.array([0, 2])))
    with pytest.raises(RuntimeError, match="the same classes"):
        measuring.many(tmp_path, turn=0)


def test_the_load_of_others_is_what_the_pinned_cores_did_but_for_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [0.25, 0.25, 0.25, 0.25]
    monkeypatch.setattr(measuring, "busy_s", lambda: {0: 10.0, 1: 5.0})
    monkeypatch.setattr(measuring.os, "times", lambda: (0.0, 0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(measuring.time, "monotonic", lambda: 100.0)
    load = measuring.OtherLoad([0])
    monkeypatch.setattr(measuring, "busy_s", lambda: {0: 14.0, 1: 99.0})
    monkeypatch.setattr(measuring.os, "times", lambda: (*own, 102.0))
    monkeypatch.setattr(measuring.time, "monotonic", lambda: 102.0)
    assert load.cores() == pytest.approx(1.5)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_work_shows_on_the_core_that_it_was_pinned_to() -> None:
    code = (
        "import time; from benchmarks import measuring\n"
        "(core,) = measuring.pin(None, 1); before = measuring.busy_s()[core]; started = time.process_time()\n"
        "while time.process_time() - started < 0.5: pass\n"
        "print(measuring.busy_s()[core] - before)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(measuring.__file__).parents[1])
    assert float(done.stdout) > 0.45  # the kernel counts in ticks of 10 ms
