"""The rows of `benchmarks.micro`: one network exported for a microcontroller, and what its kernels show.

Besides what the report tells, the int8 file runs on the same samples under three sets of kernels: XNNPACK's, which
ai-edge-litert takes by itself, the reference kernels of ai-edge-litert, and those of TensorFlow Lite Micro. So a
difference between the first and the last is known to come from XNNPACK's arithmetic or from TensorFlow Lite Micro's.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import edgeswap
from benchmarks.tasks_rows import CALIBRATION_SAMPLES, NETWORKS, data_of, float_model, recipe_of
from edgeswap.data.preprocess import from_name
from edgeswap.system.installed import installed_version
from edgeswap.targets.micro.installed import PACKAGE
from edgeswap.targets.micro.interpreter import Interpreter as MicroInterpreter
from edgeswap.tasks.fidelity import Fidelity
from edgeswap.tflite.flatbuffer import indices, operator_name, read, tensors
from edgeswap.training import zoo_recipe
from edgeswap.training.zoo_recipe import RECIPES

__all__ = ["NETWORKS", "Apart", "Figures", "found", "measure"]

SEED = 0
MOST_SAMPLES = 1000  # of the figures; a sample of ResNet8 takes some 40 ms there

Array = npt.NDArray[Any]


class Apart(NamedTuple):
    """How far the outputs of two sets of kernels are from each other.

    Attributes:
        differing: share of all values of all outputs.
        max_steps: the largest difference, in int8 steps.
    """

    differing: float
    max_steps: int


class Figures(NamedTuple):
    """What one export shows. Metrics are as in report.json.

    Attributes:
        missing: operators that TensorFlow Lite Micro lacks, as `check` tells before training; then all else is None.
        task: the one that was judged.
        metric: the primary one.
        higher_is_better: of the metric.
        samples: that the figures were measured on.
        float32: of the float32 model by ai-edge-litert.
        litert: of the int8 model by ai-edge-litert.
        micro: of the int8 model by TensorFlow Lite Micro.
        arena: bytes of memory: all, of tensors, and of what stays.
        flash: bytes of the `.tflite`.
        kernels: how many methods the resolver calls.
        apart: TensorFlow Lite Micro and XNNPACK, as the report tells.
        reference: the reference kernels of ai-edge-litert and XNNPACK.
        own: TensorFlow Lite Micro and the reference kernels of ai-edge-litert.
        snr_db: of the worst output against float32, by TensorFlow Lite Micro, the reference kernels and XNNPACK.
        last_step: the largest step that a SOFTMAX or LOGISTIC reads, as a real value; None where there is none.
    """

    missing: list[str]
    task: str | None = None
    metric: str | None = None
    higher_is_better: bool | None = None
    samples: int | None = None
    float32: float | None = None
    litert: float | None = None
    micro: float | None = None
    arena: tuple[int, int, int] | None = None
    flash: int | None = None
    kernels: int | None = None
    apart: Apart | None = None
    reference: Apart | None = None
    own: Apart | None = None
    snr_db: tuple[float, float, float] | None = None
    last_step: float | None = None


def found(network: str, folder: Path) -> Figures | None:
    """The figures that were measured of a network; None where it was not run."""
    file = _file(network, folder)
    if not file.exists():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    pairs = {name: stored[name] and Apart(*stored[name]) for name in ("apart", "reference", "own")}
    others = {name: stored[name] and tuple(stored[name]) for name in ("arena", "snr_db")}
    return Figures(**{**stored, **pairs, **others})


def measure(network: str, folder: Path) -> Figures:
    """The figures of a network: those that are in `folder`, or measured and written to it."""
    stored = found(network, folder)
    if stored is not None:
        return stored
    print(f"{network} ...", flush=True)
    model = float_model(network, SEED, folder)
    # As `edgeswap check --target micro` tells before training; an export is refused for the same findings.
    blocking = [one for one in edgeswap.check(model, target="micro").targets[0].findings if one.severity == "blocks"]
    missing = sorted({name for one in blocking for name in one.operators})
    figures = Figures(missing) if missing else _exported(network, model)
    folder.mkdir(parents=True, exist_ok=True)
    _file(network, folder).write_text(json.dumps(figures._asdict()), encoding="utf-8")
    return figures


def _exported(network: str, model: Any) -> Figures:
    train, test = data_of(network, SEED)
    rows = np.random.default_rng(SEED).permutation(len(train.x))[:CALIBRATION_SAMPLES]
    preprocess = "raw" if network == "resnet8" else zoo_recipe.PREPROCESS
    options = RECIPES[network].options if network in RECIPES else {}
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as name:
        report: Any = edgeswap.export(
            model,
            data=tuple(train),
            test_data=tuple(test),
            calibration=train.x[rows],
            preprocess=preprocess,
            method="ptq",
            target=["micro", "host"],
            target_samples=MOST_SAMPLES,
            seed=SEED,
            cache=False,
            output=Path(name) / "out",
            **options,
        ).report
        values = from_name(preprocess)(test.x[:MOST_SAMPLES])
        int8, float32 = (Path(name) / "out" / model.file for model in (report.int8, report.float32))
        compared = kernels_apart(int8, float32, values)
    micro, host = (target.int8 for target in report.targets)
    told = micro.micro
    return Figures(
        missing=[],
        task=micro.quality.task,
        metric=micro.quality.metric,
        higher_is_better=micro.quality.higher_is_better,
        samples=micro.quality.samples,
        float32=report.targets[1].float32.quality.value,
        litert=host.quality.value,
        micro=micro.quality.value,
        arena=(told.arena.total_bytes, told.arena.head_bytes, told.arena.tail_bytes),
        flash=report.int8.size_bytes,
        kernels=len(told.operators),
        apart=Apart(told.differing, int(told.max_steps)),
        **compared,
    )


def kernels_apart(int8: Path, float32: Path, values: Array) -> Mapping[str, Any]:
    """`reference`, `own`, `snr_db` and `last_step` of `Figures`.

    Args:
        int8: the `.tflite`, of one input.
        float32: the baseline's.
        values: float32 (N, ...), as the model takes them.
    """
    xnnpack = outputs_of(Interpreter(str(int8), num_threads=1), values)
    reference = outputs_of(
        Interpreter(str(int8), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF), values
    )
    micro = outputs_of(MicroInterpreter(str(int8)), values)
    wanted = outputs_of(Interpreter(str(float32), num_threads=1), values)
    return {
        "reference": apart(reference, xnnpack),
        "own": apart(micro, reference),
        "snr_db": tuple(worst_db(wanted, outputs) for outputs in (micro, reference, xnnpack)),
        "last_step": last_step(int8.read_bytes()),
    }


def last_step(data: bytes) -> float | None:
    """The largest scale of a tensor that a SOFTMAX or LOGISTIC at an output of an int8 `.tflite` reads."""
    model = read(data)
    (subgraph,) = model.subgraphs
    ends, known = {*indices(subgraph.outputs)}, tensors(model)
    read_by_ends = [
        known[int(operator.inputs[0])].scales[0]
        for operator in subgraph.operators
        if operator_name(model.operatorCodes[operator.opcodeIndex]) in ("SOFTMAX", "LOGISTIC")
        and ends & {*indices(operator.outputs)}
    ]
    return max(read_by_ends, default=None)


class Output(NamedTuple):
    """An output of a model.

    Attributes:
        name: as the signature has it.
        steps: (N, ...), of its own type.
        real: (N, ...), what they stand for.
    """

    name: str
    steps: Array
    real: Array


def outputs_of(interpreter: Any, values: Array) -> list[Output]:
    """What a model gives, in the order of the outputs' names: two files of one model have them in any order."""
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    details = interpreter.get_output_details()
    given: list[list[Array]] = [[] for _ in details]
    for sample in _steps(values, taken):
        interpreter.set_tensor(taken["index"], sample[None])
        interpreter.invoke()
        for rows, one in zip(given, details, strict=True):
            rows.append(np.array(interpreter.get_tensor(one["index"])[0]))
    names = {}
    for key in interpreter.get_signature_list():
        ends = interpreter.get_signature_runner(key).get_output_details()
        names.update({detail["index"]: name for name, detail in ends.items()})
    outputs = []
    for rows, one in zip(given, details, strict=True):
        steps, (scale, zero_point) = np.stack(rows), one["quantization"]
        real = (steps.astype(np.float32) - zero_point) * scale if scale else steps
        outputs.append(Output(names.get(one["index"], str(one["name"])), steps, real))
    return sorted(outputs, key=lambda output: output.name)


