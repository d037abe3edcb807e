"""The generated C++, compiled by GCC and run against the libLiteRt.so that the wheel of ai-edge-litert carries."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeswap.tflite.flatbuffer import read, write
from tests.app_bundle import FAULTS, KINDS, LIBRARY, WITH_ENDS, Bundle, adder, bundle, change, facts_of, write_bundle

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")]
# LiteRT's C interface refuses a model that keeps a state.
STATELESS = [*(kind for kind in KINDS if kind != "remembering"), *WITH_ENDS]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def compiled(folder: Path) -> Path:
    program = folder / "cpp/main"
    link = [str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}"]
    subprocess.run(
        ["g++", "-std=c++17", *WARNINGS, str(folder / "cpp/main.cpp"), "-o", str(program), *link], check=True
    )
    return program


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("apps")
    made = {kind: bundle(kind, folder / kind) for kind in (*KINDS, *WITH_ENDS)}
    for one in made.values():
        compiled(one.folder)
    return made


def run(program: Path, *arguments: object) -> tuple[int, str]:
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", STATELESS)
def test_self_test_passes_with_the_outputs_of_python_to_the_last_bit(bundles: dict[str, Bundle], kind: str) -> None:
    folder = bundles[kind].folder
    code, said = run(folder / "cpp/main", folder)
    assert code == 0, said
    assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said


def test_a_model_with_a_state_is_refused_by_the_library_and_the_code_says_so(bundles: dict[str, Bundle]) -> None:
    folder = bundles["remembering"].folder
    code, said = run(folder / "cpp/main", folder)
    assert code == 1
    assert "Variable tensors not yet supported" in said
    assert "unroll=True" in (folder / "cpp/README.md").read_text()
    assert "keeps a state" in (folder / "cpp/model.h").read_text()
    assert "state" not in (bundles["adder"].folder / "cpp/README.md").read_text()


@pytest.mark.parametrize("fault", FAULTS)
def test_self_test_names_what_differs(bundles: dict[str, Bundle], tmp_path: Path, fault: str) -> None:
    shutil.copytree(bundles["classifier"].folder, tmp_path / "bundle")
    change(tmp_path / "bundle", fault)
    code, said = run(tmp_path / "bundle/cpp/main", tmp_path / "bundle")
    assert FAULTS[fault] in said
    assert code == (0 if fault == "within tolerance" else 1)


@pytest.mark.parametrize("kind", STATELESS)
def test_one_sample_gives_what_python_says(bundles: dict[str, Bundle], kind: str) -> None:
    one = bundles[kind]
    samples = [one.folder / f"golden/1.input{index}.{given.form}" for index, given in enumerate(one.facts.inputs)]
    code, said = run(one.folder / "cpp/main", one.folder, *samples)
    assert code == 0, said
    python = [sys.executable, str(one.folder / "python/model.py"), *map(str, samples)]
    expected = subprocess.run(python, capture_output=True, text=True, check=True).stdout
    if one.facts.outputs[0].classes:
        assert expected in said
    else:
        values = [
            np.array([float(word) for word in line.replace("[", "").replace("]", "").replace(",", "").split()[-count:]])
            for text in (said, expected)
            for line, count in zip(
                [line for line in text.splitlines() if ": " not in line],
                [int(np.prod(output.shape)) for output in one.facts.outputs],
                strict=True,
            )
        ]
        half = len(values) // 2
        for cpp, py in zip(values[:half], values[half:], strict=True):
            np.testing.assert_array_equal(cpp.astype(np.float32), py.astype(np.float32))


def test_a_signature_may_count_the_inputs_in_another_order(tmp_path: Path) -> None:
    model = read(adder(tmp_path).read_bytes())

    def entry(name: str, index: int) -> schema.TensorMapT:
        return schema.TensorMapT(name=name, tensorIndex=index)

    inputs, outputs = [entry("right", 1), entry("left", 0)], [entry("sum", 2)]
    model.signatureDefs = [schema.SignatureDefT(inputs=inputs, outputs=outputs, signatureKey="serving_default")]
    data = write(model)
    one = write_bundle(tmp_path / "bundle", data, facts_of(data))
    assert run(compiled(one.folder), one.folder)[0] == 0


def test_sha256_is_that_of_python(tmp_path: Path, bundles: dict[str, Bundle]) -> None:
    """At every length around a block's end, where the padding changes."""
    shutil.copy(bundles["adder"].folder / "cpp/sha256.h", tmp_path)
    (tmp_path / "main.cpp").write_text(
        '#include "sha256.h"\nint main() { for (size_t n = 0; n < 200; ++n) {'
        " std::vector<uint8_t> x(n); for (size_t i = 0; i < n; ++i) x[i] = uint8_t(i * 7 + n);"
        ' std::printf("%s\\n", Sha256(x).c_str()); } }'
    )
    subprocess.run(["g++", "-std=c++17", *WARNINGS, "main.cpp", "-o", "main"], cwd=tmp_path, check=True)
    data = [bytes((i * 7 + n) % 256 for i in range(n)) for n in range(200)]
    assert run(tmp_path / "main")[1].split() == [hashlib.sha256(one).hexdigest() for one in data]


def test_a_model_with_other_tensors_is_refused(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    one = bundles["adder"]
    renamed = dataclasses.replace(one.facts.inputs[0], name='a "name" of\\another ??/ model')
    model = (one.folder / "model.tflite").read_bytes()
    other = dataclasses.replace(one.facts, inputs=(renamed, one.facts.inputs[1]))
    made = write_bundle(tmp_path / "bundle", model, other)
    code, said = run(compiled(made.folder), made.folder)
    assert code == 1
    assert "failed at model: unknown tensor left" in said


@pytest.mark.parametrize("kind", ["relu6", "hard_swish"])
def test_a_converted_network_gives_the_same_bits_in_both_languages(tmp_path: Path, kind: str) -> None:
    """A convolutional network with a residual addition, as the converter writes it, with its signature."""
    from tests.tflite_models import converted

    data = converted(kind)
    one = write_bundle(tmp_path / "bundle", data, facts_of(data, preprocess="torch"))
    for program in ([sys.executable, one.folder / "python/model.py"], [compiled(one.folder), one.folder]):
        code, said = run(*program)
        assert code == 0, said
        assert "pass: 3 golden vectors, outputs off by at most 0 int8 steps" in said
