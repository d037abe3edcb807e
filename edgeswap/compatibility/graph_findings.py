"""`edgeswap check`, for a Keras model: what int8 will make of it on a target, before any training. A pure function.

What an operator becomes is an estimate (see `predicted_operators`); whether a target runs it is what its table says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from edgeswap.activations.catalog import Activation
from edgeswap.compatibility.backends import Backend
from edgeswap.compatibility.expected_gain import expected_gain, little_gain
from edgeswap.compatibility.findings import FACT, SEVERITIES, ActivationUse, Finding, Remark, Severity, TargetCheck
from edgeswap.compatibility.masked_attention import masked_attentions
from edgeswap.compatibility.operator_table import EMBED_IN_THE_APP, TOKENS
from edgeswap.compatibility.places import against, is_heavy, places
from edgeswap.compatibility.predicted_operators import Lowered, activation_operators, lower
from edgeswap.compatibility.remedies import SWAP, Way, sentence
from edgeswap.compatibility.work import of_graph
from edgeswap.graph.ir import Graph, Layer, Node, Shape
from edgeswap.tflite.operator import Operation

ESTIMATE = "an estimate, from what such layers became when they were converted"

# Operators that edgeswap can write as others.
REWRITINGS: Mapping[str, Sequence[str]] = {"HARD_SWISH": ("MUL", "ADD", "MUL")}

_SMOOTH = ("swish", "hard_swish", "clipped_elu", "relu6")
# What stands nearest to a kind, nearest first; the first that its target has nothing against is suggested.
NEAREST: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("swish", "gelu", "mish", "hard_swish"), _SMOOTH),
    **dict.fromkeys(("elu", "selu", "clipped_elu"), ("clipped_elu", "swish", "hard_swish", "relu6")),
    **dict.fromkeys(("leaky_relu", "prelu"), ("leaky_relu", "prelu", "clipped_elu", "relu6")),
    **dict.fromkeys(("softplus", "relu", "relu_n", "pact"), ("relu6",)),
    "hard_tanh": ("tanh",),
}


def check(graph: Graph, target: Backend, *, also: Sequence[Finding] = ()) -> TargetCheck:
    """What is to be said of a model on one target.

    Args:
        graph: canonical, as it is to be exported (with its swaps). A tensor of unknown shape is not judged by it.
        target: where it is to run.
        also: findings of which the graph does not tell.

    Returns:
        Findings, the gravest first: `blocks` where a layer is not int8 on the target, or does not run on the
        accelerator though something heavy stands at or behind it; `costs` where it is int8, but slower or less exact;
        else `note`. What int8 gains is told of a model alone that nothing blocks.
    """
    model = _Model(graph, target)
    noted = [*also, *model.inputs(), *masked_attentions(graph), *model.unknown(), *model.operator_findings()]
    passed = not any(finding.severity == "blocks" for finding in noted)
    works = of_graph(graph, [(node, operation) for node, _, operation in model.calls]) if passed else None
    gain = expected_gain(works, target.name)
    findings = grouped([*noted, *little_gain(gain)])
    return TargetCheck(
        target=target.name,
        basis=target.basis,
        operators=dict(Counter(operation.name for _, _, operation in model.calls)),
        leaves_at=model.leaves_at,
        activations=model.activations(),
        findings=findings,
        gain=gain,
        passed=passed,
    )


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of which the same is to be said, as one; the gravest first, else in order.

    Those of one operator on several layers have their layers together; then those of several operators on the same
    layers have their operators together.
    """
    by_operator = _merged(findings, lambda finding: (finding.what, bool(finding.layers)))  # else tensors stand for them
    by_layer = _merged(by_operator, lambda finding: tuple(finding.layers) or finding.what)
    return sorted(by_layer, key=lambda finding: SEVERITIES.index(finding.severity))


def _merged(findings: Iterable[Finding], alike: Callable[[Finding], Hashable]) -> list[Finding]:
    found: dict[Hashable, list[Finding]] = {}
    for finding in findings:
        key = (finding.severity, finding.why, finding.instead, finding.basis, finding.certain, alike(finding))
        found.setdefault(key, []).append(finding)
    return [
        together[0].model_copy(
            update={
                "what": ", ".join(dict.fromkeys(one.what for one in together)),
                "layers": list(dict.fromkeys(layer for one in together for layer in one.layers)),
                "operators": list(dict.fromkeys(operator for one in together for operator in one.operators)),
                "tensors": list(dict.fromkeys(tensor for one in together for tensor in one.tensors)),
            }
        )
        for together in found.values()
    ]


