"""The generated Kotlin, compiled by Kotlin's own compiler with stand-ins for Android's and LiteRT's names.

The stand-in for LiteRT runs no model: it plays back the golden outputs, which a real runtime made. All else of the
self-test is run for real, on Java.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeswap.bundle.apps.facts import SCORES
from tests.app_bundle import FAULTS, KINDS, WITH_ENDS, Bundle, bundle, change

pytestmark = pytest.mark.slow
STUBS = Path(__file__).parent / "apps/kotlin"
PACKAGE = "package edgeswap.model\n"
# The compiler runs once and ends: code that Java optimizes further than this never pays for itself, and took half of
# the processor's time.
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# Of these the second file, for an Interpreter, is compiled too: each form of input and output.
BY_BOTH = ("classifier",)


@pytest.fixture(scope="module")
def compiler() -> list[str]:
    """The command of the compiler that `npm install --global kotlin-compiler` brings."""
    if shutil.which("npm") is None or shutil.which("java") is None:
        pytest.skip("no npm or no java here")
    npm = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=True)
    jar = Path(npm.stdout.strip()) / "kotlin-compiler/lib/kotlin-compiler.jar"
    if not jar.is_file():
        pytest.skip("no Kotlin compiler here: npm install --global kotlin-compiler@2.4.20")
    return ["java", *SHORT_LIVED, "-jar", str(jar), "-Werror", "-no-reflect"]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("apps")
    return {kind: bundle(kind, folder / kind) for kind in (*KINDS, *WITH_ENDS)}


def functions(one: Bundle) -> str:
    """A program that prints what the functions around the model give."""
    lines = [f"println(dequantize{index}(int8).toList())" for index in range(len(one.facts.outputs))]
    output = one.facts.outputs[0]
    if output.holds in SCORES:
        lines.append(f"println(top(FloatArray({output.shape[-1]}) {{ it % 3 - 0.25f * it + 0.75f }}))")
        if output.each_by_itself:
            lines.append(f"println(present(FloatArray({output.shape[-1]}) {{ it % 3 - 0.25f * it + 0.75f }}, 0.6f))")
    else:
        lines.append(f"println(realValues(listOf({', '.join(['int8'] * len(one.facts.outputs))})).keys.size)")
    if output.holds == "class map":
        lines.append("println(classMap0(ByteArray(OUTPUT0_COUNT) { (it * 77).toByte() }).toList())")
    if one.facts.inputs[0].pixels is not None:
        lines.append("val colors = IntArray(INPUT0_HEIGHT * INPUT0_WIDTH) { it * 7654321 }")
        lines.append("val image = android.graphics.Bitmap.createBitmap(colors, INPUT0_WIDTH, INPUT0_HEIGHT)")
        lines.append("println(pixels0(image).map { it.toInt() and 255 })")
    every = "val int8 = ByteArray(256) { (it - 128).toByte() }"
    return "\n    ".join(["fun main() {", every, *lines]) + "\n}\n"


@pytest.fixture(scope="module")
def program(compiler: list[str], bundles: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All kinds in one .jar, each in a package of its own name, since the compiler takes seconds to start."""
    folder = tmp_path_factory.mktemp("kotlin")
    for kind, one in bundles.items():
        apis = ["interpreter" if one.facts.keeps_state else "compiled"]
        apis += ["interpreter"] if kind in BY_BOTH else []
        for number, api in enumerate(apis):
            model = one.folder / ("android/interpreter/Model.kt" if number else "android/Model.kt")
            package = f"{kind}_interpreter" if number else kind
            for file in (model, one.folder / "android/SelfTest.kt", STUBS / "main.kt", STUBS / f"open_{api}.kt"):
                source = file.read_text()
                assert source.count(PACKAGE) == 1
                (folder / package).mkdir(exist_ok=True)
                (folder / package / file.name).write_text(source.replace(PACKAGE, f"package {package}\n"))
        if kind in KINDS:
            (folder / kind / "functions.kt").write_text(f"package {kind}\n\n{functions(one)}")
    stubs = [STUBS / name for name in ("android.kt", "assets.kt", "compiled.kt", "litert.kt")]
    jar = folder / "apps.jar"
    command = [*compiler, "-include-runtime", "-d", jar, *sorted(folder.rglob("*.kt")), *stubs]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return jar


