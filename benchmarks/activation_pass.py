"""Where the instructions of MobileNetV2 go on an emulated Raspberry Pi 5, and what an activation costs there at least.

The int8 networks are those of `benchmarks.latency` with relu6 and clipped ELU. Every operator is counted as a model of
its own. So are other operators that only pass over the data, for a pass that is cheaper than the table's. It needs what
`edgeswap target build emulator` needs, and builds that.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from benchmarks.cells import Arrays, cell
from benchmarks.section import wrapped, write_section
from edgeswap.compatibility.work import of_file
from edgeswap.progress import Plain
from edgeswap.targets.emulator.pi import PIS
from edgeswap.targets.emulator.qemu import qemu_version
from edgeswap.targets.emulator.target import Emulator, build
from edgeswap.tflite.flatbuffer import changed, indices, operator_name, read, tensors, write
from edgeswap.tflite.pointwise import functions
from edgeswap.tflite.rewriting import Draft, without_orphans

README = Path(__file__).parent / "README.md"
PI, RUNTIME = "pi5", "ai-edge-litert"
GOAL = 50.0  # M instructions
REFERENCE = "relu6"
PROFILED = "clipped_elu"  # hard-swish and swish are one table each as well, and take the same to 0.1 M
COPY = "RESHAPE, which copies"
ONE_VALUE = "one value"
SHAPE = (1, 112, 112, 96)  # the largest tensor of the network

_OP = schema.BuiltinOperator


class Part(NamedTuple):
    """Operators of a network that were counted as a model of their own.

    Attributes:
        kind: of the operators, or `activation`.
        values: that they write in an inference.
        work: multiply-accumulates of a convolution or dense layer; else the same as `values`.
        data: the model.
    """

    kind: str
    values: int
    work: int
    data: bytes


def models(seed: int) -> Arrays:
    """The bytes of each int8 `.tflite`, uint8."""
    from benchmarks import latency  # noqa: PLC0415  (TensorFlow, which a run that goes on does not need)
    from edgeswap.conversion.convert import convert_all  # noqa: PLC0415
    from edgeswap.tflite.lower import lower  # noqa: PLC0415

    samples = latency.samples_of(latency.photographs(latency.CALIBRATION_SAMPLES, latency.SIZE))
    network = latency.network(latency.SIZE, seed)
    few = samples[:: len(samples) // latency.STATISTICS_SAMPLES]
    graphs = [latency.with_activation(network, kind, few) for kind in (REFERENCE, PROFILED)]
    converted = convert_all([latency.int8_conversion(graph, samples) for graph in graphs])
    lowered = [lower(data, runtime=RUNTIME) for data in converted]
    return {kind: np.frombuffer(data, np.uint8) for kind, data in zip((REFERENCE, PROFILED), lowered, strict=True)}


def parts(data: bytes) -> list[Part]:
    """Every operator of a network as a model of its own; the steps of an activation are one."""
    model = read(data)
    (subgraph,) = model.subgraphs
    written = {int(operator.outputs[0]): operator for operator in subgraph.operators}
    together = {step.writes: function for function in functions(model) for step in function.steps}
    found = []
    for operator in subgraph.operators:
        function = together.get(int(operator.outputs[0]))
        if function is not None and function.steps[-1].writes != int(operator.outputs[0]):
            continue  # counted with the last of its steps
        steps = [operator] if function is None else [written[step.writes] for step in function.steps]
        kind = operator_name(model.operatorCodes[operator.opcodeIndex]) if function is None else "activation"
        found.append(_part(kind, alone(model, steps)))
    return found


def _part(kind: str, data: bytes) -> Part:
    model = read(data)
    works = of_file(model)
    values = int(np.prod(tensors(model)[model.subgraphs[0].outputs[0]].shape))
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        ((named, amount),) = ((work.kind, work.amount) for work in works)
        return Part(named, values, amount, data)
    return Part(kind, values, values, data)


def alone(model: Any, operators: Sequence[Any]) -> bytes:
    """A model of these operators of a model, and nothing else."""
    (subgraph,) = model.subgraphs
    known = tensors(model)
    writes = [int(index) for operator in operators for index in operator.outputs]
    reads = [index for operator in operators for index in indices(operator.inputs) if index >= 0]
    constant = {index for index in reads if len(_data(model, subgraph, index))}
    inputs = list(dict.fromkeys(index for index in reads if index not in constant and index not in writes))
    outputs = [index for index in writes if index not in reads]
    assert all(known[index].dtype == "INT8" for index in (*inputs, *outputs))
    one = changed(subgraph, operators=list(operators), inputs=inputs, outputs=outputs)
    return write(
        without_orphans(changed(model, subgraphs=[one], signatureDefs=None, metadata=None, metadataBuffer=None))
    )


def _data(model: Any, subgraph: Any, index: int) -> Any:
    data = model.buffers[subgraph.tensors[index].buffer].data
    return () if data is None else data


def passes() -> dict[str, bytes]:
    """Operators that give each value of a large tensor from one of the same tensor, each in a model of its own."""
    scalar = ("MUL", "ADD", "MINIMUM")
    plain = ("ELU", "LOGISTIC", "TANH", "LEAKY_RELU", "QUANTIZE", "HARD_SWISH", "RELU")
    found = {name: _pass(getattr(_OP, name), SHAPE, scalar=name in scalar) for name in (*plain, *scalar)}
    found[COPY] = _pass(_OP.RESHAPE, SHAPE, shape=(1, int(np.prod(SHAPE))))
    return {**found, ONE_VALUE: _pass(_OP.ELU, (1, 1))}


def _pass(builtin: int, source: Sequence[int], *, shape: Sequence[int] | None = None, scalar: bool = False) -> bytes:
    """A model of one operator from `source` to `shape`, or to the same shape."""
    draft = Draft(schema.ModelT(version=3, operatorCodes=[], subgraphs=[_empty()], buffers=[schema.BufferT()]))
    x = draft.int8_tensor(0, "x", source, 0.05, 0)
    inputs, options = [x], None
    if scalar:
        inputs.append(draft.int8_tensor(0, "scalar", (), 0.01, 0, values=np.array([100], np.int8)))
    if shape is not None:
        inputs.append(_shape(draft, shape))
    scale, zero_point = {_OP.LOGISTIC: (1 / 256, -128), _OP.TANH: (1 / 128, 0)}.get(builtin, (0.05, 0))
    if builtin in (_OP.QUANTIZE, _OP.LEAKY_RELU, _OP.HARD_SWISH, _OP.MUL, _OP.ADD):
        scale = 0.06  # with the scale of what it reads there would be nothing to do
    y = draft.int8_tensor(0, "y", shape or source, scale, zero_point)
    if builtin == _OP.LEAKY_RELU:
        options = schema.LeakyReluOptionsT(alpha=0.25)
    subgraph = draft.subgraphs[0]
    subgraph.inputs, subgraph.outputs = [x], [y]
    version = 2 if builtin in (_OP.MUL, _OP.ADD, _OP.LEAKY_RELU) else 1
    subgraph.operators.append(draft.operator(builtin, inputs, y, version, options))
    return write(draft.model)


def _shape(draft: Draft, shape: Sequence[int]) -> int:
    """The index of a new constant that RESHAPE takes."""
    draft.buffers.append(schema.BufferT(data=np.array(shape, np.int32).view(np.uint8)))
    tensor = schema.TensorT(
        shape=[len(shape)], type=schema.TensorType.INT32, buffer=len(draft.buffers) - 1, name="shape", hasRank=True
    )
    draft.subgraphs[0].tensors.append(tensor)
    return len(draft.subgraphs[0].tensors) - 1


def _empty() -> Any:
    return schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[], name="main")


def count(found: Mapping[str, bytes]) -> dict[str, int]:
    """Instructions of an inference of each model."""
    with tempfile.TemporaryDirectory(prefix="edgeswap-benchmark-") as folder:
        files = {f"{index}.tflite": Path(folder) / f"{index}.tflite" for index in range(len(found))}
        for file, data in zip(files.values(), found.values(), strict=True):
            file.write_bytes(data)
        answer = Emulator(PI, RUNTIME).run(files, list(files), progress=Plain(sys.stderr))
    return {name: int(model["instructions"]) for name, model in zip(found, answer["models"], strict=True)}


def counted(folder: Path, seed: int) -> tuple[dict[str, int], list[tuple[Part, int]], dict[str, int]]:
    """Instructions of networks, of each part of `PROFILED`, and of `passes`; from cells, or counted into them."""
    arrays = cell(folder, "pass-models", {"seed": seed}, lambda: models(seed))
    found = {kind: data.tobytes() for kind, data in arrays.items()}
    every = parts(found[PROFILED])
    unlike = {_name(part): part.data for part in every}  # a part that stands in the network several times counts once
    each = _cell(folder, "pass-parts", unlike)
    networks = _cell(folder, "pass-networks", found)
    return networks, [(part, each[_name(part)]) for part in every], _cell(folder, "pass-operators", passes())


def _cell(folder: Path, name: str, found: Mapping[str, bytes]) -> dict[str, int]:
    recipe = {"models": [hashlib.sha256(data).hexdigest() for data in found.values()], "qemu": str(qemu_version())}
    arrays = cell(folder, name, recipe, lambda: {key: np.array(value) for key, value in count(found).items()})
    return {key: int(arrays[key]) for key in found}


def _name(part: Part) -> str:
    graph = read(part.data)
    shapes = [tensor.shape for tensor in tensors(graph)]
    return hashlib.sha256(f"{part.kind} {shapes}".encode()).hexdigest()[:16]


def section(
    networks: Mapping[str, int], profile: Sequence[tuple[Part, int]], operators: Mapping[str, int], command: str
) -> tuple[str, list[str]]:
    """The section of benchmarks/README.md, and what takes more than the goal."""
    base = operators[ONE_VALUE]
    values = sum(part.values for part, _ in profile if part.kind == "activation")
    size = int(np.prod(SHAPE))
    rates = {name: (total - base) / size for name, total in operators.items() if name != ONE_VALUE}
    missed = [f"{PROFILED} takes {networks[PROFILED] / 1e6:.1f} M"] if networks[PROFILED] > GOAL * 1e6 else []
    asked = f"""MobileNetV2 1.0 at 224x224 as in "Instructions on a Raspberry Pi", on an emulated {PIS[PI].board} under
        {RUNTIME}. What was asked: at most {GOAL:g} M instructions with clipped ELU, hard-swish and swish.
        {f"Missed: {missed[0]}." if missed else "It holds."} All three are one table for each activation, so one stands
        for them. relu6 is clamped by the convolutions as they write: {networks[REFERENCE] / 1e6:.2f} M."""
    each = f"""Where the {networks[PROFILED] / 1e6:.2f} M of {PROFILED} go: each operator as a model of its own, less
        the {base:,} that any model takes. MAC are multiply-accumulates; of what has none, the values that it writes
        count."""
    others = f"""The activations write {values / 1e6:.2f} million values. Instructions for each value of a tensor of
        {"x".join(map(str, SHAPE[1:]))}, of the table's operators and of others that read and write each value once; and
        what the network would take with them in place of the tables, by calculation:"""
    room = (GOAL * 1e6 - networks[REFERENCE]) / values
    limit = f"""To hold {GOAL:g} M, a pass may take {room:.3f} instructions a value, or {16 * room:.1f} for the 16
        values of a register. A load and a store are two, so that no room is left to look anything up. The table's
        kernel finds each value among 256 entries, and one instruction of this CPU looks into 64: for 16 values a load,
        a store, four look-ups and three shifts of the index. That is {9 / 16:.3f} a value, and {rates["ELU"]:.3f} were
        counted. So nothing under one pass was found: what costs less is no pass, a clamp. XNNPACK fuses nothing else
        into a convolution. ELU, LOGISTIC and TANH carry a table equally well; MUL, ADD and QUANTIZE alone cost more,
        and so does HARD_SWISH, which XNNPACK leaves out. A stem that reads pairs of columns as channels gave the same
        bits with 0.11 M instructions fewer, which is too little to keep a rewriting for."""
    ranked = sorted(rates.items(), key=_second)
    text = f"""```sh
{command}
```

