"""The real emulator: Arm's Python under QEMU, with both runtimes; the root is built once, then found in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.activations.catalog import parse
from edgeswap.activations.layers import activation_layer
from edgeswap.conversion.convert import Conversion, convert_all
from edgeswap.errors import TargetError
from edgeswap.frameworks import keras
from edgeswap.graph.build import build as build_graph
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.ir import Graph
from edgeswap.graph.read import read
from edgeswap.progress import Silent
from edgeswap.quantization.calibrate import calibrate
from edgeswap.quantization.placement import place
from edgeswap.quantization.qat import quantize
from edgeswap.quantization.ranges import resolve
from edgeswap.system import shipped
from edgeswap.targets.emulator import target as emulator
from edgeswap.targets.emulator.root import BUILD
from edgeswap.targets.emulator.target import EMULATED, Emulator
from edgeswap.targets.host import Host
from edgeswap.targets.measure import Target, measure
from edgeswap.targets.script import SCRIPT
from edgeswap.tflite.lower import lower
from tests.tiny_tflite import classifier

pytestmark = pytest.mark.slow

# All that are bounded, and those that have no ceiling but fit into int8 well.
ACTIVATIONS = (
    *("relu6", "relu_n(max_value=4)", "pact", "hard_tanh", "hard_sigmoid", "sigmoid", "tanh"),
    *("clipped_elu", "clipped_elu(alpha=0.5, max_value=2)", "hard_swish", "swish"),
)
FORMS = ("operator", "rewritten")  # of hard_swish
OUTPUTS = 32  # of each activation: 4x4 of 2 channels
PIXELS = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 3), dtype=np.uint8)
LABELS = np.random.default_rng(1).integers(0, OUTPUTS * len(ACTIVATIONS), 48)
IMAGES = PIXELS.astype(np.float32) / 255


@pytest.fixture(scope="module")
def root() -> Path:
    """What the emulator runs in, in the user's cache: built now if it is not there."""
    lacking = [sentence for sentence in emulator.missing() if BUILD not in sentence]
    if lacking:
        pytest.skip(" ".join(lacking))
    return emulator.build()


def float_graph() -> Graph:
    """A branch for each activation, with a residual addition; their outputs side by side are the model's."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    ends = []
    for number, activation in enumerate(ACTIVATIONS):
        act = [activation_layer(parse(activation), keras, name=f"act{number}_{which}") for which in range(2)]
        x = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"conv{number}")(image)
        x = shortcut = act[0](layers.BatchNormalization(name=f"bn{number}")(x * 4))
        x = act[1](layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{number}")(x))
        x = layers.Conv2D(2, 3, strides=2, padding="same", name=f"end{number}")(layers.Add()([x, shortcut]))
        ends.append(layers.Flatten(name=f"flat{number}")(x))
    return canonicalize(read(keras.Model(image, layers.Concatenate(name="logits")(ends), name="net")))


def int8_conversion() -> Conversion:
    placement = place(float_graph(), input_ranges={"image": (0.0, 1.0)})
    model = quantize(placement, resolve(placement, calibrate(placement, [IMAGES])))
    return Conversion(model, "int8", [IMAGES if placement.needs_samples else IMAGES[:1]])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A float32 model, which is the first, and an int8 one of each form."""
    float32, int8 = convert_all([Conversion(build_graph(float_graph()), "float32"), int8_conversion()])
    made = {"float32": float32}
    for form in FORMS:
        made[form] = lower(int8, runtime="ai-edge-litert", hard_swish=form)
    folder = tmp_path_factory.mktemp("models")
    paths = {name: folder / f"{index}.tflite" for index, name in enumerate(made)}
    for name, path in paths.items():
        path.write_bytes(made[name])
    return paths


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluation") / "evaluation.npz"
    np.savez(path, x=PIXELS, y=LABELS)
    return path