def _steps(values: Array, taken: Mapping[str, Any]) -> Array:
    scale, zero_point = taken["quantization"]
    if not scale:
        return values.astype(np.float32)
    steps: Array = np.clip(np.rint(values / scale) + zero_point, -128, 127).astype(np.int8)
    return steps


def apart(some: Sequence[Output], others: Sequence[Output]) -> Apart:
    """Of all values of all outputs, two sets of kernels beside each other."""
    pairs = zip(some, others, strict=True)
    far = np.concatenate(
        [np.abs(one.steps.astype(np.int64) - other.steps.astype(np.int64)).ravel() for one, other in pairs]
    )
    return Apart(float(np.mean(far > 0)), int(far.max()))


def worst_db(wanted: Sequence[Output], given: Sequence[Output]) -> float:
    """The lowest signal-to-noise ratio of an output, in dB."""
    ratios = [Fidelity.of(one.real, other.real, None).snr_db for one, other in zip(wanted, given, strict=True)]
    return min((ratio for ratio in ratios if ratio is not None), default=float("inf"))


def _file(network: str, folder: Path) -> Path:
    recipe = {
        **recipe_of(network),
        "samples": MOST_SAMPLES,
        "edgeswap": edgeswap.__version__,
        PACKAGE: installed_version(PACKAGE),
    }
    fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    return folder / f"{network}-micro-{fingerprint}.json"
