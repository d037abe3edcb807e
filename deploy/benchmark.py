#!/usr/bin/env python3
"""Latency of .tflite models, and what they give for samples, on the machine this runs on.

Copy this one file to a board and run it:

    python3 benchmark.py model_float32.tflite model_int8.tflite --data test.npz --preprocess unit

It needs Python 3.9 or newer, NumPy and one of ai-edge-litert and tflite-runtime. `--json FILE` keeps everything that
was measured. `--outputs FILE.npz` keeps what the models gave; accuracy is told of classifiers alone. The first model is
the baseline that the others are compared with.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import dataclasses
import functools
import gc
import hashlib
import importlib
import importlib.metadata
import importlib.util
import io
import itertools
import json
import math
import multiprocessing.connection
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from operator import attrgetter
from pathlib import Path
from typing import Any

# NumPy multiplies no matrices here; its idle threads would only be in the way of the processes forked below.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

SCHEMA = "edgeswap.benchmark/1"
INTERPRETER, COMPILED = "interpreter", "compiled"
OWN_DELEGATES = ("xnnpack", "none")

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert",
    "tflite-runtime": "tflite_runtime",
    "tflite-micro": "edgeswap.targets.micro",  # which gives its interpreter the interface of the others
    "tensorflow": "tensorflow.lite.python",
}
# What is looked for in place of that module; such a runtime is taken only by its name: a microcontroller's kernels on a
# PC, and one that takes seconds to import.
NEEDS = {"tflite-micro": ("edgeswap", "tflite_micro"), "tensorflow": ("tensorflow",)}
# The last tflite-runtime on PyPI, compiled for NumPy 1: under NumPy 2 it can be imported, but opens no model.
NUMPY_1_ONLY = (2, 14)
EDGETPU_LIBRARY = {"Linux": "libedgetpu.so.1", "Darwin": "libedgetpu.1.dylib", "Windows": "edgetpu.dll"}
EDGETPU_REMEDY = (
    "Install the Edge TPU's library: package libedgetpu1-std as github.com/feranick/libedgetpu builds it, 16.0TF2.16.1 "
    "for tflite-runtime 2.11 to 2.16; Google's own, of 2021, crashes with 2.12 and newer."
)

THROTTLED = "throttled"
GOVERNOR = "governor-not-performance"
OTHER_LOAD = "other-load"
TOO_FEW_RUNS = "too-few-runs"
OUTLIERS = "outliers"
NOT_STEADY = "warm-up-not-steady"
DELEGATE_NOT_APPLIED = "delegate-not-applied"
INT8_SLOWER = "int8-slower-than-float"
SLOWER_THAN_FLOAT = "slower-than-float"  # of models that are not int8 throughout
INT8_WITHOUT_XNNPACK = "int8-without-xnnpack"
INPUTS_BY_ORDER = "inputs-not-by-name"

ADVICE = {
    THROTTLED: "Cool the board, use its own power supply, and measure again.",
    GOVERNOR: "For the measurement: echo performance | sudo tee /sys/devices/system/cpu/cpufreq/*/scaling_governor",
    OTHER_LOAD: "Stop other programs and measure again.",
    TOO_FEW_RUNS: "Leave out --quick or give --runs 100 or more: p99 of fewer is only the slowest run.",
    OUTLIERS: "Something interrupted them; p50 still holds, p99 and the mean say little. Measure on a quiet machine.",
    NOT_STEADY: "Times were still changing when the blocks began; measure on a quiet machine.",
    DELEGATE_NOT_APPLIED: "The figures are the CPU's. For an Edge TPU, compile the model with edgetpu_compiler first.",
    SLOWER_THAN_FLOAT: "Part of it computes in float, part in int8 or on int8 weights: a full-integer model is faster.",
    INT8_SLOWER: "This CPU gains nothing from int8 here, least of all in layers of few channels: measure on the device "
    "that counts.",
    INT8_WITHOUT_XNNPACK: "Install ai-edge-litert, which runs int8 through XNNPACK (64-bit systems).",
    INPUTS_BY_ORDER: "Check that they belong together, or name the arrays as the model's inputs.",
}

PLAIN_KERNELS = (
    "The plain kernels ran: the runtime has no XNNPACK for this CPU (32-bit Arm: tflite-runtime 2.14 has none), or it "
    "knows no operator of the model."
)

# Iglewicz and Hoaglin (1993): a modified z-score above this is far outside any ordinary scatter. They advise 3.5 for
# normal data; latencies have a long tail, so this counts only interruptions.
OUTLIER_Z = 15.0
OUTLIER_SHARE = 0.01
STEADY_WITHIN = 0.03
BUSY_CORES = 0.25
SLOWER = 1.05
# Below this a fifth or more of an operator's time goes into starting it, which took 0.03 us in float32 and 0.18 us in
# int8 (chains of 5 and 20 convolutions of one pixel, XNNPACK of ai-edge-litert 2.3, an x86-64 with VNNI).
SMALL_OPERATOR_US = 1.0
RUNS_FOR_P99 = 100
# Operators that hand something on to the next sample: in tensors of their own, or in resources beside the graph.
KEEPS_VARIABLES = frozenset({
    "LSTM", "RNN", "SVDF", "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
})  # fmt: skip
KEEPS_RESOURCES = frozenset({"VAR_HANDLE"})
LABELS_OF_OUTPUT = "y_"
CHUNK_BYTES = 8 << 20
# A stranger's file must not fill the machine. No array of an evaluation set, model or result comes near to these.
MOST_MEMORY_MIB = 2048
MOST_UNPACKED_BYTES = 1 << 30
MOST_RESULT_BYTES = 256 << 20
MAPPED_BYTES = 64 << 20  # smaller arrays are read, whose checksum is then compared
PROBE_S = 50.0
LONGEST = 1500  # characters
# Arrays above 128 KiB get memory that the system must clear first (malloc's threshold): 8 images at a time were
# prepared three times as fast as 256 (32x32x3 in float32, x86-64).
PREPROCESS_BYTES = 96 << 10


class BenchmarkError(Exception):
    """What was expected and what was got; `remedy` says what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        # One line that prints and has an end, whatever a runtime or a file's names say.
        line = " ".join(problem.split())
        line = line if len(line) <= LONGEST else f"{line[:LONGEST]} ... ({len(line)} characters)"
        self.problem = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
        self.remedy = remedy


@contextlib.contextmanager
def in_words(problem: str, remedy: str) -> Iterator[None]:
    """Turn whatever a runtime or a parser says of a stranger's file into a BenchmarkError.

    What they raise is of almost any kind (ValueError, RuntimeError, SystemError, UnicodeDecodeError, zlib.error, ...).
    """
    try:
        yield
    except (BenchmarkError, MemoryError):
        raise
    except Exception as error:
        bare = isinstance(error, (LookupError, TypeError, AttributeError)) or not str(error)
        said = f"{type(error).__name__}: {error}" if bare else str(error)
        raise BenchmarkError(f"{problem}: {said}", remedy) from error


# --- the runtime ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Runtime:
    """A TFLite runtime and why it was taken."""

    name: str
    version: str
    why: str

    @property
    def module(self) -> Any:
        """The module that holds `Interpreter`."""
        return importlib.import_module(f"{RUNTIMES[self.name]}.interpreter")


def find_runtime(wanted: str) -> Runtime:
    """The runtime called `wanted`; for "auto" ai-edge-litert if it is installed, else tflite-runtime.

    Raises:
        BenchmarkError: it is not installed, or it is and cannot be used with this NumPy.
    """
    installed = [name for name, module in RUNTIMES.items() if name not in NEEDS and importlib.util.find_spec(module)]
    if wanted in NEEDS and all(map(importlib.util.find_spec, NEEDS[wanted])):
        installed.append(wanted)
    if wanted != "auto":
        name, why = wanted, "asked for by --runtime"
    elif len(installed) == 2:
        name, why = installed[0], "both are installed; this one runs int8 through XNNPACK"
    else:
        name, why = (installed or ["ai-edge-litert"])[0], "the only one installed"
    if name not in installed:
        other = f" ({installed[0]} is installed)" if installed else ""
        raise BenchmarkError(f"Expected {name} to be installed, it is not{other}.", f"Run: pip install {name}")
    version = importlib.metadata.version(name)
    if name == "tflite-runtime" and _numbers(version) <= NUMPY_1_ONLY and _numbers(np.__version__) >= (2, 0):
        raise BenchmarkError(
            f"tflite-runtime {version} needs numpy<2, got NumPy {np.__version__}.",
            "Run: pip install 'numpy<2'; or, on a 64-bit system: pip install ai-edge-litert",
        )
    try:
        importlib.import_module(f"{RUNTIMES[name]}.interpreter")
    except (ImportError, SystemError, AttributeError) as error:
        raise BenchmarkError(
            f"{name} {version} is installed but cannot be imported with NumPy {np.__version__}: {error}",
            f"Run: pip install --force-reinstall {name}",
        ) from error
    return Runtime(name, version, why)


def _numbers(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2])


@dataclass(frozen=True)
class Engine:
    """How interpreters are made: runtime, threads, delegate (`xnnpack`, `none`, or a library), memory of a process.

    Attributes:
        api: `interpreter`, or `compiled` for LiteRT's CompiledModel, which runs in its place.
    """

    runtime: Runtime
    threads: int
    delegate: str
    delegate_options: dict[str, str]
    memory_mib: int = MOST_MEMORY_MIB
    api: str = INTERPRETER

    @property
    def library(self) -> str | None:
        """The external delegate's library, or None for those that come with the runtime."""
        if self.delegate in OWN_DELEGATES:
            return None
        if self.delegate == "edgetpu":
            return EDGETPU_LIBRARY.get(platform.system(), EDGETPU_LIBRARY["Linux"])
        return self.delegate

    def interpreter(self, model: Path) -> Any:
        """An interpreter whose tensors are not allocated yet."""
        interpreters = self.runtime.module
        options: dict[str, Any] = {"model_path": str(model), "num_threads": self.threads}
        if self.delegate == "none":
            options["experimental_op_resolver_type"] = interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        if self.library:
            options["experimental_delegates"] = [load_delegate(interpreters, self.library, self.delegate_options)]
        expected = f"Expected a .tflite for {self.runtime.name} {self.runtime.version}, got {model.name}"
        with in_words(expected, "Check the file; a truncated copy is the usual cause."):
            return interpreters.Interpreter(**options)

    def reading(self, model: Path) -> contextlib.AbstractContextManager[None]:
        """For what is asked of an interpreter about its model."""
        return in_words(
            f"{self.runtime.name} {self.runtime.version} cannot describe {model.name}",
            "Its names or types are none that a converter writes, so the file is damaged: make it again.",
        )

    def running(self, model: Path) -> contextlib.AbstractContextManager[None]:
        """For what runs a model."""
        return in_words(
            f"{self.runtime.name} {self.runtime.version} cannot run {model.name}",
            "The model is damaged, or an operator does not take what it is given: make it again.",
        )


# What runtimes say of themselves; CompiledModel also of the NPU that it looks for each time.
GREETINGS = (b"INFO: ", b"WARNING: [npu_registry.cc")


@contextlib.contextmanager
def without_greeting() -> Iterator[None]:
    """On a terminal, leave out that the runtime greets for each interpreter; all else that it says is passed on."""
    if not os.isatty(2):
        yield
        return
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            said.seek(0)
            os.write(2, b"".join(line for line in said if not line.startswith(GREETINGS)))


def load_delegate(interpreters: Any, library: str, options: dict[str, str]) -> Any:
    """An external delegate.

    Raises:
        BenchmarkError: the library cannot be loaded, is no delegate, or refuses to start.
    """
    edgetpu = library in EDGETPU_LIBRARY.values()
    # The runtime's own loader leaves a half-made object behind on failure, whose destructor prints a traceback.
    try:
        entry = hasattr(ctypes.CDLL(library), "tflite_plugin_create_delegate")
    except OSError as error:
        raise BenchmarkError(
            f"Expected the delegate library {library}, got: {error}",
            EDGETPU_REMEDY if edgetpu else "Install it, or give its path with --delegate.",
        ) from error
    if not entry:
        raise BenchmarkError(
            f"Expected a TFLite external delegate, {library} has no tflite_plugin_create_delegate.",
            "Give the path of a delegate library with --delegate.",
        )
    try:
        return interpreters.load_delegate(library, options)
    except ValueError as error:
        raise BenchmarkError(
            f"The delegate {library} did not start: {error or 'it gave no reason'}",
            f"Is its device connected{', and this user in the group plugdev' if edgetpu else ''}?",
        ) from error


def require_compiled_model(runtime: Runtime, delegate: str) -> Any:
    """LiteRT's module of that name.

    Raises:
        BenchmarkError: the runtime has none, or it is too old for what is asked of it here.
    """
    if delegate not in OWN_DELEGATES:
        raise BenchmarkError(
            f"Expected --delegate xnnpack or none for --api {COMPILED}, got {delegate}.",
            f"Give --api {INTERPRETER}: CompiledModel takes no delegate's library.",
        )
    if runtime.name != "ai-edge-litert":
        raise BenchmarkError(
            f"Expected a runtime with LiteRT's CompiledModel for --api {COMPILED}, {runtime.name} has none.",
            f"Install ai-edge-litert, or give --api {INTERPRETER}.",
        )
    try:
        module = importlib.import_module("ai_edge_litert.compiled_model")
    except ImportError as error:  # it needs ml_dtypes, which the interpreter does not
        raise BenchmarkError(
            f"Expected CompiledModel in ai-edge-litert {runtime.version}, got: {error}",
            f"Run: pip install --upgrade ai-edge-litert; or give --api {INTERPRETER}.",
        ) from error
    if not hasattr(module, "CpuOptions"):
        raise BenchmarkError(
            f"Expected a CompiledModel that takes a number of threads, ai-edge-litert {runtime.version} has an older "
            "one.",
            f"Run: pip install --upgrade ai-edge-litert; or give --api {INTERPRETER}.",
        )
    return module