def run(program: Path, kind: str, folder: Path, recorded: Path) -> str:
    command = ["java", "-cp", str(program), f"{kind}.MainKt", str(folder), str(recorded)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("kind", [*KINDS, *WITH_ENDS])
def test_self_test_passes(program: Path, bundles: dict[str, Bundle], kind: str) -> None:
    """By CompiledModel; of a model with a state by the Interpreter."""
    folder = bundles[kind].folder
    assert run(program, kind, folder, folder / "golden") == "pass: outputs off by at most 0 int8 steps\n"


@pytest.mark.parametrize("kind", BY_BOTH)
def test_self_test_passes_by_the_interpreter(program: Path, bundles: dict[str, Bundle], kind: str) -> None:
    folder = bundles[kind].folder
    said = run(program, f"{kind}_interpreter", folder, folder / "golden")
    assert said == "pass: outputs off by at most 0 int8 steps\n"


@pytest.mark.parametrize("kind", KINDS)
def test_functions_give_what_python_gives(program: Path, bundles: dict[str, Bundle], kind: str) -> None:
    facts = bundles[kind].facts
    command = ["java", "-cp", str(program), f"{kind}.FunctionsKt"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for output, line in zip(facts.outputs, said, strict=False):
        expected = np.float32(output.scale) * (np.arange(-128, 128) - output.zero_point).astype(np.float32)
        np.testing.assert_array_equal(np.array(json.loads(line), np.float32), expected)
    output, last = facts.outputs[0], said[len(facts.outputs)]
    if output.holds in SCORES:
        units = output.shape[-1]
        scores = np.arange(units) % 3 - 0.25 * np.arange(units) + 0.75
        if output.threshold is not None and not output.each_by_itself:
            second = 1 / (1 + np.exp(-scores[0])) if output.holds == "logits" else scores[0]
            scores = np.array([1 - second, second])
        elif output.holds == "logits":
            scores = np.exp(scores) / np.exp(scores).sum()
        best = np.argsort(-scores, kind="stable")[:5]
        got = json.loads(last.replace("(", "[").replace(")", "]"))
        assert [number for number, _ in got] == best.tolist()
        assert [score for _, score in got] == pytest.approx(scores[best].tolist(), rel=1e-6)
        if output.each_by_itself:
            above = [int(number) for number in np.argsort(-scores, kind="stable") if scores[number] > 0.6]
            assert [number for number, _ in json.loads(said[-1].replace("(", "[").replace(")", "]"))] == above
    else:
        assert int(last) == len(facts.outputs)
    if output.holds == "class map":
        int8 = (np.arange(np.prod(output.shape)) * 77).astype(np.int8).reshape(output.shape)
        real = (int8.astype(np.float64) - output.zero_point) * output.scale
        expected = real.argmax(axis=-1) if output.threshold is None else real[..., 0] > output.threshold
        np.testing.assert_array_equal(json.loads(said[-1]), expected.reshape(-1))
    if facts.inputs[0].pixels is not None:
        _, height, width, channels = facts.inputs[0].shape
        colors = (np.arange(height * width) * 7654321).astype(np.uint32)
        rgba = np.stack([colors >> shift & 255 for shift in (16, 8, 0, 24)], -1).astype(np.uint8)
        image = Image.fromarray(rgba[None, :, :3]).convert("L") if channels == 1 else rgba[:, :channels]
        np.testing.assert_array_equal(json.loads(said[-1]), np.asarray(image).reshape(-1))


@pytest.mark.parametrize("fault", FAULTS)
def test_self_test_names_what_differs(program: Path, bundles: dict[str, Bundle], tmp_path: Path, fault: str) -> None:
    shutil.copytree(bundles["classifier"].folder, tmp_path / "bundle")
    change(tmp_path / "bundle", fault)
    assert FAULTS[fault] in run(program, "classifier", tmp_path / "bundle", bundles["classifier"].folder / "golden")


@pytest.mark.rare  # that the compiler is one
def test_the_compiler_finds_a_wrong_type(compiler: list[str], bundles: dict[str, Bundle], tmp_path: Path) -> None:
    """Else it would pass whatever the templates say."""
    source = (bundles["adder"].folder / "android/Model.kt").read_text()
    (tmp_path / "Model.kt").write_text(source.replace("compiled.close()", 'compiled.close("now")'))
    stubs = [str(STUBS / name) for name in ("assets.kt", "compiled.kt", "litert.kt")]
    command = [*compiler, "-d", str(tmp_path / "x.jar"), str(tmp_path / "Model.kt"), *stubs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Too many arguments" in done.stderr or "too many arguments" in done.stderr