@pytest.fixture(scope="module")
def answers(models: dict[str, Path], evaluation: Path, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Any:
    """What the script answers on this machine and on two Pis, and the raw outputs of each model there."""
    folder = tmp_path_factory.mktemp("outputs")
    files = {path.name: path for path in models.values()} | {"evaluation.npz": evaluation}

    def answered(target: Target, number: int) -> tuple[dict[str, Any], list[np.ndarray]]:
        outputs = folder / f"{number}.npz"
        arguments = [*list(files)[:-1], "--data", "evaluation.npz", "--preprocess", "unit", "--outputs", "kept.npz"]
        arguments += ["--no-latency", "--no-load", "--runtime", "ai-edge-litert"]
        answer = target.run(files, arguments, progress=Silent(), brings={"kept.npz": outputs})
        with np.load(outputs) as stored:
            return answer, [stored[f"model{index}.output0"] for index in range(len(models))]

    pis = [Emulator.parse(f"emulator:{pi}")[0] for pi in ("pi4", "pi5")]
    return [answered(target, number) for number, target in enumerate([Host(), *pis])]


def test_int8_outputs_on_pi_4_and_pi_5_are_the_hosts_to_the_last_bit(answers: Any, models: dict[str, Path]) -> None:
    (_, expected), *emulated = answers
    for answer, outputs in emulated:
        for name, own, host in zip(models, outputs, expected, strict=True):
            assert own.shape == (len(PIXELS), OUTPUTS * len(ACTIVATIONS))
            if name == "float32":
                continue
            assert own.dtype == np.int8
            for number, activation in enumerate(ACTIVATIONS):
                part = slice(number * OUTPUTS, (number + 1) * OUTPUTS)
                assert len(np.unique(host[:, part])) > 10, f"{activation} says too little to be compared"
                about = f"{activation}, {name}, {answer['machine']['board']}"
                np.testing.assert_array_equal(own[:, part], host[:, part], err_msg=about)


def test_the_form_of_hard_swish_makes_other_models(answers: Any, models: dict[str, Path]) -> None:
    """Else equal outputs would say little."""
    contents = {path.read_bytes() for path in models.values()}
    assert len(contents) == len(models) == 3
    operators = [model["operators"].get("HARD_SWISH", 0) for model in answers[0][0]["models"]]
    assert operators[1:] == [2, 0]


def test_accuracy_and_predictions_are_the_hosts(answers: Any) -> None:
    (host, _), *emulated = answers
    for answer, _ in emulated:
        for own, expected in zip(answer["models"], host["models"], strict=True):
            # In float32 the order of a sum is the kernel's own; here no decision hangs on it.
            assert own["accuracy"] == expected["accuracy"]
            assert own["latency_ms"] is None


def test_the_pi_chooses_the_kernels(answers: Any, models: dict[str, Path]) -> None:
    """The Cortex-A76 has dot products of int8 and half precision; the Cortex-A72 has neither."""
    _, (pi4, _), (pi5, _) = answers
    assert [answer["machine"]["cpu"] for answer in (pi4, pi5)] == ["Cortex-A72", "Cortex-A76"]
    assert pi4["machine"]["board"].startswith("Raspberry Pi 4, emulated by QEMU")
    assert pi4["machine"]["governor"] is None
    names = list(models)
    for name, older, newer in zip(names, pi4["models"], pi5["models"], strict=True):
        if name != "float32":
            assert newer["instructions"] < older["instructions"], name
        assert {entry["name"] for entry in newer["delegates"]} == {"xnnpack"}, name


def test_instructions_come_with_the_word_that_they_are_no_time(answers: Any) -> None:
    for answer, _ in answers[1:]:
        (warning,) = [item for item in answer["warnings"] if item["name"] == EMULATED]
        assert "not milliseconds" in warning["advice"]
        assert all(model["instructions"] > 10_000 for model in answer["models"])
        assert answer["threads"] == 1


@pytest.mark.rare  # of the emulator, not of edgeswap
def test_a_second_count_is_within_one_percent(answers: Any, models: dict[str, Path], evaluation: Path) -> None:
    """In another process, beside other models; on the same input, since a kernel may branch on it."""
    names = ["float32", "rewritten"]
    files = {models[name].name: models[name] for name in names} | {"evaluation.npz": evaluation}
    arguments = [*list(files)[:-1], "--data", "evaluation.npz", "--preprocess", "unit", "--samples", "1"]
    again = Emulator("pi5", "ai-edge-litert").run(files, arguments, progress=Silent())
    first = dict(zip(models, answers[2][0]["models"], strict=True))
    for name, model in zip(names, again["models"], strict=True):
        assert model["instructions"] == pytest.approx(first[name]["instructions"], rel=0.01), name


def test_tflite_runtime_costs_more_in_int8_and_says_why(
    models: dict[str, Path], evaluation: Path, answers: Any
) -> None:
    target = Emulator.parse("emulator:pi5")[1]
    pair = [models["float32"], models["operator"]]
    (found,) = measure(target, pair, evaluation, preprocess="unit", threads=4, samples=12)
    measured = found.result
    assert measured.name == "emulator:pi5"
    assert measured.runtime == "tflite-runtime 2.14.0"
    assert measured.int8.latency_ms is None
    assert len(found.indices) == 12
    assert any(text.startswith("int8-without-xnnpack") for text in measured.warnings)
    assert any(text.startswith(f"{EMULATED}: ") for text in measured.warnings)


def test_a_model_that_the_runtime_refuses(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(b"TFL3 and no more")
    with pytest.raises(TargetError, match=r"emulator:pi4: .*cut\.tflite") as raised:
        Emulator("pi4", "ai-edge-litert").run({"a.tflite": tmp_path / "cut.tflite"}, ["a.tflite"], progress=Silent())
    assert "truncated" in raised.value.remedy


@pytest.fixture
def started(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a script of the test's own on an emulated Pi in the place of the device script."""
    script = tmp_path / "script.py"
    shipped_path = shipped.path
    monkeypatch.setattr(shipped, "path", lambda name: script if name == SCRIPT else shipped_path(name))
    model = classifier(tmp_path / "model.tflite", np.ones((2, 4)), (2, 2, 1))

    def run(code: str, **fields: Any) -> TargetError:
        script.write_text(code)
        with pytest.raises(TargetError) as raised:
            Emulator("pi3", "ai-edge-litert", **fields).run({"m.tflite": model}, ["m.tflite"], progress=Silent())
        return raised.value

    return run


def test_a_crash_on_arm_is_told_and_leaves_no_core_file(started: Any, tmp_path: Path) -> None:
    before = set(Path.cwd().iterdir())
    error = started("import ctypes, faulthandler; faulthandler.enable(); ctypes.string_at(0)")
    assert error.problem == "emulator:pi3: the device script was ended by SIGSEGV."
    assert "Segmentation fault" in error.remedy
    assert set(Path.cwd().iterdir()) == before


def test_a_script_that_is_killed(started: Any) -> None:
    error = started("import os; os.kill(os.getpid(), 9)")
    assert error.problem == "emulator:pi3: the device script was ended by SIGKILL."
    assert "memory" in error.remedy


def test_a_script_that_hangs_is_ended(started: Any) -> None:
    error = started("import sys, time; print('here', file=sys.stderr, flush=True); time.sleep(600)", silence_s=3)
    assert "said nothing for 3 s" in error.problem
    assert "here" in error.remedy


def test_a_count_that_is_not_of_this_script(started: Any) -> None:
    error = started(
        "import sys; open(sys.argv[sys.argv.index('--json') + 1], 'w').write('{}') if '--json' in sys.argv else None"
    )
    assert "expected 4 counts of instructions, got 0" in error.problem