class CompiledRunner:
    """LiteRT's CompiledModel on the CPU, with those calls of an interpreter that a run makes.

    Attributes:
        inputs: as the model's signature has them; 1 stands for the scale of whatever is 8 bits wide.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        module = require_compiled_model(engine.runtime, engine.delegate)
        # Named no folder, it tries the plug-ins for NPUs one by one. Here the CPU is measured: a folder without any.
        folder = Path(module.__file__).parent
        here = module.EnvironmentOptions(runtime_path=str(folder), compiler_plugin_path=str(folder / "no-plugins"))
        mode = module.CpuKernelMode.BUILTIN if engine.delegate == "none" else module.CpuKernelMode.XNNPACK
        cpu = module.CpuOptions(num_threads=engine.threads, kernel_mode=mode)
        problem = f"ai-edge-litert {engine.runtime.version} has no CompiledModel for {path.name}"
        remedy = f"Give --api {INTERPRETER}, which takes more models, such as those that keep a state."
        try:
            with in_words(problem, remedy), without_greeting():
                self.model = module.CompiledModel.from_file(
                    str(path),
                    environment=module.Environment.create(options=here),
                    options=module.Options(hardware_accelerators=module.HardwareAccelerator.CPU, cpu_options=cpu),
                )
        except BenchmarkError as error:
            # It tells places in its own source. A state is looked for here alone, as load times are taken of this.
            keepers = _keepers(engine.interpreter(path))
            raise _has_a_state(path, keepers) if keepers else error from error.__cause__
        with in_words(problem, remedy), without_greeting():
            key, names = next(iter(self.model.get_signature_list().items()))
            given, gives = self.model.get_input_tensor_details(key), self.model.get_output_tensor_details(key)
            self.inputs = [self._tensor(given[name]) for name in names["inputs"]]
            outputs = [self._tensor(gives[name]) for name in names["outputs"]]
            self.buffers = self.model.create_input_buffers(0), self.model.create_output_buffers(0)
        ends = zip((*self.inputs, *outputs), (*self.buffers[0], *self.buffers[1]))  # noqa: B905
        self.of_index = {tensor.index: (tensor, buffer) for tensor, buffer in ends}

    @staticmethod
    def _tensor(detail: dict[str, Any]) -> Tensor:
        dtype = np.dtype(detail["dtype"])
        return Tensor(detail["index"], (detail["name"],), tuple(detail["shape"]), dtype, float(dtype.itemsize == 1), 0)

    def set_tensor(self, index: int, values: np.ndarray[Any, Any]) -> None:
        """Give an input its values."""
        self.of_index[index][1].write(values)

    def get_tensor(self, index: int) -> np.ndarray[Any, Any]:
        """A copy of what an output holds."""
        tensor, buffer = self.of_index[index]
        values: np.ndarray[Any, Any] = buffer.read(math.prod(tensor.shape), tensor.dtype)
        return values.reshape(tensor.shape)

    def invoke(self) -> None:
        """Run the model."""
        self.model.run_by_index(0, *self.buffers)


# --- a model ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tensor:
    """An input or output: scale is 0 where it is not quantized."""

    index: int
    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Its shape for one sample: without the batch, where it has one."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape

    @property
    def sample_bytes(self) -> int:
        """What it takes for one sample."""
        return self.dtype.itemsize * math.prod(self.sample_shape)

    def as_json(self) -> dict[str, Any]:
        """For the result."""
        quantized = {"scale": self.scale, "zero_point": self.zero_point} if self.scale else {}
        return {"name": self.names[0], "shape": list(self.shape), "dtype": self.dtype.name, **quantized}


@dataclass(frozen=True)
class Model:
    """What runs a model, its inputs and its outputs.

    Attributes:
        interpreter: an allocated one, or a `CompiledRunner`.
        state: what it keeps from one sample to the next: None, `variables` or `resources`.
    """

    path: Path
    engine: Engine
    interpreter: Any
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    state: str | None

    @property
    def is_classifier(self) -> bool:
        """Whether the only output has a score for each of two or more classes."""
        shape = self.outputs[0].shape
        return len(self.outputs) == 1 and len(shape) > 1 and set(shape[:-1]) == {1} and shape[-1] > 1

    def fresh(self) -> Any:
        """The interpreter in the state in which a sample of its own begins, whatever ran before."""
        if self.state == "variables":
            self.interpreter.reset_all_variables()
        if self.state != "resources":
            return self.interpreter
        # A reset makes all bytes of a resource zero, which need not be what the model's first run sets it to.
        interpreter = self.engine.interpreter(self.path)
        _allocate(interpreter, self.path, self.engine)
        return interpreter


def load_model(path: Path, engine: Engine) -> Model:
    """Read a model and make it ready to invoke.

    Raises:
        BenchmarkError: the file is none that the runtime can run, or its batch is not 1.
    """
    interpreter = engine.interpreter(path)
    _allocate(interpreter, path, engine)
    with engine.reading(path):
        inputs, outputs = _ends(interpreter)
        state = _state(interpreter)
    if not inputs or not outputs:
        raise BenchmarkError(
            f"Expected a model with inputs and outputs, {path.name} has {len(inputs)} and {len(outputs)}.",
            "Make the file again.",
        )
    for tensor in inputs:
        if tensor.shape[:1] not in {(), (1,)}:
            raise BenchmarkError(
                f"Expected a model of batch size 1, {path.name} takes {tensor.shape}.", "Convert it with batch size 1."
            )
    if engine.api == COMPILED:
        if state is not None:
            raise _has_a_state(path, _keepers(interpreter))
        interpreter = CompiledRunner(path, engine)
    return Model(path, engine, interpreter, inputs, outputs, state)


def _ends(interpreter: Any) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of an allocated interpreter."""
    names = {side: _signature_names(interpreter, side) for side in ("input", "output")}
    return (
        tuple(_tensor(detail, names["input"]) for detail in interpreter.get_input_details()),
        tuple(_tensor(detail, names["output"]) for detail in interpreter.get_output_details()),
    )


def _state(interpreter: Any) -> str | None:
    keepers = _keepers(interpreter)
    if keepers & KEEPS_RESOURCES:
        return "resources"
    return "variables" if keepers else None


def _keepers(interpreter: Any) -> set[str]:
    """The operators that keep a state."""
    operators = {node["op_name"] for node in interpreter._get_ops_details()}
    return operators & (KEEPS_RESOURCES | KEEPS_VARIABLES)


def _has_a_state(path: Path, keepers: set[str]) -> BenchmarkError:
    """That CompiledModel cannot run a model."""
    return BenchmarkError(
        f"Expected a model without a state for --api {COMPILED}, but {', '.join(sorted(keepers))} of {path.name} keeps "
        "one from sample to sample.",
        f"Give --api {INTERPRETER}: LiteRT's CompiledModel has no way to reset it.",
    )


@dataclass(frozen=True)
class Anatomy:
    """What a model is made of, and which delegate runs how much of it.

    Attributes:
        kind: `int8`, `int16x8`, `float32` or `mixed`, by the types of all tensors that operators use; inputs that are
            quantized first and outputs that are dequantized last do not count.
        operators: TFLite builtin operator name to how often it occurs.
        float_tensors: how many of them are float.
        delegates: of each its name, and how many partitions and operators it took.
        outside: operators that the delegate which was asked for did not take, each with the tensor that it writes, in
            the order in which they run; None where none was asked for.
    """

    kind: str
    operators: dict[str, int]
    float_tensors: int
    delegates: list[dict[str, Any]]
    outside: list[dict[str, str]] | None


def dissect(path: Path, engine: Engine) -> Anatomy:
    """Look at all of a model, which takes several times as long as loading it.

    Raises:
        BenchmarkError: the file is none that the runtime can run.
    """
    interpreter = engine.interpreter(path)
    with engine.reading(path):
        details = interpreter.get_tensor_details()
        external = _delegate_nodes(interpreter)
    _allocate(interpreter, path, engine)
    with engine.reading(path):
        nodes = interpreter._get_ops_details()  # the only way to see delegates; there in 2.14 and in 2.3
        own = _delegate_nodes(interpreter) - external
    parts = ((Path(engine.library or "").name, external), ("xnnpack", own))
    taken = {name: _taken(indices, nodes) for name, indices in parts}
    delegates = [
        {"name": name, "partitions": len(indices), "operators": len(taken[name])} for name, indices in parts if indices
    ]
    outside = None
    if engine.delegate != "none":
        asked, names = taken[parts[0 if engine.library else 1][0]], {each["index"]: each["name"] for each in details}
        outside = [
            {"operator": node["op_name"], "tensor": str(names.get(int(node["outputs"][0]), ""))}
            for node in nodes
            # One without outputs, such as the writing of a variable, is on no way to an output.
            if node["op_name"] != "DELEGATE" and len(node["outputs"]) and node["index"] not in asked
        ]
    operators = Counter(node["op_name"] for node in nodes if node["op_name"] != "DELEGATE")
    # An int8 LSTM notes the scales of its gates in empty float tensors, which it neither reads nor writes.
    used = {int(index) for node in nodes for index in (*node["inputs"], *node["outputs"])}
    types = {
        detail["index"]: np.dtype(detail["dtype"]) for detail in details if detail["name"] and detail["index"] in used
    }
    float_tensors = sum(dtype.kind == "f" for dtype in types.values())
    ends = _float_ends(interpreter, nodes)
    if any(dtype.kind == "f" and index not in ends for index, dtype in types.items()):
        kind = "mixed" if any(dtype in (np.int8, np.uint8) for dtype in types.values()) else "float32"
    else:
        first = interpreter.get_input_details()[0]["index"]
        kind = "int16x8" if types.get(ends.get(first, first)) == np.int16 else "int8"
    return Anatomy(kind, dict(sorted(operators.items())), float_tensors, delegates, outside)


def _float_ends(interpreter: Any, nodes: Sequence[dict[str, Any]]) -> dict[int, int]:
    """Each float input that goes into a QUANTIZE alone, and each float output that a DEQUANTIZE gives, to the tensor
    on the other side.
    """
    floats = {
        side: {detail["index"] for detail in details if np.dtype(detail["dtype"]).kind == "f"}
        for side, details in (("in", interpreter.get_input_details()), ("out", interpreter.get_output_details()))
    }
    operators = [node for node in nodes if node["op_name"] != "DELEGATE"]
    read = Counter(int(index) for node in operators for index in node["inputs"])
    found = {}
    for node in operators:
        source, target = (int(node[side][0]) if len(node[side]) else -1 for side in ("inputs", "outputs"))
        if node["op_name"] == "QUANTIZE" and source in floats["in"] and read[source] == 1:
            found[source] = target
        elif node["op_name"] == "DEQUANTIZE" and target in floats["out"] and not read[target]:
            found[target] = source
    return found


def _allocate(interpreter: Any, path: Path, engine: Engine) -> None:
    problem = f"{engine.runtime.name} {engine.runtime.version} cannot prepare {path.name}"
    remedy = (
        "An operator that this runtime lacks needs a newer one, or its delegate (--delegate). For large sizes "
        "benchmark.py takes --memory MIB."
    )
    with in_words(problem, remedy), without_greeting():
        interpreter.allocate_tensors()


def _tensor(detail: dict[str, Any], signature: dict[int, str]) -> Tensor:
    name = str(detail["name"])
    plain = name.split(":", maxsplit=1)[0].replace("serving_default_", "", 1)
    names = [signature[detail["index"]]] if detail["index"] in signature else []
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    if not (math.isfinite(scale) and scale >= 0):
        raise ValueError(f"the scale of {name!r} is {scale}")
    if np.dtype(detail["dtype"]).kind not in "biuf":
        raise ValueError(f"{name!r} holds {np.dtype(detail['dtype']).name}, no numbers")
    return Tensor(
        detail["index"], (*names, plain, name), shape, np.dtype(detail["dtype"]), float(scale), int(zero_point)
    )


def _signature_names(interpreter: Any, side: str) -> dict[int, str]:
    """Tensor index to the name of an `input` or `output` in the model's signature: that of the framework."""
    found = {}
    for key in interpreter.get_signature_list():
        details = getattr(interpreter.get_signature_runner(key), f"get_{side}_details")()
        found.update({detail["index"]: name for name, detail in details.items()})
    return found


def _delegate_nodes(interpreter: Any) -> set[int]:
    return {node["index"] for node in interpreter._get_ops_details() if node["op_name"] == "DELEGATE"}


def _taken(delegate_nodes: set[int], nodes: Sequence[dict[str, Any]]) -> set[int]:
    """The operators that a delegate runs: those on the way from its partitions' inputs to their outputs."""
    producer = {output: node for node in nodes if node["op_name"] != "DELEGATE" for output in node["outputs"]}
    taken: set[int] = set()
    for partition in (node for node in nodes if node["index"] in delegate_nodes):
        borders = set(partition["inputs"])
        waiting = list(partition["outputs"])
        while waiting:
            node = producer.get(waiting.pop())
            if node is not None and node["index"] not in taken:
                taken.add(node["index"])
                waiting.extend(tensor for tensor in node["inputs"] if tensor not in borders)
    return taken


