"""What int8 will gain on a Pi, told before training: against what the emulator counted for whole networks."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgeswap.compatibility.expected_gain import expected_gain, little_gain, table
from edgeswap.compatibility.findings import CheckReport
from edgeswap.compatibility.graph_findings import check
from edgeswap.compatibility.tflite_findings import check_everywhere
from edgeswap.compatibility.work import Work, of_file, of_graph
from edgeswap.report import checked as rendering
from edgeswap.targets.emulator.pi import PIS, PREFIX
from edgeswap.targets.names import backend_of
from edgeswap.tflite.flatbuffer import read
from tests.tflite_models import BUILTIN, island
from tests.tiny_tflite import classifier, streaming

PI4, PI5 = backend_of("emulator:pi4"), backend_of("emulator:pi5")
# Of the instructions of whole networks: an operator's depend on more than its kind and size.
OFF_BY = 0.1


def shown(report: CheckReport) -> str:
    from rich.console import Console

    stream = io.StringIO()
    rendering.render(report, Console(file=stream, width=100))
    return " ".join(stream.getvalue().split())


@pytest.fixture(scope="module")
def mobilenet() -> Any:
    """MobileNetV2 at 224x224, untrained: instructions do not depend on weights."""
    from edgeswap.model.zoo import mobilenet_v2

    return mobilenet_v2.build()


# Counted for whole models, see "emulator" in benchmarks/README.md: 1.09 and 2.45.
@pytest.mark.slow
def test_mobilenet_v2_gains_what_the_emulator_counted(mobilenet: Any) -> None:
    from edgeswap.compatibility.keras_findings import check_model

    report = check_model(mobilenet, [PI4, PI5, backend_of("host")])
    four, five, host = report.targets
    assert host.gain is None
    for target, float32, int8 in ((four, 123.3e6, 113.7e6), (five, 120.5e6, 49.2e6)):
        assert target.gain is not None
        assert target.gain.float32_instructions == pytest.approx(float32, rel=OFF_BY)
        assert target.gain.int8_instructions == pytest.approx(int8, rel=OFF_BY)
        assert target.gain.ratio == pytest.approx(float32 / int8, rel=OFF_BY)
        assert target.passed
    (note,) = (finding for finding in four.findings if finding.what == "little gain in speed")
    assert note.severity == "note"
    assert "A Cortex-A72 has no dot-product instructions" in note.why
    assert not [finding for finding in five.findings if finding.what == "little gain in speed"]
    assert "fewer instructions: about" in shown(report)


@pytest.mark.slow
def test_a_graph_tells_the_same_work_as_the_file_it_becomes() -> None:
    from edgeswap.compatibility.predicted_operators import lower
    from edgeswap.frameworks import keras as k
    from edgeswap.frameworks import tf
    from edgeswap.graph.canonicalize import canonicalize
    from edgeswap.graph.read import read as read_model
    from edgeswap.tflite.operator import Operation

    x = k.Input(batch_shape=(1, 12, 12, 3))
    y = k.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    y = k.layers.SeparableConv2D(12, 3, padding="same", depth_multiplier=2)(y)
    y = k.layers.DepthwiseConv2D(5, padding="same")(y)
    y = k.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(y)
    y = k.layers.MaxPooling2D(2)(k.layers.Activation("sigmoid")(y))
    y = k.layers.Conv2D(16, 2)(y)
    model = k.Model(x, k.layers.Dense(5)(k.layers.GlobalAveragePooling2D()(y)))
    graph = canonicalize(read_model(model))
    lowered = lower(graph)
    calls = [
        (node, Operation(name, tuple(map(graph.shape, node.refs())), node.shapes))  # type: ignore[arg-type]
        for node in graph.nodes
        for name in lowered[node.name].operators  # type: ignore[union-attr]
    ]
    file = of_file(read(tf.lite.TFLiteConverter.from_keras_model(model).convert()))
    expected = of_graph(graph, calls)
    assert expected is not None
    assert summed(expected) == summed(file)
    assert {"CONV_2D of few channels", "CONV_2D 1x1", "CONV_2D", "TRANSPOSE_CONV"} <= set(summed(file))


def summed(works: Sequence[Work]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for work in works:
        found[work.kind] += work.amount
    return dict(found)


def test_a_file_is_told_its_gain_without_tensorflow(tmp_path: Path) -> None:
    import numpy as np

    data = classifier(tmp_path / "m.tflite", np.ones((64, 1024), np.int8), (32, 32, 1), scale=1 / 255).read_bytes()
    report = check_everywhere(data, [PI5, backend_of("mobile")], name="m.tflite")
    five, mobile = report.targets
    assert five.gain is not None
    rates = table()["targets"]["emulator:pi5"]["instructions"]["FULLY_CONNECTED"]
    base = table()["targets"]["emulator:pi5"]["base"]
    assert five.gain.int8_instructions == pytest.approx(base["int8"] + 64 * 1024 * rates["int8"])
    assert five.gain.float32_instructions == pytest.approx(base["float32"] + 64 * 1024 * rates["float32"])
    assert mobile.gain is None
    assert re.search(r"about [1-9][\d,]* an inference, float32 [1-9][\d,]*\.", shown(report))  # it had 0.0 M


def test_a_model_that_cannot_be_int8_there_has_no_gain(tmp_path: Path) -> None:
    from tests.test_check import ERF, act, chain

    assert check(chain(act("sigmoid")), PI4).gain is not None
    blocked = check(chain(act("sigmoid"), ERF), PI4)
    assert blocked.gain is None
    assert not [finding for finding in blocked.findings if finding.what == "little gain in speed"]
    elsewhere = [finding for finding in blocked.findings if finding.severity == "blocks"]
    assert check(chain(act("sigmoid")), PI4, also=elsewhere).gain is None
    half_float = island((0.05, 0), (0.05, 0), (BUILTIN.LOGISTIC, None))
    in_float = streaming(tmp_path / "s.tflite", 4).read_bytes()  # it says what int8 would bring
    (first,), (second,) = (check_everywhere(data, [PI4], name="m").targets for data in (half_float, in_float))
    assert (first.gain, second.gain is None, first.passed, second.passed) == (None, False, False, False)


def test_what_is_not_in_the_table_is_named_and_counted_for_neither() -> None:
    works = [Work("CONV_2D 1x1", 10**6), Work("CUSTOM_OF_MINE", 10**9)]
    gain = expected_gain(works, "emulator:pi5")
    assert gain is not None
    assert gain.not_counted == ["CUSTOM_OF_MINE"]
    assert gain.ratio == expected_gain(works[:1], "emulator:pi5").ratio  # type: ignore[union-attr]
    assert expected_gain(works[1:], "emulator:pi5") is None
    assert expected_gain(None, "emulator:pi5") is None
    assert little_gain(None) == []


def test_without_the_operator_that_weighs_most_nothing_is_said_of_little_gain() -> None:
    gain = expected_gain([Work("CONV_2D 1x1", 10**6)], "emulator:pi4")
    assert gain is not None
    little = gain.model_copy(update={"ratio": 1.0})
    assert len(little_gain(little)) == 1
    assert len(little_gain(little.model_copy(update={"not_counted": ["GELU"]}))) == 1
    assert little_gain(little.model_copy(update={"not_counted": ["UNIDIRECTIONAL_SEQUENCE_LSTM"]})) == []


def test_the_table_is_of_the_pis_that_are_emulated() -> None:
    found = table()["targets"]
    assert set(found) == {f"{PREFIX}{name}" for name in PIS}
    for name, pi in PIS.items():
        of_pi = found[f"{PREFIX}{name}"]
        assert (of_pi["core"], of_pi["dot_products"]) == (pi.core, "asimddp" in pi.features)
        assert all(rate["float32"] > 0 and rate["int8"] > 0 for rate in of_pi["instructions"].values())


@pytest.mark.parametrize("pi", PIS)
def test_a_network_that_is_not_in_the_table_comes_out_near_what_was_counted(pi: str) -> None:
    for counts in table()["targets"][f"{PREFIX}{pi}"]["networks"].values():
        for dtype in ("float32", "int8"):
            assert counts[f"{dtype} by the table"] == pytest.approx(counts[f"{dtype} counted"], rel=0.2), dtype