@dataclass(frozen=True, eq=False)
class _Model:
    graph: Graph
    target: Backend

    @cached_property
    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        return self.graph.consumers()

    @cached_property
    def lowered(self) -> dict[str, Lowered | None]:
        return lower(self.graph)

    @cached_property
    def calls(self) -> list[tuple[Node, Lowered, Operation]]:
        """Every operator in the order in which it is expected to run."""
        return [
            (node, lowered, self.operation(node, lowered, name))
            for node in self.graph.nodes
            if (lowered := self.lowered[node.name]) is not None
            for name in lowered.operators
        ]

    @cached_property
    def reads(self) -> list[tuple[int, ...]]:
        """For each of `calls` the numbers of those that write what it reads."""
        found: list[tuple[int, ...]] = []
        last: dict[str, tuple[int, ...]] = {}
        for node in self.graph.nodes:
            sources = tuple(number for ref in node.refs() for number in last.get(ref.node, ()))
            lowered = self.lowered[node.name]
            for _ in () if lowered is None else lowered.operators:
                found.append(sources)
                sources = (len(found) - 1,)
            last[node.name] = sources
        return found

    @cached_property
    def leaves_at(self) -> str | None:
        """The layer and operator where an accelerator that takes one piece ends."""
        if not self.target.one_piece:
            return None
        for node, lowered, operation in self.calls:
            remark = self.remark(operation)
            if operation.name in lowered.in_float or (remark is not None and remark.severity == "blocks"):
                return f"{node.layer} ({operation.name})"
        return None

    def operation(self, node: Node, lowered: Lowered, name: str) -> Operation:
        read = [self.graph.shape(ref) for ref in node.refs()]
        return Operation(name, _as_exported(read), _as_exported(node.shapes), lowered.options, lowered.version)

    def remark(self, operation: Operation) -> Remark | None:
        """What the target says against an operator, or only a note where it has nothing against its rewriting."""
        remark = self.target.judge(operation)
        rewriting = REWRITINGS.get(operation.name)
        if remark is None or rewriting is None:
            return remark
        if any(self.target.judge(replace(operation, name=name)) for name in rewriting):
            return remark
        why = f"{remark.why} Rewritten as {', '.join(rewriting)} it runs there."
        return replace(remark, severity="note", why=why, instead="Export with --hard-swish rewritten.", cut="")

    def takes(self, operation: Operation) -> bool:
        """Whether it is known that the target's accelerator runs it, as it is or rewritten."""
        remark = self.remark(operation)
        return remark is None or (remark.severity == "note" and operation.name in REWRITINGS)

    def inputs(self) -> Iterator[Finding]:
        for ref in self.graph.inputs:
            config = self.graph.layer_of(ref).config
            batch, *shape = config["batch_shape"]
            if None in shape:
                what, why = f"free size {tuple(shape)}", "An int8 model has one fixed input size."
                yield _finding(
                    "blocks", ref.node, what, why, "Build the model with the input size that the device will use.", FACT
                )
            if config["dtype"] != "float32":
                what, why = f"{config['dtype']} input", "An export takes float32 inputs, which become int8."
                instead = "Build the model with float32 inputs."
                if any(self.graph.layers[node.layer].class_name == "Embedding" for node in self.readers[ref.node]):
                    why, instead = TOKENS, EMBED_IN_THE_APP
                yield _finding("blocks", ref.node, what, why, instead, FACT)
            if batch not in (None, 1):
                what, why = f"batch of {batch}", "edgeswap exports it with a batch of 1."
                yield _finding("note", ref.node, what, why, "", FACT)

    def unknown(self) -> Iterator[Finding]:
        for node in self.graph.nodes:
            if self.lowered[node.name] is None:
                layer = self.graph.layers[node.layer]
                why = "edgeswap does not know what the converter makes of it; calibration sets its ranges."
                instead = "Export it, or check the .tflite that another tool made."
                yield _finding("note", node.layer, f"layer {_class_name(layer)}", why, instead, "not measured")

    def operator_findings(self) -> Iterator[Finding]:
        for node in self.graph.nodes:
            lowered = self.lowered[node.name]
            if lowered is not None and lowered.refused:
                what = f"{lowered.refused} in {_class_name(self.graph.layers[node.layer])}"
                found = _finding("blocks", node.layer, what, lowered.why, self.instead(lowered), ESTIMATE)
                yield found.model_copy(update={"certain": lowered.certain})
            elif lowered is not None and lowered.why and not lowered.in_float:
                class_name = _class_name(self.graph.layers[node.layer])
                yield _finding("note", node.layer, class_name, lowered.why, lowered.instead, ESTIMATE)
        operations = [operation for _, _, operation in self.calls]
        stand = places([*map(is_heavy, operations)], self.reads, [*map(self.takes, operations)])
        for (node, lowered, operation), place in zip(self.calls, stand, strict=True):
            if operation.name in lowered.in_float:
                what = f"float {operation.name}"
                found = _finding("blocks", node.layer, what, lowered.why, self.instead(lowered), ESTIMATE)
                yield found.model_copy(update={"operators": [operation.name], "certain": lowered.certain})
                continue
            remark = self.remark(operation)
            if remark is not None:
                severity, why = against(remark, place, one_piece=self.target.one_piece)
                instead = lowered.instead or remark.instead or self.instead_of_activation(node) or self.target.otherwise
                found = _finding(severity, node.layer, operation.name, why, instead, remark.basis)
                yield found.model_copy(update={"operators": [operation.name]})

    def activations(self) -> list[ActivationUse]:
        layers: dict[Activation, list[str]] = {}
        for layer in self.graph.layers.values():
            if layer.activation is not None and layer.activation.kind != "linear":
                layers.setdefault(layer.activation, []).append(layer.name)
        return [self.use(activation, names) for activation, names in layers.items()]

    def use(self, activation: Activation, names: list[str]) -> ActivationUse:
        calls = [(lowered, operation) for node, lowered, operation in self.calls if node.layer in names]
        severity = self.gravest(operation for _, operation in calls)
        return ActivationUse(
            activation=str(activation),
            layers=names,
            operators=list(dict.fromkeys(operation.name for _, operation in calls)),
            bounds=activation.bounds,
            severity=severity,
            suggestion=self.suggestion(activation) if severity in ("blocks", "costs") else None,
        )

    def gravest(self, operations: Iterable[Operation]) -> Severity | None:
        remarks = [remark.severity for operation in operations if (remark := self.remark(operation)) is not None]
        return min(remarks, key=SEVERITIES.index, default=None)

    def instead(self, lowered: Lowered) -> str:
        """What to write instead of what no target runs in int8."""
        return sentence(lowered.ways, runs=self.runs, runs_activation=self.runs_activation) or lowered.instead

    def instead_of_activation(self, node: Node) -> str:
        """What to swap an activation for whose operators the target lacks; empty for another layer."""
        activation = self.graph.layers[node.layer].activation
        near = () if activation is None else tuple(NEAREST.get(activation.kind, ()))
        return sentence([Way(SWAP, near)], runs=self.runs, runs_activation=self.runs_activation) if near else ""

    def runs(self, operators: Iterable[str]) -> bool:
        """Whether the target runs them, be it slowly."""
        return self.gravest(map(Operation, operators)) != "blocks"

    def runs_activation(self, kind: str) -> bool:
        """Whether the target runs an activation of that kind."""
        return self.runs(_operators(kind))

    def suggestion(self, activation: Activation) -> str | None:
        """The nearest activation that the target has nothing against."""
        for kind in NEAREST.get(activation.kind, ()):
            if Activation(kind) != activation and self.gravest(map(Operation, _operators(kind))) in (None, "note"):
                return kind
        return None


def _operators(kind: str) -> Sequence[str]:
    """What an activation at its defaults becomes; a clamp is taken to be fused."""
    return () if kind == "relu6" else activation_operators(Activation(kind)).operators


def _as_exported(shapes: Iterable[Shape | None]) -> tuple[tuple[int, ...], ...]:
    """Shapes with a batch of 1; one that is unknown, or free elsewhere, is left out."""
    known = (shape[1:] for shape in shapes if shape)
    return tuple((1, *(size for size in shape if size is not None)) for shape in known if None not in shape)


def _class_name(layer: Layer) -> str:
    if "source" not in layer.config:
        return layer.class_name
    source = layer.config["source"]
    return str(source.get("class_name") or source.get("tensorflow") or "of a Python function")


def _finding(severity: Severity, layer: str, what: str, *reasons: str) -> Finding:
    why, instead, basis = reasons
    return Finding(severity=severity, what=what, why=why, instead=instead, basis=basis, layers=[layer])