# --- the evaluation set -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation:
    """Samples by input name, class numbers if there are any, and which of the file's samples are used.

    Attributes:
        ignored: what labels of another form than class numbers are; None where there are none of these.
    """

    path: Path
    arrays: dict[str, np.ndarray[Any, Any]]
    labels: np.ndarray[Any, Any] | None
    indices: np.ndarray[Any, Any]
    total: int
    ignored: str | None = None

    def matched(self, inputs: Sequence[Tensor]) -> list[str]:
        """The name of the array that goes into each input.

        That of the same name, or `x` for the only input. Where one has none of its name, and there are as many arrays
        as inputs, they are matched by their shapes if those tell them apart, else taken in the file's order.

        Raises:
            BenchmarkError: there is no such array, or it has another shape.
        """
        by_name = [
            next((name for name in (*(("x",) if len(inputs) == 1 else ()), *tensor.names) if name in self.arrays), None)
            for tensor in inputs
        ]
        named = [name for name in by_name if name is not None]
        if len(set(named)) == len(inputs):
            return self._fitting(inputs, named)
        arrays = {name: array for name, array in self.arrays.items() if not name.startswith(LABELS_OF_OUTPUT)}
        if len(arrays) != len(inputs):
            missing = inputs[by_name.index(None)] if None in by_name else inputs[0]
            raise BenchmarkError(
                f"Expected an array {missing.names[0]!r} in {self.path.name}, it holds {', '.join(self.arrays)}.",
                "Name the arrays as the model's inputs; a model with one input takes 'x'.",
            )
        shapes = [tensor.shape[1:] for tensor in inputs]
        by_shape = {array.shape[1:]: name for name, array in arrays.items()}
        if len(set(shapes)) == len(by_shape) == len(inputs) and all(shape in by_shape for shape in shapes):
            return [by_shape[shape] for shape in shapes]
        return self._fitting(inputs, list(arrays))

    def _fitting(self, inputs: Sequence[Tensor], names: list[str]) -> list[str]:
        for tensor, name in zip(inputs, names):  # noqa: B905
            shape = self.arrays[name].shape[1:]
            if shape != tensor.shape[1:]:
                raise BenchmarkError(
                    f"Expected samples of shape {tensor.shape[1:]} for the input {tensor.names[0]!r}, {self.path.name} "
                    f"holds {shape} in {name!r}.",
                    "Resize the samples to what the model takes.",
                )
        return names


