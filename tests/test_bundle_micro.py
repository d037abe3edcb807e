"""The files for a microcontroller: compiled by GCC against stand-ins for the library, and held against the bundle."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeswap.bundle.micro.generate import micro_files
from edgeswap.bundle.verify import verify
from edgeswap.compatibility.micro import RESOLVERS
from edgeswap.records import ArenaUse, MicroMeasurement
from tests import bundles

MEASURED = MicroMeasurement(
    arena=ArenaUse(total_bytes=4000, head_bytes=1000, tail_bytes=3000),
    operators=["AddConv2D", "AddFullyConnected"],
    differing=0.1,
    max_steps=1.0,
)
HEADERS = {
    "tensorflow/lite/c/common.h": """
#pragma once
#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk, kTfLiteError };
union TfLitePtrUnion { void* data; int8_t* int8; uint8_t* uint8; float* f; };
struct TfLiteTensor { TfLitePtrUnion data; size_t bytes; };
""",
    "tensorflow/lite/schema/schema_generated.h": """
#pragma once
#include <cstdint>
#define TFLITE_SCHEMA_VERSION (3)
namespace tflite {
struct Model { uint32_t version() const; };
const Model* GetModel(const void* data);
}
""",
    "tensorflow/lite/micro/micro_log.h": "#pragma once\nvoid MicroPrintf(const char* format, ...);\n",
    "tensorflow/lite/micro/system_setup.h": "#pragma once\nnamespace tflite { void InitializeTarget(); }\n",
    "tensorflow/lite/micro/micro_interpreter.h": """
#pragma once
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
namespace tflite {
class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& resolver, uint8_t* arena, size_t arena_bytes);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus Reset();
  TfLiteTensor* input(size_t index);
  TfLiteTensor* output(size_t index);
  size_t arena_used_bytes() const;
};
}
""",
}
RESOLVER = """
#pragma once
#include "tensorflow/lite/c/common.h"
namespace tflite {
class MicroOpResolver {};
template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
%s};
}
"""
ENDS = ("inputs", "outputs")
GXX = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The declarations of TensorFlow Lite for Microcontrollers that the files use, by its own names."""
    folder = tmp_path_factory.mktemp("library")
    methods = "".join(f"  TfLiteStatus {name}();\n" for name in RESOLVERS.values())
    headers = {**HEADERS, "tensorflow/lite/micro/micro_mutable_op_resolver.h": RESOLVER % methods}
    for name, text in headers.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module", params=["image", "adder"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, bytes]:
    """The folder with `micro/`, the model, and the first output of each golden vector."""
    folder = tmp_path_factory.mktemp(request.param)
    made = bundles.image_bundle(folder) if request.param == "image" else bundles.adder_bundle(folder)
    files = bundles.contents(made)
    labels = files["labels.txt"].decode().splitlines() if "labels.txt" in files else []
    given = {name: content for name, content in files.items() if name.startswith("golden/")}
    for name, content in micro_files(bundles.manifest(made), files["model.tflite"], given, MEASURED, labels).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    outputs = [given[vector.outputs[0]] for vector in bundles.manifest(made).golden.vectors]
    return folder / "micro", files["model.tflite"], b"".join(outputs)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_it_compiles_against_the_librarys_names(written: tuple[Path, bytes, bytes], library: Path) -> None:
    folder, *_ = written
    for name in ("main.cc", "model_data.cc"):
        subprocess.run([*GXX, "-fsyntax-only", f"-I{library}", str(folder / name)], check=True)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_other_ends_compile_too(io: str, library: Path, tmp_path: Path) -> None:
    made = bundles.image_bundle(tmp_path)
    given, files = bundles.manifest(made), bundles.contents(made)
    changed = given.model_copy(
        update={side: [one.model_copy(update={"dtype": io}) for one in getattr(given, side)] for side in ENDS}
    )
    for name, content in micro_files(changed, files["model.tflite"], files, MEASURED, []).items():
        (tmp_path / Path(name).name).write_bytes(content)
    subprocess.run([*GXX, "-fsyntax-only", f"-I{library}", str(tmp_path / "main.cc")], check=True)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_the_arrays_are_the_model_and_the_golden_vectors(written: tuple[Path, bytes, bytes], tmp_path: Path) -> None:
    folder, model, first_outputs = written
    (tmp_path / "tell.cc").write_text(
        '#include <cstdio>\n#include "golden.h"\n#include "model_data.h"\n#include "model_settings.h"\n'
        "int main() { std::fwrite(kModelData, 1, kModelBytes, stdout);"
        " for (int v = 0; v < kVectors; ++v) std::fwrite(kVectorOutputs[v][0], 1, kOutput0Count, stdout);"
        " return kArenaBytes % 16 || reinterpret_cast<size_t>(kModelData) % 16; }\n"
    )
    sources = [str(tmp_path / "tell.cc"), str(folder / "model_data.cc")]
    subprocess.run([*GXX, f"-I{folder}", *sources, "-o", str(tmp_path / "tell")], check=True)
    told = subprocess.run([str(tmp_path / "tell")], check=True, capture_output=True).stdout
    assert told.startswith(model)
    assert told[len(model) :] == first_outputs


def test_a_bundle_that_holds_them_verifies(tmp_path: Path) -> None:
    made = bundles.image_bundle(tmp_path)
    files = bundles.contents(made)
    micro = micro_files(bundles.manifest(made), files["model.tflite"], files, MEASURED, [])
    (tmp_path / "bundle.zip").write_bytes(bundles.packed_again({**files, **micro}))
    found = verify(tmp_path / "bundle.zip", [bundles.InProcess()])
    assert [check.name for check in found.checks if check.faults] == []


def test_only_an_export_for_a_microcontroller_has_them(tmp_path: Path) -> None:
    assert not [name for name in bundles.contents(bundles.image_bundle(tmp_path)) if name.startswith("micro/")]
