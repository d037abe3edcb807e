"""The fake-quant model against its .tflite: agreement, ties, and where they part."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgeswap.conversion.convert import convert
from edgeswap.evaluation import inner_tensors
from edgeswap.evaluation.parity import layer_snr_db, layers_on_grid, parity
from edgeswap.frameworks import tf_keras
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.targets.raw_outputs import RawOutput
from edgeswap.tflite.flatbuffer import read as read_tflite
from edgeswap.tflite.flatbuffer import tensors, write
from edgeswap.tflite.lower import lower
from tests.test_qat import SAMPLES, float_graph

pytestmark = pytest.mark.slow  # nearly all of them look at `exported`
ACTIVATIONS = ("hard_swish", "clipped_elu(alpha=0.5)", "relu6")
# int8 and fake-quant round the same values to the same steps, but for sums that fall near a half: at worst a few
# values in a hundred are one step off, of a range that is some 60 steps wide in the root mean square.
ALIKE_DB = 30.0


@pytest.fixture(scope="module")
def exported():
    """Activation to its fake-quant model and the int8 file, made once."""
    made = {}
    for activation in ACTIVATIONS:
        placement = place(float_graph(activation), input_ranges={"image": (0.0, 1.0)})
        model = quantize(placement, resolve(placement, calibrate(placement, [SAMPLES])))
        made[activation] = model, lower(convert(model, representative=[SAMPLES[:1]]), runtime="ai-edge-litert")
    return made


def given_by(data):
    """What the int8 model gives for each sample, as `measure` brings it."""
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in SAMPLES:
        pixels = np.clip(np.round(sample * 255) - 128, -128, 127).astype(np.int8)
        interpreter.set_tensor(taken["index"], pixels[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(given["index"])[0])
    scale, zero_point = given["quantization"]
    return RawOutput("logits", np.array(found), scale, zero_point, False)


def chosen(classes, count):
    """An output that is highest for these classes."""
    return RawOutput("logits", np.eye(count, dtype=np.float32)[classes], 0.0, 0, False)


def compared(model, data, output, *, read):
    return parity(model, data, read=read, outputs=[output], names=["logits"], by_class=True)


def read(rows):
    return [SAMPLES[rows]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_int8_does_what_the_fake_quant_model_does(exported, activation):
    model, data = exported[activation]
    found, caution = compared(model, data, given_by(data), read=read)
    assert caution is None
    assert found.samples == len(SAMPLES)
    assert found.layers >= 5
    # The network is not trained: its classes lie a few steps apart, so that one step decides.
    assert found.agreement is not None
    assert found.agreement >= 0.8
    assert found.worst_layer_snr_db is not None
    assert found.worst_layer_snr_db >= 20


def test_every_layer_with_a_range_is_compared_and_alike(exported):
    model, data = exported["clipped_elu(alpha=0.5)"]
    ratios = layer_snr_db(model, data, [SAMPLES[:4]])
    layers = {"image_range", "bn1", "act1_elu", "act1", "depthwise", "act2_elu", "act2", "add", "pool", "logits"}
    assert set(ratios) == layers
    assert ratios["bn1"] >= ALIKE_DB
    assert ratios["act1"] >= ALIKE_DB


@pytest.mark.parametrize("activation", ["relu6", "clipped_elu(alpha=0.5)"])
def test_values_of_the_worst_layers_are_told_before_they_are_rounded(exported, activation):
    model, data = exported[activation]
    before = np.asarray(model(SAMPLES[:4], training=False))
    found, _ = compared(model, data, given_by(data), read=read)
    told = {one.layer: one for one in found.on_grid}
    assert list(told) == list(found.layer_snr_db)[:8]
    assert [one.snr_db for one in found.on_grid] == list(found.layer_snr_db.values())[:8]
    for one in found.on_grid:
        # Each share is rounded to 5 digits, of 34 at most.
        assert sum(one.values.shares) + one.values.below + one.values.above == pytest.approx(1, abs=34 * 5e-6)
    if activation == "relu6":
        # The convolution before it writes into the range of the activation, by a scale for each channel.
        assert told["act1"].weights_layer == "conv"
        assert (told["act1"].weights.low, told["act1"].weights.above) == (None, 0.0)
        # From 0 on: half of the values or more are zero.
        assert told["act1"].values.shares[0] > 0.2
    # The model rounds again as before.
    np.testing.assert_array_equal(np.asarray(model(SAMPLES[:4], training=False)), before)


def test_values_beyond_the_range_are_told_as_cut(exported):
    model, _ = exported["relu6"]
    (at_a_tenth,) = layers_on_grid(model, {"image_range": None}, [SAMPLES[:4] * 2])
    beyond = float(np.mean(SAMPLES[:4] * 2 > 1 + 1.5 / 255))
    assert at_a_tenth.values.above == pytest.approx(beyond, abs=1e-5)
    assert at_a_tenth.weights is None


def test_the_layer_where_they_part_is_named(exported):
    model, data = exported["hard_swish"]
    broken = read_tflite(data)
    constants = [index for index, tensor in enumerate(tensors(broken)) if "net/depthwise" in tensor.name]
    weights = next(
        tensor
        for index, tensor in enumerate(broken.subgraphs[0].tensors)
        if index in constants
        and broken.buffers[tensor.buffer].data is not None
        and tensor.type == schema.TensorType.INT8
    )
    kernel = np.asarray(broken.buffers[weights.buffer].data, np.uint8).view(np.int8)
    broken.buffers[weights.buffer].data = (-kernel).view(np.uint8)
    ratios = layer_snr_db(model, write(broken), [SAMPLES[:4]])
    assert min(ratios["bn1"], ratios["act1"]) >= ALIKE_DB
    assert ratios["depthwise"] < 6
    found, _ = compared(model, write(broken), given_by(data), read=read)
    assert found.worst_layer in ("depthwise", "act2")


def as_they_are(classes):
    """A model that gives what it is given."""
    given = tf_keras.Input((classes,))
    return tf_keras.Model(given, tf_keras.layers.Rescaling(1.0)(given))


def test_ties_are_counted_apart(exported):
    _, data = exported["relu6"]
    rows = np.array([[3, 1, 0], [2, 2, 0], [0, 5, 1], [1, 1, 1]], np.float32)
    found, _ = compared(as_they_are(3), data, chosen([0, 0, 2, 1], 3), read=lambda some: [rows[some]])
    assert (found.samples, found.ties, found.agreement) == (4, 2, 0.5)
    assert (found.layers, found.worst_layer, found.worst_layer_snr_db) == (0, None, None)


def test_of_many_samples_some_are_compared_evenly_spaced(exported, monkeypatch):
    monkeypatch.setattr("edgeswap.evaluation.parity.SAMPLES", 3)
    model, data = exported["relu6"]
    asked = []

    def noting(rows):
        asked.append(list(rows))
        return read(rows)

    found, _ = compared(model, data, given_by(data), read=noting)
    assert found.samples == 3
    assert asked[0] == [0, (len(SAMPLES) - 1) // 2, len(SAMPLES) - 1]


def test_with_ties_alone_there_is_no_agreement(exported):
    _, data = exported["relu6"]
    zeros = np.zeros((3, 3), np.float32)
    found, _ = compared(as_they_are(3), data, chosen([0, 0, 0], 3), read=lambda some: [zeros[some]])
    assert (found.ties, found.agreement) == (3, None)


def test_a_report_holds_parity_and_ranges_as_its_settings_ask(tiny, edgeswap, place):
    data = ["--data", tiny / "train.npz", "--test-data", tiny / "test.npz", "--preprocess", "unit"]
    asked = ["--activation", "pact", "--ranges", "learned", "--recover-epochs", 0, "--epochs", 1, "--output", "out"]
    ran = edgeswap("export", tiny / "tiny.keras", *data, *asked)
    assert ran.code == 0, ran.stderr
    report = json.loads((place / "out" / "report.json").read_text())
    # The input stands; conv and its pact are one range, and the logits have another.
    assert {name: value for name, value in report["ranges"].items() if name != "activations"} == {
        "policy": "learned",
        "fixed": 2,
        "narrowed": 0,
        "observed": 0,
        "saturated": 0,
        "searched": 0,
        "learned": 4,
    }
    assert report["parity"]["samples"] == report["int8"]["quality"]["samples"]
    assert report["parity"]["agreement"] >= 0.95  # trained, so its classes lie further apart than a step
    assert report["parity"]["layers"] == 3
    assert "4 learned" in ran.stdout
    assert "fake-quant model" in " ".join(ran.stdout.split())


@pytest.mark.parametrize(
    ("fault", "how"),
    [
        ("import os; os.abort()", "was ended by SIGABRT"),
        ("import time; time.sleep(600)", "did not end within 0.5 s"),
        ("raise SystemExit('no such operator')", "ended with exit code 1"),
    ],
)
def test_an_interpreter_that_crashes_or_hangs_costs_the_comparison_of_layers_alone(exported, monkeypatch, fault, how):
    monkeypatch.setattr(inner_tensors, "WORKER", (sys.executable, "-c", fault))
    monkeypatch.setattr(inner_tensors, "TIMEOUT_S", 0.5 if "sleep" in fault else 60.0)
    model, data = exported["relu6"]
    found, caution = compared(model, data, given_by(data), read=read)
    assert found.agreement >= 0.8
    assert (found.layers, found.worst_layer, found.worst_layer_snr_db) == (0, None, None)
    assert caution.kind == "layers_not_compared"
    assert how in caution.problem
    assert ("no such operator" in caution.remedy) == ("operator" in fault)