def open_evaluation(path: Path, samples: int | None) -> Evaluation:
    """The samples of an .npz: arrays by input name, or `x`, and optionally `y`; nothing is converted yet.

    Labels that are not one class number a sample are noted and ignored, as are those called `y_` and an output's name:
    what they are compared with is in the raw outputs.

    With `samples` that many, evenly spaced: files are often in the order of their classes.

    Raises:
        BenchmarkError: the file is missing, is no .npz, or its arrays do not fit each other.
    """
    if not path.is_file():
        raise BenchmarkError(f"Expected an .npz file, {path} is none.", "Check the path.")
    expected = f"Expected an .npz of plain arrays, 'x' and optionally 'y', got {path}"
    with in_words(expected, "Write it with numpy.savez."), zipfile.ZipFile(path) as archive:
        members = {item.filename[:-4]: item for item in archive.infolist() if item.filename.endswith(".npy")}
        unpacked = sum(item.file_size for item in members.values() if item.compress_type != zipfile.ZIP_STORED)
        if unpacked > MOST_UNPACKED_BYTES:
            raise ValueError(f"{unpacked} bytes in compressed arrays, more than {MOST_UNPACKED_BYTES}")
        arrays = {name: _open_array(path, archive, item) for name, item in members.items()}
    labels, ignored = arrays.pop("y", None), None
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise BenchmarkError(
            f"Expected arrays of one length above 0 in {path.name}, got {lengths}.", "Write it with numpy.savez."
        )
    total = next(iter(lengths.values()))
    if labels is not None:
        fits = labels.dtype.kind in "iu" and labels.size == total == len(labels)
        if fits and 0 <= labels.min() <= labels.max() < 2**31:
            labels = np.asarray(labels).reshape(total).astype(np.int64)
        else:
            ignored = f"{labels.dtype.name} of shape {labels.shape}"
            labels = None
    count = min(samples or total, total)
    return Evaluation(path, arrays, labels, np.arange(count, dtype=np.int64) * total // count, total, ignored)


def _open_array(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """One array of an .npz; a large one is mapped from the file, so that it need not fit into memory."""
    # Other methods may unpack to gigabytes before they can be stopped; NumPy uses these two.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{member.filename!r} is compressed in another way than NumPy does it")
    with archive.open(member) as stream:
        if np.lib.format.read_magic(stream) != (1, 0):  # newer versions are for what is no plain array
            raise ValueError(f"{member.filename!r} is of another version than plain arrays are")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        start = stream.tell()
        size = dtype.itemsize * math.prod(shape)
        if dtype.kind not in "biuf" or not shape or min(shape) < 0 or size != member.file_size - start:
            raise ValueError(f"{member.filename!r} has {member.file_size - start} bytes for {dtype} of shape {shape}")
        order: Any = "F" if fortran else "C"
        if member.compress_type == zipfile.ZIP_STORED and size > MAPPED_BYTES:
            return np.memmap(path, dtype, "r", _data_offset(path, member) + start, shape, order)
        content = bytearray()
        while piece := stream.read(CHUNK_BYTES):  # in pieces: whole, it may unpack more than it says
            content += piece
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where the content of a member that is not compressed begins in the file."""
    with path.open("rb") as file:
        # A zip's local header: 30 bytes, of which the last four give the lengths of the two fields that follow.
        file.seek(member.header_offset + 26)
        lengths = file.read(4)
    return member.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")


# --- from pixels to a model's input -----------------------------------------------------------------------------------


def _float32(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, np.float32)


def _torch(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    mean, std = _float32(0.485, 0.456, 0.406), _float32(0.229, 0.224, 0.225)
    return np.asarray((x / np.float32(255) - mean) / std)


# As keras.applications.imagenet_utils: `symmetric` is its "tf" mode; raw pixels are RGB, `caffe` turns them to BGR.
PREPROCESS: dict[str, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]] = {
    "none": lambda x: x,
    "raw": lambda x: x,
    "unit": lambda x: x / np.float32(255),
    "symmetric": lambda x: x / np.float32(127.5) - np.float32(1),
    "caffe": lambda x: x[..., ::-1] - _float32(103.939, 116.779, 123.68),
    "torch": _torch,
}


def mean_std(name: str) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The mapping that `mean-std:R,G,B/R,G,B` stands for: mean and standard deviation of each channel, or one for all.

    They are of pixels 0..1 where none is above 1, as torchvision has them, else of pixels 0..255.

    Raises:
        ValueError: it is not written so.
    """
    mean, std = (_float32(*map(float, part.split(","))) for part in name[len("mean-std:") :].split("/"))
    if len(mean) != len(std) or not (std > 0).all():
        raise ValueError(f"expected as many means as standard deviations above 0, got {name}")
    unit = np.float32(1 if max(mean.max(), std.max()) > 1 else 255)
    return lambda x: np.asarray((x / unit - mean) / std)


def preprocessing(name: str) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The mapping called `name`.

    Raises:
        ValueError: there is none.
    """
    if name.startswith("mean-std:"):
        return mean_std(name)
    if name not in PREPROCESS:
        raise ValueError(f"expected one of {', '.join(PREPROCESS)} or mean-std:R,G,B/R,G,B, got {name}")
    return PREPROCESS[name]


def channels_of(preprocess: str) -> int | None:
    """How many channels a preprocessing needs; None where any number will do."""
    if preprocess.startswith("mean-std:"):
        return preprocess.count(",") // 2 + 1 if "," in preprocess else None
    return 3 if preprocess in {"caffe", "torch"} else None


# Preprocessing to the scale and the int8 zero points of an input whose range comes from its bounds.
PIXEL_INPUTS = {"raw": (1.0, (-128,)), "unit": (1 / 255, (-128,)), "symmetric": (2 / 255, (-1, 0))}


def takes_pixels(preprocess: str, tensor: Tensor) -> bool:
    """Whether int8 = pixel - 128 is this input's quantization: exactly for `raw` and `unit`, half a step off for
    `symmetric`, whose zero point would be -0.5.
    """
    if preprocess not in PIXEL_INPUTS or tensor.dtype not in (np.int8, np.uint8):
        return False
    scale, zero_points = PIXEL_INPUTS[preprocess]
    lowest = int(np.iinfo(tensor.dtype).min)
    return abs(tensor.scale / scale - 1) < 1e-4 and tensor.zero_point - lowest - 128 in zero_points


def to_input(samples: np.ndarray[Any, Any], preprocess: str | None, tensor: Tensor) -> np.ndarray[Any, Any]:
    """Samples as the model takes them.

    Args:
        samples: (N, ...) uint8 pixels, or floats that are preprocessed already, or integers for an integer input.
        preprocess: a name of `PREPROCESS`; used for uint8 only.
        tensor: the input.

    Returns:
        (N, ...) of the input's dtype. Pixels go to int8 as pixel - 128 where `takes_pixels`; otherwise real values x
        are quantized as round(x / scale + zero_point), halves to even, clipped.

    Raises:
        BenchmarkError: pixels without a preprocessing, values that are not finite, or a dtype that cannot be meant.
    """
    if samples.dtype == np.uint8 and tensor.scale and preprocess and takes_pixels(preprocess, tensor):
        return (samples.astype(np.int16) + np.iinfo(tensor.dtype).min).astype(tensor.dtype)
    if tensor.dtype.kind in "iu" and not tensor.scale and samples.dtype.kind in "iu":
        return samples.astype(tensor.dtype)
    if samples.dtype == np.uint8:
        if preprocess is None:
            raise BenchmarkError(
                f"Expected to be told how pixels reach the input {tensor.names[0]!r}.",
                f"Give --preprocess {'|'.join(PREPROCESS)}: what the model was trained with.",
            )
        if channels_of(preprocess) not in {None, samples.shape[-1]}:
            raise BenchmarkError(
                f"Expected pixels of {channels_of(preprocess)} channels for --preprocess {preprocess}, "
                f"got shape {samples.shape[1:]}.",
                "Choose raw, unit or symmetric, or mean-std with one value for each channel.",
            )
        real = preprocessing(preprocess)(samples.astype(np.float32))
    elif samples.dtype.kind == "f":
        real = samples.astype(np.float32)
    else:
        raise BenchmarkError(
            f"Expected uint8 pixels or floats for the input {tensor.names[0]!r}, got {samples.dtype.name}.",
            "Convert the array before saving it.",
        )
    if not np.isfinite(real).all():
        raise BenchmarkError("Expected finite samples, got NaN or infinity.", "Check how the samples were made.")
    if not tensor.scale:
        return np.ascontiguousarray(real, dtype=tensor.dtype)
    bounds = np.iinfo(tensor.dtype)
    steps = np.rint(real / np.float32(tensor.scale) + np.float32(tensor.zero_point))
    return np.clip(steps, bounds.min, bounds.max).astype(tensor.dtype)


def random_input(tensor: Tensor) -> np.ndarray[Any, Any]:
    """One sample for when there is no data: uniform in [0, 1), any int8, or zeros where integers mean something."""
    generator = np.random.default_rng(0)
    if tensor.dtype.kind == "f":
        return generator.random(tensor.shape).astype(tensor.dtype)
    if tensor.scale:
        bounds = np.iinfo(tensor.dtype)
        return generator.integers(bounds.min, bounds.max, tensor.shape, tensor.dtype, endpoint=True)
    return np.zeros(tensor.shape, tensor.dtype)


# --- accuracy ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Predictions:
    """What a model said of N samples, in their order.

    Attributes:
        count: N.
        classes: (N,) int64, that of the highest output; the lowest of equal ones. None where it is no classifier.
        tied: (N,) bool, where the highest output was not alone; None where it is no classifier.
    """

    count: int
    classes: np.ndarray[Any, Any] | None
    tied: np.ndarray[Any, Any] | None

    @classmethod
    def joined(cls, parts: Sequence[Predictions]) -> Predictions:
        """One after the other."""
        classes = [part.classes for part in parts if part.classes is not None]
        tied = [part.tied for part in parts if part.tied is not None]
        return cls(
            sum(part.count for part in parts),
            np.concatenate(classes) if classes else None,
            np.concatenate(tied) if tied else None,
        )


@dataclass(frozen=True)
class Work:
    """All that is needed to ask one model of all samples.

    Attributes:
        places: where in a file the outputs go, one of each; empty where they go nowhere.
        reduce: whether outputs become class numbers.
    """

    path: Path
    engine: Engine
    evaluation: Evaluation
    preprocess: str | None
    places: tuple[Place, ...] = ()
    reduce: bool = False

    @functools.cached_property
    def model(self) -> Model:
        """Made in the process that runs it."""
        model = load_model(self.path, self.engine)
        _check_labels(model, self.evaluation)
        return model

    def predictions(self, chunk: range) -> Predictions:
        """For the samples of these numbers, of which no more outputs are held at once than fit into `CHUNK_BYTES`."""
        with self.engine.running(self.path):
            model = self.model
        size = max(1, CHUNK_BYTES // max(sum(output.sample_bytes for output in model.outputs), 1))
        starts = range(chunk.start, chunk.stop, size)
        return Predictions.joined([self._some(model, range(at, min(at + size, chunk.stop))) for at in starts])

    def _some(self, model: Model, rows: range) -> Predictions:
        with self.engine.running(self.path):
            indices = self.evaluation.indices[rows.start : rows.stop]
            outputs = _outputs(model, self.evaluation, indices, self.preprocess)
            classes = tied = None
            if model.is_classifier:
                scores = outputs[0].reshape(len(rows), -1)
                classes, highest = scores.argmax(axis=1), scores == scores.max(axis=1, keepdims=True)
                tied = highest.sum(axis=1) > 1
        for place, array in zip(self.places, outputs):  # noqa: B905
            place.write(rows.start, to_classes(array) if self.reduce else array)
        return Predictions(len(rows), classes, tied)


def reduced(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of a sample's output once it is class numbers: over a last axis of two or more classes."""
    return (shape[:-1], np.min_scalar_type(shape[-1] - 1)) if shape and shape[-1] > 1 else (shape, dtype)


def to_classes(outputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The class numbers in outputs (N, ..., classes), the lowest of equal ones; other outputs as they are."""
    shape, dtype = reduced(outputs.shape[1:], outputs.dtype)
    return outputs if shape == outputs.shape[1:] else outputs.argmax(axis=-1).astype(dtype)


def predict(work: Work, *, workers: int, advance: Callable[[int], None]) -> Predictions:
    """Run all samples through `workers` processes of one interpreter each; one worker is this process itself.

    Threads would do for large models, but small ones they keep waiting for Python's lock: with 10,000 images and 4
    cores they were 3.4 times as fast as one loop at 0.1 ms an image and 2.3 times at 0.03 ms; processes 3.6 and 4.8.

    Raises:
        BenchmarkError: the data does not fit the model, or a process was ended.
    """
    sample_bytes = 4 * sum(int(np.prod(array.shape[1:])) for array in work.evaluation.arrays.values())
    most = min(256, CHUNK_BYTES // max(sample_bytes, 1))
    chunks = share_out(len(work.evaluation.indices), workers, most=max(most, 1))
    found: dict[int, Predictions] = {}
    for which, part in _in_turn(work, chunks) if workers == 1 else _side_by_side(work, chunks, workers):
        found[which] = part
        advance(part.count)
    return Predictions.joined([found[which] for which in range(len(chunks))])


def share_out(count: int, workers: int, *, most: int) -> list[range]:
    """Chunks of `count` samples: a quarter of a worker's share of what is left, at most `most` and at least 16.

    Large ones cost little to hand out; small ones at the end let all workers end at the same time. Source: guided
    self-scheduling, Polychronopoulos and Kuck, 1987.
    """
    chunks = []
    start = 0
    while start < count:
        size = min(most, max(16, (count - start) // (4 * workers)), count - start)
        chunks.append(range(start, start + size))
        start += size
    return chunks


def _in_turn(work: Work, chunks: Sequence[range]) -> Iterator[tuple[int, Predictions]]:
    for which, chunk in enumerate(chunks):
        yield which, work.predictions(chunk)


def _side_by_side(work: Work, chunks: Sequence[range], workers: int) -> Iterator[tuple[int, Predictions]]:
    """Each process takes the next chunk that nobody has, so that one on a slower core does less."""
    # A forked process inherits the data; on macOS and Windows, where forking is unsafe, it is sent instead.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    taken = context.Value("q", 0)
    running: dict[Any, Any] = {}
    try:
        for _ in range(min(workers, len(chunks))):
            pipe, end = context.Pipe(duplex=False)
            process = context.Process(target=_take_chunks, args=(work, chunks, taken, end), daemon=True)
            process.start()
            end.close()  # so that the pipe ends when the process does
            running[pipe] = process
        while running:
            ready: list[Any] = multiprocessing.connection.wait(list(running))
            for pipe in ready:
                try:
                    answer = pipe.recv()
                except EOFError:
                    _require_success(running.pop(pipe), work)
                    continue
                if isinstance(answer, (BenchmarkError, MemoryError, OSError)):
                    raise answer
                yield answer
    finally:
        for process in running.values():
            process.kill()
            process.join()


def _take_chunks(work: Work, chunks: Sequence[range], taken: Any, pipe: Any) -> None:
    """What a process does: answers (number of the chunk, predictions), or the error that ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the processes
    _end_with_parent()
    try:
        while True:
            with taken.get_lock():
                which = taken.value
                taken.value += 1
            if which >= len(chunks):
                return
            pipe.send((which, work.predictions(chunks[which])))
    except (BenchmarkError, MemoryError, OSError) as error:
        pipe.send(error)


def _require_success(process: Any, work: Work) -> None:
    process.join()
    if process.exitcode:
        how = signal.Signals(-process.exitcode).name if process.exitcode < 0 else f"exit code {process.exitcode}"
        raise BenchmarkError(
            f"A process that ran {work.path.name} was ended by {how}: from outside, or {work.engine.runtime.name} "
            "crashed in it.",
            "Too little memory is the usual cause: give --workers 1; else the file may be damaged.",
        )


def _check_labels(model: Model, evaluation: Evaluation) -> None:
    classes = model.outputs[0].shape[-1] if model.is_classifier else None
    if classes is not None and evaluation.labels is not None and evaluation.labels.max() >= classes:
        raise BenchmarkError(
            f"Expected labels below {classes}, the outputs of {model.path.name}, got {evaluation.labels.max()}.",
            "Check that the data belongs to this model.",
        )


def _outputs(
    model: Model, evaluation: Evaluation, indices: np.ndarray[Any, Any], preprocess: str | None
) -> list[np.ndarray[Any, Any]]:
    """Of each output the raw values (N, ...) for some samples, each as if it were the first."""
    names = evaluation.matched(model.inputs)
    arrays = [(tensor, evaluation.arrays[name]) for tensor, name in zip(model.inputs, names)]  # noqa: B905
    outputs = [np.empty((len(indices), *output.sample_shape), output.dtype) for output in model.outputs]
    # Seen with the batch that the model gives, so that nothing is reshaped sample by sample.
    kept = [
        (output, output.index, output.shape, array.reshape(len(indices), *output.shape))
        for output, array in zip(model.outputs, outputs)  # noqa: B905
    ]
    interpreter = model.interpreter
    largest = max(4 * int(np.prod(tensor.shape)) for tensor in model.inputs)
    size = max(1, PREPROCESS_BYTES // max(largest, 1))
    for start in range(0, len(indices), size):
        some = indices[start : start + size]
        feeds = [(tensor.index, to_input(np.asarray(array[some]), preprocess, tensor)) for tensor, array in arrays]
        for sample in range(len(some)):
            if model.state is not None:
                interpreter = model.fresh()
            for index, values in feeds:
                interpreter.set_tensor(index, values[sample : sample + 1])
            interpreter.invoke()
            for output, index, shape, array in kept:
                values = interpreter.get_tensor(index)
                if values.shape != shape:
                    raise BenchmarkError(
                        f"Expected outputs of one size, {model.path.name} gives {values.shape} in {output.names[0]!r} "
                        f"after {shape}.",
                        "Convert the model with outputs of fixed size; without --data its latency is measured.",
                    )
                array[start + sample] = values
    for output, array in zip(model.outputs, outputs):  # noqa: B905
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
            which = f" in {output.names[0]!r}" if len(outputs) > 1 else ""
            raise BenchmarkError(
                f"Expected finite outputs, {model.path.name} gives NaN or infinity{which} for sample "
                f"{indices[np.flatnonzero(~finite)[0]]}.",
                "Check how the samples are preprocessed, and the model's own weights.",
            )
    return outputs


# --- the file of raw outputs ------------------------------------------------------------------------------------------

# A zip's local header, its entry in the directory and the three ends of it, in the form for files above 4 GiB, which
# every member has here: PKWARE's APPNOTE.TXT, 4.3.
LOCAL, ENTRY = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
SIZES, SIZES_AND_PLACE = struct.Struct("<2H2Q"), struct.Struct("<2H3Q")
END_64, LOCATOR, END = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL"), struct.Struct("<4s4H2LH")
ZIP_64, FIRST_DAY, ELSEWHERE = 45, 33, 0xFFFFFFFF


@dataclass(frozen=True)
class Place:
    """Where in the file one array (N, ...) goes."""

    path: Path
    start: int
    row_bytes: int

    def write(self, first: int, rows: np.ndarray[Any, Any]) -> None:
        """Write some rows, of which the first has this number; processes may do so at once."""
        with self.path.open("r+b") as file:
            file.seek(self.start + first * self.row_bytes)
            file.write(rows.tobytes())


@dataclass(frozen=True)
class Member:
    """One array in the file: `header` is NumPy's own, `start` where the member begins."""

    name: bytes
    start: int
    header: bytes
    row_bytes: int
    rows: int

    @property
    def content(self) -> int:
        """Where the header begins, which the values follow."""
        return self.start + LOCAL.size + len(self.name) + SIZES.size

    @property
    def size(self) -> int:
        """Of header and values."""
        return len(self.header) + self.rows * self.row_bytes


class OutputsFile:
    """An .npz that is not compressed, into which arrays are written row by row in any order; memory stays flat.

    All places are known beforehand. It has its name once it is whole.

    Args:
        path: what it will be called.
        arrays: name, shape (N, ...) and dtype of each.
    """

    def __init__(self, path: Path, arrays: Sequence[tuple[str, tuple[int, ...], np.dtype[Any]]]) -> None:
        self.path, self.part = path, path.with_name(f"{path.name}.part")
        self.members: list[Member] = []
        self.end = 0
        for name, shape, dtype in arrays:
            header = io.BytesIO()
            description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(header, description)
            row_bytes = dtype.itemsize * math.prod(shape[1:])
            member = Member(f"{name}.npy".encode(), self.end, header.getvalue(), row_bytes, shape[0])
            self.members.append(member)
            self.end = member.content + member.size

    @property
    def bytes(self) -> int:
        """How many it will take."""
        entries = sum(ENTRY.size + len(member.name) + SIZES_AND_PLACE.size for member in self.members)
        return self.end + entries + END_64.size + LOCATOR.size + END.size

    def places(self) -> list[Place]:
        """Where each array goes."""
        return [Place(self.part, member.content + len(member.header), member.row_bytes) for member in self.members]

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """For the block that writes the rows: the file is there after it, or nothing is.

        Raises:
            BenchmarkError: the disk has no room for it.
        """
        free = shutil.disk_usage(self.path.absolute().parent).free
        if free < self.bytes:
            raise BenchmarkError(
                f"Expected {self.bytes:,} bytes of room for the outputs in {self.path.absolute().parent}, "
                f"the disk has {free:,}.",
                "Free some space there, give fewer --samples, or --reduce argmax where classes are enough.",
            )
        try:
            with self.part.open("wb") as file:
                file.truncate(self.end)
            yield
            with self.part.open("r+b") as file:
                self._frame(file)
            self.part.replace(self.path)
        finally:
            self.part.unlink(missing_ok=True)

    def _frame(self, file: Any) -> None:
        """Write what makes a zip of the values: checksums need them all."""
        entries = []
        for member in self.members:
            file.seek(member.content)
            file.write(member.header)
            checksum = self._checksum(file, member)
            common = (ZIP_64, 0, 0, 0, FIRST_DAY, checksum, ELSEWHERE, ELSEWHERE, len(member.name))
            file.seek(member.start)
            file.write(LOCAL.pack(b"PK\3\4", *common, SIZES.size) + member.name)
            file.write(SIZES.pack(1, 16, member.size, member.size))
            entry = ENTRY.pack(b"PK\1\2", ZIP_64, *common, SIZES_AND_PLACE.size, 0, 0, 0, 0, ELSEWHERE)
            entries.append(entry + member.name + SIZES_AND_PLACE.pack(1, 24, member.size, member.size, member.start))
        directory, count = b"".join(entries), len(entries)
        file.seek(self.end)
        file.write(directory)
        file.write(END_64.pack(b"PK\6\6", 44, ZIP_64, ZIP_64, 0, 0, count, count, len(directory), self.end))
        file.write(LOCATOR.pack(b"PK\6\7", 0, self.end + len(directory), 1))
        file.write(END.pack(b"PK\5\6", 0, 0, count, count, ELSEWHERE, ELSEWHERE, 0))

    def _checksum(self, file: Any, member: Member) -> int:
        file.seek(member.content)
        checksum, left = 0, member.size
        while left:
            piece = file.read(min(CHUNK_BYTES, left))
            if not piece:
                raise OSError(f"{self.part} is shorter than it was made")
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
        return checksum


def outputs_file(
    path: Path, models: Sequence[Path], engine: Engine, samples: int, *, reduce: bool
) -> tuple[OutputsFile, list[tuple[Place, ...]]]:
    """The file for the outputs of all models, and of each model the places of its outputs."""
    arrays, counts = [], []
    for which, model_path in enumerate(models):
        outputs = load_model(model_path, dataclasses.replace(engine, api=INTERPRETER)).outputs  # the same of both
        counts.append(len(outputs))
        for number, output in enumerate(outputs):
            kept = (output.sample_shape, output.dtype)
            shape, dtype = reduced(*kept) if reduce else kept
            arrays.append((f"model{which}.output{number}", (samples, *shape), dtype))
    file = OutputsFile(path, arrays)
    places = iter(file.places())
    return file, [tuple(itertools.islice(places, count)) for count in counts]


# --- latency ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timing:
    """Raw times of one model in milliseconds, block by block, and how its warm-up went."""

    blocks_ms: list[list[float]]
    warm_up_runs: int
    steady: bool


def time_models(
    models: Sequence[Model], *, runs: int | None, warm_up: int | None, quick: bool, advance: Callable[[float], None]
) -> list[Timing]:
    """Time `invoke()` of all models, in blocks that take turns, so that a drift of the machine hits all alike.

    Inputs must have been set. Without `runs` each model gets what fits into 2 s (quick: 0.3 s), 100 to 1,000
    (quick: 20 to 200).
    """
    warmed = [_warm_up(model, warm_up, 1.0 if quick else 3.0) for model in models]
    seconds, fewest, most = (0.3, 20, 200) if quick else (2.0, 100, 1000)
    counts = [runs or int(min(max(seconds * 1e3 / median, fewest), most)) for _, _, median in warmed]
    rounds = min(10, *counts)
    blocks: list[list[list[float]]] = [[] for _ in models]
    for turn in range(rounds):
        order = range(len(models)) if turn % 2 == 0 else reversed(range(len(models)))
        for which in order:
            share = counts[which] * (turn + 1) // rounds - counts[which] * turn // rounds
            if warm_up is None:
                _invoke_ms(models[which], 1)  # the models before have emptied the caches
            blocks[which].append(_invoke_ms(models[which], share))
        advance(1 / rounds)
    return [Timing(blocks[which], ran, steady) for which, (ran, steady, _) in enumerate(warmed)]


def _invoke_ms(model: Model, count: int) -> list[float]:
    invoke, clock = model.interpreter.invoke, time.perf_counter_ns
    # Run again and again on one sample, a state may run off to values that take longer. An app resets it as well.
    reset = model.interpreter.reset_all_variables if model.state == "variables" else None
    times = []
    gc_was_on = gc.isenabled()
    gc.disable()
    try:
        with model.engine.running(model.path):
            for _ in range(count):
                if reset is not None:
                    reset()
                started = clock()
                invoke()
                times.append((clock() - started) / 1e6)
    finally:
        if gc_was_on:
            gc.enable()
    return times


def _warm_up(model: Model, fixed: int | None, limit_s: float) -> tuple[int, bool, float]:
    """Invoke until two windows in a row have the same median within 3 %: (runs, whether they had, last median in ms).

    A window is 5 runs or 50 ms, whichever is longer.
    """
    if fixed is not None:
        times = _invoke_ms(model, fixed)
        return fixed, True, float(np.median(times)) if times else 1.0
    deadline = time.monotonic() + limit_s
    size = max(5, int(50 / max(_invoke_ms(model, 2)[1], 1e-3)))
    last, ran = float(np.median(_invoke_ms(model, size))), size + 2
    while True:
        median, ran = float(np.median(_invoke_ms(model, size))), ran + size
        if abs(median - last) <= STEADY_WITHIN * last:
            return ran, True, median
        if time.monotonic() > deadline:
            return ran, False, median
        last = median


def summarize(timing: Timing, threads: int) -> dict[str, Any]:
    """Percentiles (linear interpolation) in milliseconds, and the raw times."""
    times = np.concatenate([np.asarray(block) for block in timing.blocks_ms])
    p50, p90, p99 = (float(value) for value in np.percentile(times, [50, 90, 99]))
    return {
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "mean": float(times.mean()),
        "min": float(times.min()),
        "max": float(times.max()),
        "runs": len(times),
        "threads": threads,
        "outliers": count_outliers(times),
        "warm_up_runs": timing.warm_up_runs,
        "steady": timing.steady,
        "blocks": timing.blocks_ms,
    }


def count_outliers(times: np.ndarray[Any, Any]) -> int:
    """How many times have a modified z-score 0.6745 (x - median) / MAD above `OUTLIER_Z`.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993. The MAD is at least 1 % of the median, so
    that a clock's steps are no outliers.
    """
    median = np.median(times)
    spread = max(float(np.median(np.abs(times - median))), 0.01 * float(median))
    return int(np.count_nonzero(0.6745 * (times - median) / spread > OUTLIER_Z)) if spread else 0


# --- one model in a process of its own --------------------------------------------------------------------------------


def probe(path: Path, engine: Engine) -> dict[str, Any]:
    """Load time and peak memory of a process that holds this model alone; the file itself is in the page cache."""
    path.read_bytes()
    before = _status_bytes("VmRSS")
    started = time.perf_counter()
    if engine.api == COMPILED:
        interpreter: Any = CompiledRunner(path, engine)
    else:
        interpreter = engine.interpreter(path)
        _allocate(interpreter, path, engine)
    load_ms = (time.perf_counter() - started) * 1e3
    with engine.reading(path):
        inputs = (
            interpreter.inputs
            if engine.api == COMPILED
            else [_tensor(detail, {}) for detail in interpreter.get_input_details()]
        )
    with engine.running(path):
        for tensor in inputs:
            interpreter.set_tensor(tensor.index, random_input(tensor))
        started = time.perf_counter()
        interpreter.invoke()
        first_invoke_ms = (time.perf_counter() - started) * 1e3
        interpreter.invoke()
    peak = _status_bytes("VmHWM")
    grown = peak - before if peak is not None and before is not None else None
    return {
        "load_ms": load_ms,
        "first_invoke_ms": first_invoke_ms,
        "peak_memory_bytes": peak,
        "model_memory_bytes": grown,
    }


def _status_bytes(field: str) -> int | None:
    for line in _text(Path("/proc/self/status")).splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None


def ended_by_signal(number: int, who: str, model: str) -> BenchmarkError:
    """What it means that a process which ran a model was ended by a signal."""
    name = signal.Signals(number).name
    hint = (
        "There is too little memory for it."
        if name == "SIGKILL"
        else "The file may be damaged, or need more memory than it gets: make it again, try another runtime or "
        "--delegate none, or give benchmark.py --memory MIB."
    )
    return BenchmarkError(f"{who} was ended by {name} while it ran {model}.", hint)


# Imported, as Python keeps what it compiled of a module, but of a script nothing: a third of the time it starts in.
START = (
    "import os, sys; sys.argv.pop(0); folder, name = os.path.split(sys.argv[0]); sys.path[:1] = [folder]; "
    "sys.exit(__import__(name[:-3]).main())"
)


def apart(question: str, path: Path, engine: Engine) -> dict[str, Any]:
    """What this script answers to the option `question` in a fresh process, so that a crash of the runtime is survived.

    Raises:
        BenchmarkError: the process failed, was killed, or gave no answer within `PROBE_S`.
    """
    command = [sys.executable, "-c", START, __file__, str(path), question, "--runtime", engine.runtime.name]
    command += ["--threads", str(engine.threads), "--delegate", engine.delegate, "--memory", str(engine.memory_mib)]
    command += ["--api", engine.api]
    for key, value in engine.delegate_options.items():
        command += ["--delegate-option", f"{key}={value}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PROBE_S, check=False)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(
            f"{path.name} did not load and run a few times within {PROBE_S:g} s.",
            "If that is no wonder on this machine, give --no-load.",
        ) from None
    except OSError as error:
        raise BenchmarkError(f"Expected to start {sys.executable} again, got: {error}", "Give --no-load.") from error
    if done.returncode < 0:
        raise ended_by_signal(-done.returncode, engine.runtime.name, path.name)
    if done.returncode:
        said = [line for line in done.stderr.strip().splitlines() if not line.encode().startswith(GREETINGS)]
        lines = [line.removeprefix("error: ") for line in said[-2:]]
        raise BenchmarkError(
            lines[0] if lines else f"{path.name} failed", lines[-1] if lines else f"Run it with {question}."
        )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


# --- time per operator ------------------------------------------------------------------------------------------------

# The interpreters have no profiler. The wheel's C library has one, but nothing in its structures tells their version:
# only a release that was tried is asked, on machines where it was tried.
PROFILED_RUNTIMES = {("ai-edge-litert", "2.3.0")}
PROFILED_MACHINES = {("Linux", "x86_64"), ("Linux", "aarch64")}
CPU_ACCELERATOR = 1
WRITE = 1
NOT_ASKED = "not asked for"
TOP_OPERATORS = 8
OPERATOR_EVENT, DELEGATE_OPERATOR_EVENT = 2, 8
WHOLE_RUN = (1, b"Invoke")
# LiteRT's element types to those of NumPy.
ELEMENT_TYPES = {1: "float32", 2: "int32", 3: "uint8", 4: "int64", 7: "int16", 9: "int8"}


class _TensorType(ctypes.Structure):
    """LiteRtRankedTensorType of litert/c/litert_model_types.h: the rank is in the lowest seven bits of `rank`."""

    _fields_ = [
        ("element", ctypes.c_int32),
        ("rank", ctypes.c_uint32),
        ("sizes", ctypes.c_int32 * 8),
        ("strides", ctypes.c_uint32 * 8),
    ]


class _Event(ctypes.Structure):
    """ProfiledEventData as the library lays it out: twice three words of memory use, which the C header has as two.

    Source: litert/c/litert_profiler_event.h and tflite/profiling/memory_info.h; the size, 104 bytes, by looking.
    """

    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory", ctypes.c_int64 * 6),
        ("metadata", ctypes.c_uint64 * 2),
        ("source", ctypes.c_int),
    ]


class CompiledModel:
    """A model compiled by libLiteRt.so for the CPU, with profiling on. Lives as long as its process."""

    def __init__(self, path: Path, threads: int) -> None:
        spec = importlib.util.find_spec(RUNTIMES["ai-edge-litert"])
        assert spec is not None
        assert spec.origin is not None
        self.library = ctypes.CDLL(str(Path(spec.origin).parent / "libLiteRt.so"))
        self.environment = self.made("LiteRtCreateEnvironment", 0, None)
        model = self.made("LiteRtCreateModelFromFile", self.environment, os.fsencode(path))
        options = self.made("LiteRtCreateOptions")
        self.call("LiteRtSetOptionsHardwareAccelerators", options, CPU_ACCELERATOR)
        self.kept: list[Any] = []
        for name, text in (
            ("runtime_options_string", "enable_profiling = true"),
            ("xnnpack", f"num_threads = {threads}"),
        ):
            payload = ctypes.create_string_buffer(f"{text}\n".encode())
            release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
            self.kept += [payload, release]  # the library keeps pointers to both
            opaque = self.made("LiteRtCreateOpaqueOptions", name.encode(), payload, release)
            self.call("LiteRtAddOpaqueOptions", options, opaque)
        self.model = self.made("LiteRtCreateCompiledModel", self.environment, model, options)
        self.profiler = self.made("LiteRtCompiledModelGetProfiler", self.model)
        signature = self.made("LiteRtGetModelSignature", model, ctypes.c_size_t(0))
        self.inputs = self._buffers(signature, "Input")
        self.outputs = self._buffers(signature, "Output")

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function of the library.

        Raises:
            BenchmarkError: it is not there, or its status is not 0.
        """
        try:
            status = getattr(self.library, function)(*arguments)
        except AttributeError:
            raise BenchmarkError(
                f"Expected libLiteRt.so to have {function}; it has not.", "Leave out --operators."
            ) from None
        if status:
            raise BenchmarkError(f"{function} of libLiteRt.so failed with status {status}.", "Leave out --operators.")

    def made(self, function: str, *arguments: Any) -> ctypes.c_void_p:
        """What a function of the library returns through its last argument."""
        result = ctypes.c_void_p()
        self.call(function, *arguments, ctypes.byref(result))
        return result

    def _buffers(self, signature: ctypes.c_void_p, side: str) -> Any:
        count = ctypes.c_size_t()
        self.call(f"LiteRtGetNumSignature{side}s", signature, ctypes.byref(count))
        buffers = []
        for which in map(ctypes.c_size_t, range(count.value)):
            tensor, kind = self.made(f"LiteRtGetSignature{side}TensorByIndex", signature, which), _TensorType()
            self.call("LiteRtGetRankedTensorType", tensor, ctypes.byref(kind))
            needs = self.made(f"LiteRtGetCompiledModel{side}BufferRequirements", self.model, ctypes.c_size_t(0), which)
            create = "LiteRtCreateManagedTensorBufferFromRequirements"
            buffers.append(self.made(create, self.environment, ctypes.byref(kind), needs))
            if side == "Input":
                self._fill(buffers[-1], kind)
        return (ctypes.c_void_p * len(buffers))(*buffers)

    def _fill(self, buffer: ctypes.c_void_p, kind: _TensorType) -> None:
        if kind.element not in ELEMENT_TYPES:
            raise BenchmarkError(f"No input for LiteRT's element type {kind.element}.", "Leave out --operators.")
        shape, dtype = tuple(kind.sizes[: kind.rank & 0x7F]), np.dtype(ELEMENT_TYPES[kind.element])
        quantized = float(dtype.itemsize == 1)  # int8 takes any value; wider integers mean something
        values = random_input(Tensor(0, ("",), shape, dtype, quantized, 0))
        address = ctypes.c_void_p()
        self.call("LiteRtLockTensorBuffer", buffer, ctypes.byref(address), WRITE)
        ctypes.memmove(address, values.ctypes.data, values.nbytes)
        self.call("LiteRtUnlockTensorBuffer", buffer)

    def run(self) -> list[tuple[int, bytes, int]]:
        """One inference: kind, name and whole microseconds of what was noted of it, in order."""
        ends = [argument for side in (self.inputs, self.outputs) for argument in (ctypes.c_size_t(len(side)), side)]
        self.call("LiteRtResetProfiler", self.profiler)
        self.call("LiteRtStartProfiler", self.profiler)
        self.call("LiteRtRunCompiledModel", self.model, ctypes.c_size_t(0), *ends)
        self.call("LiteRtStopProfiler", self.profiler)
        count = ctypes.c_int()
        self.call("LiteRtGetNumProfilerEvents", self.profiler, ctypes.byref(count))
        events = (_Event * count.value)()
        self.call("LiteRtGetProfilerEvents", self.profiler, count, events)
        return [(event.kind, event.tag, event.elapsed_us) for event in events]


def profile(path: Path, engine: Engine) -> dict[str, Any]:
    """Mean times of what a model runs, in the order in which it does, over the faster half of the runs.

    Medians would be of no use to a clock of whole microseconds, and a mean of all runs has every interruption in it.
    The names are those of XNNPACK's own nodes, which may be more or fewer than the model's operators; an operator that
    XNNPACK leaves out has its TFLite name. The profiler counts whole microseconds of each, rounded down.

    Raises:
        BenchmarkError: the library answers otherwise than the release that this was written for.
    """
    model = CompiledModel(path, engine.threads)
    started = time.perf_counter()
    for _ in range(5):
        model.run()
    took_s = (time.perf_counter() - started) / 5
    runs = [model.run() for _ in range(int(min(max(1.0 / took_s, 10), 500)))]
    operators = [[event for event in run if event[0] in {OPERATOR_EVENT, DELEGATE_OPERATOR_EVENT}] for run in runs]
    names = [[name for _, name, _ in run] for run in operators]
    if not names[0] or any(other != names[0] for other in names):
        raise BenchmarkError("The profiler named other operators from run to run.", "Leave out --operators.")
    times = np.array([[elapsed_us for _, _, elapsed_us in run] for run in operators]) / 1e3
    whole = np.array([sum(elapsed_us for kind, name, elapsed_us in run if (kind, name) == WHOLE_RUN) for run in runs])
    means = times[whole <= np.median(whole)].mean(axis=0)
    return {
        "runs": len(runs),
        "operators": [{"operator": name.decode(), "mean": mean} for name, mean in zip(names[0], means.tolist())],  # noqa: B905
    }


def operator_times(path: Path, engine: Engine) -> tuple[dict[str, Any] | None, str | None]:
    """`profile` from a process of its own, or None and the reason why there is none."""
    runtime = engine.runtime
    if (runtime.name, runtime.version) not in PROFILED_RUNTIMES:
        known = ", ".join(" ".join(pair) for pair in sorted(PROFILED_RUNTIMES))
        return None, f"{runtime.name} {runtime.version} offers none that was tried; {known} does"
    if (platform.system(), platform.machine()) not in PROFILED_MACHINES:
        return None, f"not tried on {platform.system()} {platform.machine()}"
    if engine.delegate != "xnnpack":
        return None, f"the profiler always runs XNNPACK, this run --delegate {engine.delegate}"
    try:
        return apart("--profile", path, engine), None
    except BenchmarkError as error:
        return None, error.problem


# --- the machine ------------------------------------------------------------------------------------------------------

# Arm's MIDR part numbers (implementer 0x41), from the cores' Technical Reference Manuals.
ARM_PARTS = {
    0xB76: "ARM1176",
    0xC07: "Cortex-A7",
    0xC08: "Cortex-A8",
    0xC09: "Cortex-A9",
    0xC0F: "Cortex-A15",
    0xD03: "Cortex-A53",
    0xD04: "Cortex-A35",
    0xD05: "Cortex-A55",
    0xD07: "Cortex-A57",
    0xD08: "Cortex-A72",
    0xD09: "Cortex-A73",
    0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76",
    0xD0C: "Neoverse N1",
    0xD0D: "Cortex-A77",
    0xD40: "Neoverse V1",
    0xD41: "Cortex-A78",
    0xD49: "Neoverse N2",
}
# What XNNPACK chooses its int8 kernels by, as /proc/cpuinfo names it and as Arm and Intel do; the slowest first.
# Source: src/configs/gemm-config.c of XNNPACK, and arch/arm64/kernel/cpuinfo.c and cpufeatures.h of Linux.
INT8_INSTRUCTIONS = {
    "neon": "NEON",  # 32-bit Arm; on 64-bit Arm it is asimd
    "asimd": "NEON",
    "asimddp": "dotprod",
    "i8mm": "i8mm",
    "sme": "SME",
    "sme2": "SME2",
    "sse4_1": "SSE4.1",
    "avx2": "AVX2",
    "avx512bw": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "amx_int8": "AMX-INT8",
}
THROTTLED_NOW = {0: "under-voltage", 1: "Arm frequency capped", 2: "throttled", 3: "soft temperature limit"}


def _text(path: Path) -> str:
    """A small file of /proc or /sys; empty where this machine has none or lets nobody read it."""
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _number(path: Path, unit: float) -> float | None:
    text = _text(path)
    return float(text) * unit if text.lstrip("-").isdigit() else None


def describe_machine(root: Path = Path("/")) -> dict[str, Any]:
    """What does not change during a run. `root` is where /proc and /sys hang."""
    fields: dict[str, list[str]] = {}
    for line in _text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), []).append(value.strip())
    parts = dict.fromkeys(int(part, 16) for part in fields.get("cpu part", []) if part.startswith("0x"))
    arm = fields.get("cpu implementer", [""])[0] == "0x41"
    cores = [ARM_PARTS.get(part, f"Arm part {part:#x}") for part in parts] if arm else []
    dmi = root / "sys/class/dmi/id"
    board = _text(root / "proc/device-tree/model") or " ".join(
        filter(None, (_text(dmi / "sys_vendor"), _text(dmi / "product_name")))
    )
    memory = next((line for line in _text(root / "proc/meminfo").splitlines() if line.startswith("MemTotal:")), "")
    policy = root / "sys/devices/system/cpu/cpufreq/policy0"
    return {
        "board": board or None,
        "cpu": " + ".join(cores) or fields.get("model name", [platform.processor()])[0] or None,
        "architecture": platform.machine(),
        "int8_instructions": _int8_instructions(fields),
        "cores": available_cores(),
        "system": platform.platform(),
        "memory_bytes": int(memory.split()[1]) * 1024 if memory else None,
        "governor": _text(policy / "scaling_governor") or None,
        "clock_max_mhz": _number(policy / "scaling_max_freq", 1e-3),
    }


def _int8_instructions(fields: dict[str, list[str]]) -> list[str] | None:
    """Of `INT8_INSTRUCTIONS` those that all cores have; None where /proc/cpuinfo does not tell."""
    listed = [set(line.split()) for line in (*fields.get("features", ()), *fields.get("flags", ()))]
    if not listed:
        return None
    common = set.intersection(*listed)
    return [name for flag, name in INT8_INSTRUCTIONS.items() if flag in common]


def machine_state(root: Path = Path("/")) -> dict[str, Any]:
    """What may change during a run; null where the machine does not tell."""
    policy = root / "sys/devices/system/cpu/cpufreq/policy0"
    return {
        "temperature_c": _number(root / "sys/class/thermal/thermal_zone0/temp", 1e-3),
        "clock_mhz": _number(policy / "scaling_cur_freq", 1e-3),
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "throttled": _throttled_bits(),
    }


def _throttled_bits() -> int | None:
    """The Raspberry Pi firmware's bits: 0 to 3 name what limits the board now, 16 to 19 what did since boot."""
    try:
        done = subprocess.run(["vcgencmd", "get_throttled"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    _, found, bits = done.stdout.strip().partition("throttled=")
    return int(bits, 16) if found else None


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def others_cpu_s(root: Path = Path("/")) -> float | None:
    """CPU seconds since boot of all but this process and its ended children (a hypervisor's theft included)."""
    ticks = _text(root / "proc/stat").partition("\n")[0].split()
    if len(ticks) < 9 or ticks[0] != "cpu":
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(value) for value in ticks[1:9])
    own = sum(os.times()[:4])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK") - own


# --- warnings ---------------------------------------------------------------------------------------------------------


def find_warnings(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The named warnings that a result deserves.

    Each is there once an advice, with all that was `seen`: a detail, and the place in `models` of what it is about.
    """
    machine, before, after = result["machine"], result["machine"]["before"], result["machine"]["after"]
    found: dict[tuple[str, str], dict[str, Any]] = {}

    def add(name: str, detail: str, model: int | None = None, advice: str | None = None) -> None:
        said = advice or ADVICE[name]
        warning = found.setdefault((name, said), {"name": name, "seen": [], "advice": said})
        warning["seen"].append({"model": model, "detail": detail})

    seen = ((before["throttled"] or 0) | (after["throttled"] or 0)) & 0xF
    seen |= ((after["throttled"] or 0) & ~(before["throttled"] or 0)) >> 16 & 0xF
    if seen:
        add(THROTTLED, ", ".join(text for bit, text in THROTTLED_NOW.items() if seen >> bit & 1))
    if machine["governor"] not in {None, "performance"}:
        add(GOVERNOR, f"the governor is {machine['governor']}")
    if result["other_load_cores"] is not None and result["other_load_cores"] > BUSY_CORES:
        add(OTHER_LOAD, f"other programs kept {result['other_load_cores']:.1f} cores busy meanwhile")
    for which, model in enumerate(result["models"]):
        for name, detail, advice in _model_warnings(model, result["runtime"]["name"], result["delegate"]):
            add(name, detail, which, advice)
    floats = [model for model in result["models"] if model["kind"] == "float32" and model["latency_ms"]]
    for which, model in enumerate(result["models"]):
        if model["kind"] != "float32" and model["latency_ms"] and floats:
            own, other = model["latency_ms"]["p50"], floats[0]["latency_ms"]["p50"]
            if own > SLOWER * other:
                advice = _why_slower(model, result["runtime"]["name"], result["delegate"])
                name = INT8_SLOWER if model["kind"] == "int8" else SLOWER_THAN_FLOAT
                add(name, f"p50 {own:.3g} ms, the float32 model's {other:.3g} ms", which, advice)
    return list(found.values())


def _why_slower(model: dict[str, Any], runtime: str, delegate: str) -> str:
    """The likeliest reason, by what was measured, and what to do about it."""
    if delegate == "none":
        return "Leave out --delegate none: XNNPACK is what makes int8 fast."
    if delegate != "xnnpack":
        return f"Not all work is {delegate}'s: look at the operators column."
    if model["kind"] == "int16x8":
        return "XNNPACK has no kernels for 16-bit activations: int8 is faster, and int16x8 is for what int8 loses."
    if model["kind"] == "mixed":
        return ADVICE[SLOWER_THAN_FLOAT]
    return _why_slower_in_int8(model, runtime)


def _why_slower_in_int8(model: dict[str, Any], runtime: str) -> str:
    operators = sum(model["operators"].values())
    own = [entry for entry in model["delegates"] if entry["name"] == "xnnpack"]
    taken = sum(entry["operators"] for entry in own)
    if taken < operators and runtime == "tflite-runtime":
        return "tflite-runtime runs int8 without XNNPACK: try ai-edge-litert."
    if taken < operators:
        cut = ", and cut the model into parts" if sum(entry["partitions"] for entry in own) > 1 else ""
        return f"XNNPACK runs {taken} of {operators} operators: the others are slow{cut}."
    operator_us = model["latency_ms"]["p50"] * 1e3 / operators
    if operator_us < SMALL_OPERATOR_US:
        return (
            f"At {operator_us:.2f} us an operator a good part of the time goes into starting operators, which costs "
            "more in int8: a larger model says more about int8."
        )
    return ADVICE[INT8_SLOWER]


def _model_warnings(model: dict[str, Any], runtime: str, delegate: str) -> list[tuple[str, str, str | None]]:
    """Name, detail, and the advice where it is not the usual one."""
    found: list[tuple[str, str, str | None]] = []
    latency = model["latency_ms"]
    if latency:
        if latency["runs"] < RUNS_FOR_P99:
            found.append((TOO_FEW_RUNS, f"{latency['runs']} runs", None))
        if latency["outliers"] > OUTLIER_SHARE * latency["runs"]:
            found.append((OUTLIERS, f"{latency['outliers']} of {latency['runs']} runs far slower than the rest", None))
        if not latency["steady"]:
            found.append((NOT_STEADY, f"not steady after {latency['warm_up_runs']} runs", None))
    given = list(zip(model.get("inputs", ()), model.get("inputs_from") or ()))  # noqa: B905
    if len(given) > 1 and any(tensor["name"] != name for tensor, name in given):
        pairs = ", ".join(f"{tensor['name']} was given {name}" for tensor, name in given)
        found.append((INPUTS_BY_ORDER, pairs, None))
    applied = {entry["name"] for entry in model["delegates"]}
    if delegate == "xnnpack" and not applied and model["kind"] != "int16x8":
        if model["kind"] != "float32" and runtime == "tflite-runtime":
            found.append((INT8_WITHOUT_XNNPACK, "XNNPACK took no operator", None))
        else:
            found.append((DELEGATE_NOT_APPLIED, "XNNPACK took no operator", PLAIN_KERNELS))
    elif delegate not in OWN_DELEGATES and not applied - {"xnnpack"} and model["kind"] != "float32":
        found.append((DELEGATE_NOT_APPLIED, f"{delegate} took no operator", None))
    return found


# --- against an earlier result ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """What a comparison reads of a result: all of it is looked up at once, so that a wrong file is told beforehand."""

    conditions: dict[str, Any]
    samples: tuple[Any, Any] | None
    models: tuple[PastModel, ...]

    @classmethod
    def of(cls, result: dict[str, Any]) -> Past:
        """By what `--json` writes."""
        machine, runtime, data = result["machine"], result["runtime"], result["data"]
        conditions = {
            "board": machine["board"],
            "CPU": machine["cpu"],
            "runtime": f"{runtime['name']} {runtime['version']}",
            "API": result.get("api", INTERPRETER),
            "delegate": result["delegate"],
            "number of threads": result["threads"],
            "governor": machine["governor"],
        }
        samples = (data["indices"], data["labels"]) if data else None
        return cls(conditions, samples, tuple(PastModel.of(model) for model in result["models"]))


@dataclass(frozen=True)
class PastModel:
    """One model of a result; `block_medians_ms` are its times' medians, block by block."""

    file: str
    sha256: str
    network: tuple[Any, ...]
    p50_ms: float | None
    block_medians_ms: tuple[float, ...]
    correct: int | None
    predicted: tuple[int, ...] | None

    @classmethod
    def of(cls, model: dict[str, Any]) -> PastModel:
        """By its entry in `models`."""
        latency, accuracy = model["latency_ms"], model["accuracy"]
        outputs = model.get("outputs") or [model["output"]]  # there was but one in earlier results
        shapes = [tuple(tensor["shape"]) for tensor in (*model["inputs"], *outputs)]
        return cls(
            model["file"],
            model["sha256"],
            (model["kind"], tuple(sorted(model["operators"].items())), *shapes),
            latency["p50"] if latency else None,
            tuple(float(np.median(block)) for block in latency["blocks"] if block) if latency else (),
            accuracy["correct"] if accuracy else None,
            tuple(accuracy["predicted"]) if accuracy and accuracy["predicted"] is not None else None,
        )


def read_reference(path: Path) -> dict[str, Any]:
    """An earlier result of this script.

    Raises:
        BenchmarkError: the file is none, or of another version of the script.
    """
    remedy = "Give what an earlier run of this version wrote with --json; deploy/reference has some to compare with."
    with in_words(f"Expected an earlier result, got {path}", remedy):
        if not path.is_file() or path.stat().st_size > MOST_RESULT_BYTES:
            raise ValueError("no file, or too large for one")
        result: dict[str, Any] = json.loads(path.read_text())
        if result["schema"] == SCHEMA:  # all that will be read of it is tried at once, against itself
            against = json.loads(json.dumps(compare(result, result, path.name), allow_nan=False))
            _against_text({**result, "against": against})
    if result["schema"] != SCHEMA:
        raise BenchmarkError(f"Expected a result of schema {SCHEMA}, {path.name} has {result['schema']}.", remedy)
    return result


def compare(result: dict[str, Any], reference: dict[str, Any], name: str) -> dict[str, Any]:
    """This result against an earlier one, called `name`.

    A model's counterpart is the one of the same bytes; where there is none, the first of the same kind, operators and
    shapes that is nobody's yet: training and conversion need not give the same bytes on two machines. Times are
    compared by their medians; how far a median may be off is told by the medians of its blocks.
    """
    here, there = Past.of(result), Past.of(reference)
    differences = [
        f"the {what} is {value or 'unknown'} here, {there.conditions[what] or 'unknown'} there"
        for what, value in here.conditions.items()
        if value != there.conditions[what]
    ]
    same_samples = here.samples == there.samples if here.samples and there.samples else None
    counterparts = _counterparts(here.models, there.models)
    return {
        "file": name,
        "created": reference["created"],
        "differences": differences,
        "warnings": [warning["name"] for warning in reference["warnings"]],
        "same_samples": same_samples,
        "models": [
            _compare_models(own, there.models[which], bool(same_samples)) if which is not None else None
            for own, which in zip(here.models, counterparts)  # noqa: B905
        ],
    }


def _counterparts(here: Sequence[PastModel], there: Sequence[PastModel]) -> list[int | None]:
    taken: dict[int, int] = {}
    for key in (attrgetter("sha256"), attrgetter("network")):
        for which, own in enumerate(here):
            free = [
                place for place in range(len(there)) if place not in taken.values() and key(own) == key(there[place])
            ]
            if which not in taken and free:
                taken[which] = free[0]
    return [taken.get(which) for which in range(len(here))]


def _compare_models(here: PastModel, there: PastModel, same_samples: bool) -> dict[str, Any]:
    ratio = ratio_range = None
    if here.p50_ms and there.p50_ms:
        ratio = here.p50_ms / there.p50_ms
        ratio_range = [
            min(here.block_medians_ms) / max(there.block_medians_ms),
            max(here.block_medians_ms) / min(there.block_medians_ms),
        ]
    drop = differing = None
    if same_samples and here.predicted and there.predicted:
        differing = sum(own != other for own, other in zip(here.predicted, there.predicted))  # noqa: B905
        if here.correct is not None and there.correct is not None:
            drop = 100 * (there.correct - here.correct) / len(here.predicted)
    return {
        "file": there.file,
        "same_bytes": here.sha256 == there.sha256,
        "p50_ms": there.p50_ms,
        "p50_ratio": ratio,
        "p50_ratio_range": ratio_range,
        "top1_drop": drop,
        "predicted_otherwise": differing,
    }


# --- the whole --------------------------------------------------------------------------------------------------------


class ProgressLines:
    """`progress FRACTION PHASE` on stderr, for a program that waits; a person at a terminal gets a line that changes.

    `weights` are of the phases that there will be.
    """

    def __init__(self, shown: bool, weights: dict[str, float]) -> None:
        self.shown = shown
        self.weights = weights
        self.done = 0.0

    def phase(self, name: str) -> Callable[[float], None]:
        """A function that is told fractions of a phase."""
        share = self.weights.get(name, 0.0) / sum(self.weights.values())

        def advance(fraction: float) -> None:
            self.done = min(self.done + fraction * share, 1.0)
            if self.shown:
                # In one piece: the runtimes of all processes write to stderr too.
                sys.stderr.write(f"progress {self.done:.4f} {name}\n")
                sys.stderr.flush()
            elif sys.stderr.isatty():
                # The cursor goes back to the line's start, so that whatever is written next takes its place.
                told = "" if self.done > 0.999 else f"{name}, {100 * self.done:.0f} % done"
                sys.stderr.write(f"{told}\x1b[K\r")
                sys.stderr.flush()

        return advance


def make_engine(arguments: argparse.Namespace) -> Engine:
    """The engine that the command line asks for, once it is clear that the models are there."""
    for path in arguments.models:
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            raise BenchmarkError(f"Expected a .tflite file, {path} {what}.", "Check the path.")
    for output in (arguments.outputs, None if arguments.json == "-" else arguments.json):
        if output and not _can_be_written(Path(output)):
            raise BenchmarkError(f"Expected a file that can be written, got {output}.", "Give another path.")
    runtime = find_runtime(arguments.runtime)
    if arguments.api == COMPILED:
        require_compiled_model(runtime, arguments.delegate)
    options = dict(arguments.delegate_option)
    return Engine(runtime, arguments.threads, arguments.delegate, options, memory_mib(arguments), arguments.api)


def _can_be_written(path: Path) -> bool:
    """What is told before anything is measured; the disk may still be full then."""
    return os.access(path if path.exists() else path.parent, os.W_OK) and not path.is_dir()


def memory_mib(arguments: argparse.Namespace) -> int:
    """What is asked for; else room for tensors, and for the weights several times over, which runtimes pack anew."""
    sizes = [path.stat().st_size for path in arguments.models if path.is_file()]
    return int(arguments.memory or MOST_MEMORY_MIB + (8 * sum(sizes) >> 20))


def limit_memory(mib: int) -> None:
    """Let this process and its children have no more memory each; on Linux alone."""
    if sys.platform == "linux":
        resource = importlib.import_module("resource")  # which Windows lacks
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (mib << 20, most))


def infer(arguments: argparse.Namespace) -> None:
    """Run each model `--inferences` times on its first sample and nothing else: for a count of instructions.

    Each stands between two system calls that nothing else here makes: an emulator sees where it begins and ends.
    """
    engine = make_engine(arguments)
    evaluation = open_evaluation(arguments.data, 1) if arguments.data else None
    mark = functools.partial(os.getpriority, os.PRIO_PROCESS, 0)
    counting = ProgressLines(arguments.progress, {"counting": 1.0}).phase("counting")
    for path in arguments.models:
        model = load_model(path, engine)
        _set_first_sample(model, evaluation, arguments.preprocess)
        invoke = model.interpreter.invoke
        with engine.running(path):
            mark()
            for _ in range(arguments.inferences):
                invoke()
                mark()
        counting(1 / len(arguments.models))


def ask_all(
    arguments: argparse.Namespace, engine: Engine, evaluation: Evaluation, lines: ProgressLines
) -> tuple[list[Predictions], int | None]:
    """What each model says of the samples, and how many bytes the file of their outputs took, where there is one."""
    single = dataclasses.replace(engine, threads=1)
    workers = 1 if engine.library else arguments.workers or available_cores()
    paths, reduce, into = arguments.models, arguments.reduce == "argmax", arguments.outputs
    advance, total = lines.phase("accuracy"), len(paths) * len(evaluation.indices)
    work = Work(paths[0], single, evaluation, arguments.preprocess, reduce=reduce)

    def ask(path: Path, places: tuple[Place, ...]) -> Predictions:
        own = dataclasses.replace(work, path=path, places=places)
        return predict(own, workers=workers, advance=lambda count: advance(count / total))

    if into is None:
        return [ask(path, ()) for path in paths], None
    file, places = outputs_file(into, paths, single, len(evaluation.indices), reduce=reduce)
    if arguments.progress:
        print(f"outputs: {file.bytes:,} bytes", file=sys.stderr, flush=True)
    with file.opened():
        return [ask(path, own) for path, own in zip(paths, places)], file.bytes  # noqa: B905


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all models and return what `--json` writes."""
    engine = make_engine(arguments)
    runtime = engine.runtime
    evaluation = open_evaluation(arguments.data, arguments.samples) if arguments.data else None
    paths: list[Path] = arguments.models
    reference = read_reference(arguments.against) if arguments.against else None
    weights = {"loading": 1.0}
    weights |= {"accuracy": 5.0} if evaluation else {}
    weights |= {"latency": 4.0} if arguments.latency else {}
    lines = ProgressLines(arguments.progress, weights)
    machine = describe_machine()
    machine["before"] = machine_state()

    probing = lines.phase("loading")
    probes = []
    for path in paths:
        probes.append(apart("--probe", path, engine) if arguments.probe_models else {})
        probing(1 / len(paths))

    predictions, outputs_bytes = ask_all(arguments, engine, evaluation, lines) if evaluation else ([], None)
    anatomies = [dissect(path, engine) for path in paths]
    models = [load_model(path, engine) for path in paths]
    timings: list[Timing] = []
    others, started = others_cpu_s(), time.monotonic()
    if arguments.latency:
        for model in models:
            _set_first_sample(model, evaluation, arguments.preprocess)
        timings = time_models(
            models,
            runs=arguments.runs,
            warm_up=arguments.warm_up,
            quick=arguments.quick,
            advance=lines.phase("latency"),
        )
    elapsed, others_after = time.monotonic() - started, others_cpu_s()
    machine["after"] = machine_state()
    profiles = [operator_times(path, engine) if arguments.operators else (None, NOT_ASKED) for path in paths]
    result = {
        "schema": SCHEMA,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "runtime": {"name": runtime.name, "version": runtime.version, "why": runtime.why},
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": machine,
        "other_load_cores": max(others_after - others, 0.0) / elapsed
        if timings and others is not None and others_after is not None
        else None,
        "api": arguments.api,
        "delegate": arguments.delegate,
        "threads": arguments.threads,
        "timed_input": ("first sample" if evaluation else "random") if timings else None,
        "data": _describe_data(evaluation, arguments, outputs_bytes),
        "models": [
            {
                **_describe_model(model, anatomies[which]),
                "inputs_from": evaluation.matched(model.inputs) if evaluation else None,
                **dict(zip(("operator_times_ms", "operator_times_reason"), profiles[which])),  # noqa: B905
                **probes[which],
                "accuracy": _accuracy(predictions[which], predictions[0], evaluation) if evaluation else None,
                "latency_ms": summarize(timings[which], arguments.threads) if timings else None,
            }
            for which, model in enumerate(models)
        ],
    }
    result["warnings"] = find_warnings(result)
    result["against"] = compare(result, reference, arguments.against.name) if reference else None
    return result


def _set_first_sample(model: Model, evaluation: Evaluation | None, preprocess: str | None) -> None:
    names: Sequence[str | None] = [None] * len(model.inputs) if evaluation is None else evaluation.matched(model.inputs)
    for tensor, name in zip(model.inputs, names):  # noqa: B905
        if evaluation is None or name is None:
            values = random_input(tensor)
        else:
            values = to_input(np.asarray(evaluation.arrays[name][evaluation.indices[:1]]), preprocess, tensor)
        with model.engine.running(model.path):
            model.interpreter.set_tensor(tensor.index, values)


def _describe_model(model: Model, anatomy: Anatomy) -> dict[str, Any]:
    digest = hashlib.sha256()
    with model.path.open("rb") as file:  # in pieces, as a large model may fill the memory already
        while piece := file.read(1 << 20):
            digest.update(piece)
    return {
        "file": model.path.name,
        "sha256": digest.hexdigest(),
        "size_bytes": model.path.stat().st_size,
        "kind": anatomy.kind,
        "inputs": [tensor.as_json() for tensor in model.inputs],
        "output": model.outputs[0].as_json(),
        "outputs": [tensor.as_json() for tensor in model.outputs],
        "operators": anatomy.operators,
        "float_tensors": anatomy.float_tensors,
        "delegates": anatomy.delegates,
        "outside_delegate": anatomy.outside,
    }


def _describe_data(
    evaluation: Evaluation | None, arguments: argparse.Namespace, outputs_bytes: int | None
) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    labels = evaluation.labels
    pixels = any(array.dtype == np.uint8 for array in evaluation.arrays.values())
    return {
        "file": evaluation.path.name,
        "samples": len(evaluation.indices),
        "of": evaluation.total,
        "preprocess": arguments.preprocess if pixels else "none",
        "indices": evaluation.indices.tolist(),
        "labels": labels[evaluation.indices].tolist() if labels is not None else None,
        "ignored_labels": evaluation.ignored,
        "outputs_bytes": outputs_bytes,
        "reduce": arguments.reduce,
    }


def _accuracy(own: Predictions, first: Predictions, evaluation: Evaluation) -> dict[str, Any]:
    """Of a classifier; for other models all but the number of samples is None."""
    if own.classes is None or own.tied is None:
        return {"samples": own.count, **dict.fromkeys(("correct", "top1", "agreement", "ties", "predicted"))}
    correct = None
    if evaluation.labels is not None:
        correct = int(np.count_nonzero(own.classes == evaluation.labels[evaluation.indices]))
    return {
        "samples": own.count,
        "correct": correct,
        "top1": correct / own.count if correct is not None else None,
        "agreement": float(np.mean(own.classes == first.classes)) if first.classes is not None else None,
        "ties": int(np.count_nonzero(own.tied)),
        "predicted": own.classes.tolist(),
    }


def table(result: dict[str, Any], width: int | None = None) -> str:
    """The result for a person; sentences are broken at `width` characters if it is given."""
    parts = [_conditions_text(result), _models_text(result)]
    parts += [_operators_text(model) for model in result["models"] if model["operator_times_reason"] != NOT_ASKED]
    parts += [_against_text(result)] if result["against"] else []
    warnings = [_warning_text(item, result["models"]) for item in result["warnings"]]
    warnings = [textwrap.fill(text, width, subsequent_indent="  ") for text in warnings] if width else warnings
    return "\n\n".join([*parts, "\n".join(warnings)] if warnings else parts)


def _conditions_text(result: dict[str, Any]) -> str:
    machine, before, after = result["machine"], result["machine"]["before"], result["machine"]["after"]
    text = [
        " | ".join(str(part) for part in (machine["board"], machine["cpu"], f"{machine['cores']} cores") if part),
        f"{result['runtime']['name']} {result['runtime']['version']} ({result['runtime']['why']}), "
        f"Python {result['python']}, {result['threads']} thread{'s' if result['threads'] > 1 else ''}, "
        f"delegate {result['delegate']}{', by CompiledModel' if result['api'] == COMPILED else ''}",
    ]
    if machine["int8_instructions"]:
        text.append(f"int8 instructions of the CPU: {', '.join(machine['int8_instructions'])}")
    state = []
    if machine["governor"]:
        state.append(f"governor {machine['governor']}")
    if before["temperature_c"] is not None and after["temperature_c"] is not None:
        state.append(f"{before['temperature_c']:.0f} C before, {after['temperature_c']:.0f} C after")
    text += [", ".join(state)] if state else []
    if result["data"]:
        data = result["data"]
        text.append(f"{data['samples']} of {data['of']} samples of {data['file']}, preprocess {data['preprocess']}")
        if data["ignored_labels"]:
            text.append(f"labels ignored: y is {data['ignored_labels']}, not one class number a sample")
        if data["outputs_bytes"]:
            text.append(f"raw outputs written: {data['outputs_bytes']:,} bytes")
    return "\n".join(text)


def _models_text(result: dict[str, Any]) -> str:
    """Two narrow tables: a terminal may have no more than 80 columns."""
    what = [["model", "kind", "KiB", "top1 %", "agree %", "operators"]]
    speed = [["model", "p50 ms", "p90 ms", "p99 ms", "load ms", "peak MiB"]]
    for model in result["models"]:
        accuracy, latency = model["accuracy"] or {}, model["latency_ms"] or {}
        total = sum(model["operators"].values())
        taken = [f"{entry['operators']} of {total} in {entry['name']}" for entry in model["delegates"]]
        what.append(
            [
                model["file"],
                _kind_text(model),
                f"{model['size_bytes'] / 1024:.0f}",
                _cell(accuracy.get("top1"), 100, 2),
                _cell(accuracy.get("agreement"), 100, 2),
                ", ".join(taken) or f"{total}, no delegate",
            ]
        )
        speed.append(
            [
                model["file"],
                *(_cell(latency.get(key), 1, 3) for key in ("p50", "p90", "p99")),
                _cell(model.get("load_ms"), 1, 1),
                _cell(model.get("peak_memory_bytes"), 1 / (1 << 20), 1),
            ]
        )
    if all((model["accuracy"] or {}).get("agreement") is None for model in result["models"]):
        what = [row[:3] + row[5:] for row in what]  # not classifiers, or no samples
    return f"{_columns(what, left=(0, 1, len(what[0]) - 1))}\n\n{_columns(speed, left=(0,))}"


def _kind_text(model: dict[str, Any]) -> str:
    """The kind, and of a model that computes in int8 the types that it takes and gives where they are others."""
    ends = sorted({tensor["dtype"] for tensor in (*model["inputs"], *model["outputs"])} - {"int8", "int32"})
    return f"int8, {' and '.join(ends)} ends" if model["kind"] == "int8" and ends else str(model["kind"])


def _operators_text(model: dict[str, Any]) -> str:
    """Where a model's time goes, by the names of its operators; the few that took most."""
    if model["operator_times_ms"] is None:
        return f"{model['file']}: no times per operator: {model['operator_times_reason']}."
    operators = model["operator_times_ms"]["operators"]
    total = sum(entry["mean"] for entry in operators)
    spent: dict[str, list[float]] = {}
    for entry in operators:
        spent.setdefault(entry["operator"], []).append(entry["mean"])
    rows = [[f"operators of {model['file']}", "count", "ms", "%"]]
    for name, times in sorted(spent.items(), key=lambda item: -sum(item[1]))[:TOP_OPERATORS]:
        share = f"{100 * sum(times) / total:.0f}" if total else "-"
        rows.append([name, str(len(times)), f"{sum(times):.4f}", share])
    note = "The profiler rounds each down to whole microseconds: what takes less is hardly seen."
    if len(spent) > TOP_OPERATORS:
        note += f" ({len(spent) - TOP_OPERATORS} kinds that took less are not shown)"
    rows.append(["all", str(len(operators)), f"{total:.4f}", "100"])
    return f"{_columns(rows, left=(0,))}\n{note}"


def _against_text(result: dict[str, Any]) -> str:
    against = result["against"]
    head = [
        f"against {against['file']}",
        "its model",
        "its p50 ms",
        "times",
        "from",
        "to",
        "top1 drop",
        "other classes",
    ]
    rows, notes = [head], []
    for model, other in zip(result["models"], against["models"]):  # noqa: B905
        if other is None:
            rows.append([model["file"], "none like it", *["-"] * (len(head) - 2)])
            continue
        rows.append(
            [
                model["file"],
                other["file"],
                _cell(other["p50_ms"], 1, 3),
                _cell(other["p50_ratio"], 1, 2),
                *(_cell(end, 1, 2) for end in other["p50_ratio_range"] or (None, None)),
                _cell(other["top1_drop"], 1, 2),
                _cell(other["predicted_otherwise"], 1, 0),
            ]
        )
        if not other["same_bytes"]:
            notes.append(f"{model['file']} is not the same file as {other['file']} there, only the same network.")
    notes += [f"Mind that {difference}." for difference in against["differences"]]
    if against["warnings"]:
        notes.append(f"Mind that it has warnings of its own: {', '.join(against['warnings'])}.")
    if against["same_samples"] is False:
        notes.append("It was asked other samples, so accuracy is not compared.")
    return "\n".join([_columns(rows, left=(0, 1)), *notes])


def _warning_text(item: dict[str, Any], models: Sequence[dict[str, Any]]) -> str:
    files = [None if seen["model"] is None else models[seen["model"]]["file"] for seen in item["seen"]]
    details = [f"{file}: {seen['detail']}" if file else seen["detail"] for file, seen in zip(files, item["seen"])]  # noqa: B905
    return f"warning: {item['name']}: {'; '.join(details)}. {item['advice']}"


def _columns(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Rows as lines; the columns in `left` begin in line, the others, numbers, end in line."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    align = [str.ljust if column in left else str.rjust for column in range(len(widths))]
    lines = ("  ".join(put(cell, width) for put, cell, width in zip(align, row, widths)) for row in rows)  # noqa: B905
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"


# What this script asks of itself in a process apart.
QUESTIONS: dict[str, Callable[[Path, Engine], dict[str, Any]]] = {"--probe": probe, "--profile": profile}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""

    def positive(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
        return value

    def option(text: str) -> tuple[str, str]:
        key, found, value = text.partition("=")
        if not found:
            raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text}")
        return key, value

    def known_preprocess(text: str) -> str:
        try:
            preprocessing(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return text

    parser = argparse.ArgumentParser(description="Latency and outputs of .tflite models on this machine.")
    add = parser.add_argument
    add("models", nargs="+", type=Path, metavar="MODEL.tflite", help="the first is what the others are compared with")
    add("--data", type=Path, metavar="EVAL.npz", help="samples 'x' (or one array an input) and optionally labels 'y'")
    names = f"{', '.join(PREPROCESS)} or mean-std:R,G,B/R,G,B: from uint8 pixels to what the model was trained with"
    add("--preprocess", type=known_preprocess, metavar="NAME", help=names)
    add("--samples", type=positive, metavar="N", help="use N samples, evenly spaced (default: all)")
    add("--threads", type=positive, default=1, metavar="N", help="threads of a timed interpreter (default: 1)")
    add("--workers", type=positive, metavar="N", help="processes for the samples (default: all cores; 1: this one)")
    add("--runs", type=positive, metavar="N", help="timed runs of each model (default: by time)")
    add("--warm-up", type=int, metavar="N", help="untimed runs before (default: until steady)")
    add("--quick", action="store_true", help="fewer runs")
    add("--operators", action="store_true", help="time per operator too, where the runtime offers it")
    add("--no-latency", dest="latency", action="store_false", help="run only the samples, without timing")
    add("--no-load", dest="probe_models", action="store_false", help="no load time, no peak memory (no extra process)")
    add("--runtime", choices=["auto", *RUNTIMES], default="auto", help="which TFLite runtime (default: auto)")
    api = f"{INTERPRETER}, or {COMPILED} for LiteRT's CompiledModel (default: {INTERPRETER})"
    add("--api", choices=[INTERPRETER, COMPILED], default=INTERPRETER, help=api)
    add("--delegate", default="xnnpack", metavar="NAME", help="xnnpack, none, edgetpu, or the path of a library")
    add("--delegate-option", type=option, action="append", default=[], metavar="KEY=VALUE", help="for the delegate")
    add("--against", type=Path, metavar="REFERENCE.json", help="compare with what an earlier run wrote with --json")
    add("--json", metavar="FILE", help="write everything there; - is stdout, without the table")
    add(
        "--outputs",
        type=Path,
        metavar="FILE.npz",
        help="the raw outputs, as model0.output0, model0.output1, model1.output0, ...",
    )
    add("--reduce", choices=["argmax"], help="keep class numbers over the last axis instead of raw outputs")
    add("--inferences", type=positive, metavar="N", help="run each model N times and nothing else")
    add(
        "--memory", type=positive, metavar="MIB", help="most memory of a process (default: 2048 and 8 times the models)"
    )
    add("--progress", action="store_true", help="lines 'progress FRACTION PHASE' on stderr")
    for question in QUESTIONS:
        add(question, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.outputs and not arguments.data:
        parser.error("--outputs needs --data: they are the outputs for its samples")
    if arguments.reduce and not arguments.outputs:
        parser.error("--reduce needs --outputs: it says what is kept of them")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    On Linux it all happens in a process that is forked off, so that a runtime that crashes on a file ends in an error.
    """
    arguments = parse(argv)
    asked = next((name for name in QUESTIONS if getattr(arguments, name.lstrip("-"))), None)
    if asked or arguments.inferences or sys.platform != "linux":
        return answer(arguments, asked)
    process = multiprocessing.get_context("fork").Process(target=_forked, args=(arguments,))
    process.start()
    while process.exitcode is None:
        try:
            process.join()
        except KeyboardInterrupt:  # Ctrl-C reaches it too; a signal to this process alone does not
            os.kill(process.pid or 0, signal.SIGINT)
    if process.exitcode < 0:
        error = ended_by_signal(-process.exitcode, "This script", ", ".join(path.name for path in arguments.models))
        return say(error.problem, error.remedy)
    return process.exitcode


def _forked(arguments: argparse.Namespace) -> None:
    _end_with_parent()
    try:
        code = answer(arguments, None)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def answer(arguments: argparse.Namespace, question: str | None) -> int:
    """Do what is asked in this process; returns the exit code."""
    try:
        if arguments.inferences:
            infer(arguments)
            return 0
        limit_memory(memory_mib(arguments))
        if question:
            print(json.dumps(QUESTIONS[question](arguments.models[0], make_engine(arguments))))
        else:
            tell(run(arguments), arguments)
        sys.stdout.flush()
    except BenchmarkError as error:
        return say(error.problem, error.remedy)
    except MemoryError:
        return say(
            f"Expected to get along with {memory_mib(arguments)} MiB of memory, more is needed.",
            "Check the model's and the samples' shapes; if they are meant so, give benchmark.py --memory MIB.",
        )
    except OSError as error:
        return say(str(error), "Check the path and the space left there.")
    return 0


def say(problem: str, remedy: str) -> int:
    """Tell of an error; the exit code."""
    print(f"error: {problem}\n{remedy}", file=sys.stderr)
    return 1


def tell(result: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Print the table and write the JSON, as the command line asks for it."""
    if arguments.json != "-":
        shown = table(result, shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
        print(shown.encode(errors="backslashreplace").decode())  # names of files may be no text
    if arguments.json:
        text = json.dumps(result, allow_nan=False) + "\n"
        if arguments.json == "-":
            sys.stdout.write(text)
        else:
            Path(arguments.json).write_text(text)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