{wrapped(asked)}

{wrapped(each)}

{_profile_table(profile, base)}

{wrapped(others)}

| operator | instructions a value | network, M |
| --- | ---: | ---: |
{chr(10).join(f"| {name} | {rate:.3f} | {(networks[REFERENCE] + rate * values) / 1e6:.2f} |" for name, rate in ranked)}

{wrapped(limit)}

{PIS[PI].board}: {PIS[PI].core}, QEMU {qemu_version()}. Counts of a model repeated within 200 instructions.
"""
    return text, missed


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def _profile_table(profile: Sequence[tuple[Part, int]], base: int) -> str:
    spent: Counter[str] = Counter()
    work: Counter[str] = Counter()
    for part, total in profile:
        spent[part.kind] += total - base
        work[part.kind] += part.work
    number = Counter(part.kind for part, _ in profile)
    lines = [
        "| operators | number | MAC or values, M | instructions, M | share | for each |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {kind} | {number[kind]} | {work[kind] / 1e6:.2f} | {total / 1e6:.2f} "
            f"| {100 * total / spent.total():.1f} % | {total / work[kind]:.3f} |"
            for kind, total in spent.most_common()
        ),
        f"| all of them | {number.total()} | | {spent.total() / 1e6:.2f} | 100 % | |",
    ]
    return "\n".join(lines)


def main() -> int:
    """Count, print and write the section; 1 where a network takes more than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".cache/emulator"), help="where the cells are kept")
    arguments = parser.parse_args()
    build(progress=Plain(sys.stderr))
    networks, profile, operators = counted(arguments.cache, arguments.seed)
    text, missed = section(
        networks, profile, operators, f"python -m benchmarks.activation_pass --seed {arguments.seed}"
    )
    print(text)
    write_section(README, "activation-pass", text)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
