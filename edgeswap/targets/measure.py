"""Measure models on a target: ship them with the device script, bring records back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from edgeswap.errors import TargetError
from edgeswap.progress import Progress, Silent
from edgeswap.records import Latency, Measurement, TargetResult
from edgeswap.targets.activation_kernels import activation_kernels
from edgeswap.targets.outside_delegate import outside
from edgeswap.targets.raw_outputs import RawOutput, read_raw_outputs, with_steps
from edgeswap.tflite.calls import NOTHING_KNOWN

SCHEMA = "edgeswap.benchmark/1"
OUTPUTS = "outputs.npz"


class Target(Protocol):
    """A place where the device script runs."""

    @property
    def name(self) -> str:
        """As in `--target`."""

    def run(
        self,
        files: Mapping[str, Path],
        arguments: Sequence[str],
        *,
        progress: Progress,
        brings: Mapping[str, Path] | None = None,
    ) -> dict[str, Any]:
        """Carry `files` (name to local path) there, run the script with `arguments`, return its JSON.

        An argument that is a name in `files` stands for that file, one that is a name in `brings` for a file that the
        script writes there and that is then brought to the local path. The target itself sees to `--json` and
        `--progress`.

        Raises:
            TargetError: it did not work.
        """


class Figures(NamedTuple):
    """What a target gave of one candidate.

    Attributes:
        result: of the baseline and of the candidate, for the report; how good they are is for others to say.
        indices: int64 (samples,), which samples of the evaluation file were run; empty without one.
        baseline: every output of the first model, for these samples in order; empty unless asked for.
        candidate: those of the other.
    """

    result: TargetResult
    indices: npt.NDArray[np.int64]
    baseline: Sequence[RawOutput]
    candidate: Sequence[RawOutput]


def measure(
    target: Target,
    models: Sequence[Path],
    evaluation: Path | None,
    *,
    preprocess: str | None,
    threads: int = 1,
    api: Literal["interpreter", "compiled"] = "interpreter",
    runs: int | None = None,
    samples: int | None = None,
    quick: bool = False,
    outputs: Path | None = None,
    delegate: str | None = None,
    names: Sequence[str] = ("float32", "int8"),
    layers: Mapping[str, str] = NOTHING_KNOWN,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Figures]:
    """Outputs and latency of a baseline and of candidates on `target`, in one run of one script.

    Args:
        target: where.
        models: `.tflite` files of batch 1 that take the same samples: the baseline, then the candidates.
        evaluation: an `.npz` with `x` (or one array per input name); None measures latency alone.
        preprocess: how uint8 pixels reach the models, a name that the script knows; floats are taken as they are.
        threads: of the timed interpreters.
        api: what runs the models: an Interpreter, or LiteRT's CompiledModel.
        runs: timed runs of each model; None leaves it to the script.
        samples: how many, evenly spaced; None is all.
        quick: fewer timed runs.
        outputs: where the `.npz` of all raw outputs for the samples goes, which must stay as long as figures are used;
            None, or no evaluation: they are not kept.
        delegate: a name or library that the target knows; None is the runtime's own.
        names: what the warnings call each model.
        layers: name of a layer in the network that was converted to the one that the user gave it; empty where that
            network is not known.
        notes: warnings of the caller's own, which stand behind the script's.
        progress: told how far it is.

    Returns:
        For each candidate, in order.

    Raises:
        TargetError: the target failed, or answered in another form than this version reads.
    """
    files = {f"model{number}.tflite": path for number, path in enumerate(models)}
    arguments = [*files, "--threads", str(threads)]
    if evaluation is not None:
        files["evaluation.npz"] = evaluation
        arguments += ["--data", "evaluation.npz"]
        arguments += ["--preprocess", preprocess] if preprocess else []
        arguments += ["--samples", str(samples)] if samples else []
        arguments += ["--outputs", OUTPUTS] if outputs else []
    arguments += ["--runs", str(runs)] if runs else []
    arguments += ["--quick"] if quick else []
    arguments += ["--api", api] if api != "interpreter" else []
    arguments += ["--delegate", delegate] if delegate else []
    brings = {} if evaluation is None or outputs is None else {OUTPUTS: outputs}
    answer = target.run(files, arguments, progress=progress or Silent(), brings=brings)
    if answer.get("schema") != SCHEMA:
        raise TargetError(
            f"{target.name}: expected an answer of schema {SCHEMA!r}, got {answer.get('schema')!r}.",
            "The device script and edgeswap must have the same version.",
        )
    given = [read_raw_outputs(path, answer) for path in brings.values()]
    raw: list[list[RawOutput]] = [[] for _ in models]
    if given:
        raw = [given[0][0], *map(with_steps, given[0][1:], models[1:])]
    indices = np.asarray(answer["data"]["indices"] if answer["data"] else [], np.int64)
    return [
        Figures(
            _result(target.name, answer, number, models[number], names=names, layers=layers, notes=notes),
            indices,
            raw[0],
            raw[number],
        )
        for number in range(1, len(models))
    ]


def _result(
    name: str,
    answer: Mapping[str, Any],
    candidate: int,
    model: Path,
    *,
    names: Sequence[str],
    layers: Mapping[str, str],
    notes: Sequence[str],
) -> TargetResult:
    machine, runtime = answer["machine"], answer["runtime"]
    float32, int8 = (_measurement(answer["models"][number]) for number in (0, candidate))
    left = answer["models"][candidate].get("outside_delegate")
    kernels = activation_kernels(model, left, delegate=answer["delegate"], runtime=runtime, layers=layers)
    left = outside(model, left, delegate=answer["delegate"], runtime=runtime["name"], layers=layers)
    warnings = [_warning(item, candidate, names) for item in answer["warnings"]]
    speedup = None
    if float32.latency_ms and int8.latency_ms:
        speedup = float32.latency_ms.p50 / int8.latency_ms.p50
    return TargetResult(
        name=name,
        machine=machine["board"] or machine["system"],
        cpu=machine["cpu"] or machine["architecture"],
        runtime=f"{runtime['name']} {runtime['version']}",
        delegate=answer["delegate"],
        api=answer["api"],
        int8_instructions=machine["int8_instructions"],
        warnings=[*filter(None, warnings), *notes],
        speedup_p50=speedup,
        float32=float32,
        int8=int8.model_copy(update={"outside_delegate": left, "activation_kernels": kernels}),
    )


def _warning(item: Mapping[str, Any], candidate: int, names: Sequence[str]) -> str:
    """A warning in one line, which calls the models as the report does; empty where it is about other models.

    What is about the baseline or the machine is said with the first candidate.
    """
    about = (None, 0, candidate) if candidate == 1 else (candidate,)
    details = [
        seen["detail"] if seen["model"] is None else f"{names[seen['model']]}: {seen['detail']}"
        for seen in item["seen"]
        if seen["model"] in about
    ]
    return f"{item['name']}: {'; '.join(details)}. {item['advice']}" if details else ""


def _measurement(model: Mapping[str, Any]) -> Measurement:
    times = model["latency_ms"]
    latency = Latency(**{key: times[key] for key in Latency.model_fields}) if times else None
    return Measurement(latency_ms=latency, instructions=model.get("instructions"), micro=model.get("micro"))
