"""Which tensors of a model carry which fake-quant: knowledge about int8 kernels, as a pure function over the Graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from edgeswap.activations.catalog import Activation
from edgeswap.graph.ir import ACTIVATION, Graph, Layer, Node, Ref, map_refs
from edgeswap.quantization.attention_parts import attention_parts
from edgeswap.quantization.decompose import decompose, normalizes_channels
from edgeswap.quantization.folding import fold_batch_norms
from edgeswap.quantization.specification import OBSERVED, UNKNOWN, Range, Rule, Weight, has_inner_ranges, rule_of

FUSED = ("relu", "relu6", "relu_n")  # a relu_n is a relu whose range ends at its ceiling


@dataclass(frozen=True, eq=False)
class Placement:
    """What carries fake-quant, by layer name of `graph`.

    Attributes:
        graph: the graph that was placed: decomposed (see `decompose`), and behind each input stands a `linear` layer
            that carries its range.
        weights: layer name to its weights with fake-quant.
        outputs: layer name to the range of its output; a layer not named has none of its own.
        left_to_calibration: layers whose inner or outer ranges only the converter's calibration can tell.
        prescribed: outputs whose bounds may not be moved: their kernel has them so, or they are an input of the model.
        clipped: activations whose ceiling is the end of their range, since int8 saturates there: without it they are
            operators that every runtime has, such as a relu for a relu_n.
        pacts: those of them whose ceiling is learned.
        tied: what goes into a concat, and is read by others too, to that concat: it starts with its range, so that
            nothing is rescaled between.
        inner: activations whose own tensors in between have no fake-quant (a softplus is five operators): the
            converter's calibration sets their ranges.
    """

    graph: Graph
    weights: Mapping[str, tuple[Weight, ...]]
    outputs: Mapping[str, Range]
    left_to_calibration: tuple[str, ...]
    prescribed: frozenset[str] = frozenset()
    clipped: frozenset[str] = frozenset()
    pacts: frozenset[str] = frozenset()
    tied: Mapping[str, str] = field(default_factory=dict)
    inner: tuple[str, ...] = ()

    @property
    def needs_samples(self) -> bool:
        """Whether the converter has ranges to set; where it has none, it asks for samples and needs but one."""
        return bool(self.left_to_calibration or self.inner)


def place(
    graph: Graph,
    *,
    input_ranges: Mapping[str, tuple[float, float] | None],
    per_channel_dense: bool = False,
    per_channel: bool = True,
) -> Placement:
    """Decide on the fake-quants of a canonical graph.

    A layer called several times has one fake-quant for all its calls; it is left out only if no call needs it.

    Args:
        graph: canonical, see `edgeswap.graph.canonicalize`.
        input_ranges: name of each input node to the lowest and highest value that preprocessing can give, or None
            where it has no bounds. Widened to hold zero, which every int8 scale does.
        per_channel_dense: one scale for each unit of a Dense layer. TFLite 2.9 and before take such a model and
            compute nonsense, see `edgeswap.targets.names.dense_scales_for`.
        per_channel: one scale for each channel of every other weight; else one for a whole weight tensor, of the
            weights as they are with batch normalizations folded in.
    """
    pacts = frozenset(_activations(graph, lambda activation: activation.kind == "pact"))
    graph = decompose(graph if per_channel else fold_batch_norms(graph))
    rules = {
        name: rule_of(layer, per_channel_dense=per_channel_dense, per_channel=per_channel)
        for name, layer in graph.layers.items()
    }
    clipped = pacts.union(_activations(graph, lambda activation: activation.parameters.get("max_value") is not None))
    context = _Context(graph, rules, clipped)
    weights = {name: rule.weights for name, rule in context.rules.items() if rule is not None and rule.weights}
    outputs = {name: output for name in graph.layers if (output := context.output_range(name)) is not None}
    inputs = {name: _holding_zero(bounds) for name, bounds in input_ranges.items()}
    outputs |= {
        _behind(name): bounds for name, bounds in inputs.items() if not context.meets_lone_product(graph.node(name))
    }
    prescribed = {name for name, rule in rules.items() if rule is not None and rule.prescribed}
    return Placement(
        _with_layers_behind_inputs(graph, tuple(inputs)),
        weights,
        outputs,
        context.left_to_calibration(),
        frozenset(outputs).intersection(prescribed.union(map(_behind, inputs))),
        clipped.intersection(outputs),
        pacts.intersection(outputs),
        {
            node.layer: context.concat_behind(node, outputs).layer
            for node in reversed(graph.nodes)
            if node.layer in outputs
            and context.goes_into_concat(node)
            and (context.joins_prescribed(node) or (context.is_read_beside(node) and not context.rule(node).prescribed))
        },
        tuple(_activations(graph, has_inner_ranges)),
    )


def _activations(graph: Graph, applies: Callable[[Activation], bool]) -> Iterator[str]:
    """Names of the layers that are such an activation."""
    for name, layer in graph.layers.items():
        if layer.activation is not None and applies(layer.activation):
            yield name


@dataclass(frozen=True, eq=False)
class _Context:
    """What surrounds each call."""

    graph: Graph
    rules: Mapping[str, Rule | None]
    clipped: frozenset[str]

    @cached_property
    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        return self.graph.consumers()

    @cached_property
    def folded(self) -> frozenset[str]:
        """Names of the batch normalization calls that disappear into the weights before them."""
        followers = (self.only_follower(node) for node in self.graph.nodes if self.rule(node).folds_batch_norm)
        return frozenset(
            node.name
            for node in followers
            if node is not None
            and self.is_batch_norm(node)
            and normalizes_channels(self.graph, self.graph.layers[node.layer])
        )

    def rule(self, node: Node) -> Rule:
        return self.rules[node.layer] or UNKNOWN

    def is_batch_norm(self, node: Node) -> bool:
        return self.graph.layers[node.layer].class_name == "BatchNormalization"

    def output_range(self, layer: str) -> Range | None:
        """What the rule says, unless no call of the layer leaves an int8 tensor of its own."""
        calls = self.graph.calls(layer)
        rule = self.rules[layer]
        if rule is None or all(self.disappears(node) or self.meets_lone_product(node) for node in calls):
            return None
        return self.behind_activation(calls) if rule.output == OBSERVED else rule.output

    def behind_activation(self, calls: Sequence[Node]) -> Range:
        """Of a leaky ReLU behind one bounded activation, as an ELU with an alpha is, the bounds that follow."""
        slope = self.graph.layers[calls[0].layer].config.get("negative_slope")
        if len(calls) > 1 or slope is None:
            return OBSERVED
        source = self.graph.layer_of(calls[0].refs()[0])
        low, high = source.activation.bounds if source.activation is not None else (None, None)
        return Range(None if low is None else min(low, 0.0) * slope + max(low, 0.0), high)

    def left_to_calibration(self) -> tuple[str, ...]:
        """Layers without a rule and those that are computed in several operators, in the order of their calls."""
        return tuple(dict.fromkeys(node.layer for node in self.graph.nodes if self.is_beyond_rules(node)))

    def is_beyond_rules(self, node: Node) -> bool:
        most = self.rule(node).most_inputs
        if most is not None and len(node.refs()) > most:
            return True
        if self.meets_lone_product(node):
            return True
        if self.is_batch_norm(node):
            return node.name not in self.folded  # alone it is a multiplication and an addition
        return self.rules[node.layer] is None and self.graph.layers[node.layer].class_name != "InputLayer"

    def disappears(self, node: Node) -> bool:
        """Whether this output is folded or fused into what follows, or written straight into a concat."""
        if self.goes_into_concat(node):
            return not (self.rule(node).prescribed or self.joins_prescribed(node) or self.is_read_beside(node))
        follower = self.only_follower(node)
        if follower is None:
            return False
        if self.is_batch_norm(follower):
            return self.rule(node).folds_batch_norm and follower.name in self.folded
        activation = self.graph.layers[follower.layer].activation
        return self.fuses_relu(node) and activation is not None and activation.kind in FUSED

    def meets_lone_product(self, node: Node) -> bool:
        """Whether one product of an EinsumDense alone reads this output, as the query of an attention may be read.

        The converter moves a fake-quant on it behind the reshape of the product, and cannot run what it made then.
        """
        reader = node
        while not self.leaves(reader) and len(self.readers[reader.name]) == 1:
            read, (reader,) = reader.name, self.readers[reader.name]
            if self.graph.layers[reader.layer].class_name in ("EinsumDense", "MultiHeadAttention"):
                return _products(self.graph.layers[reader.layer], reader, read) == 1
            if self.rule(reader).output is not None or self.rules[reader.layer] is None:
                return False
        return False

    def fuses_relu(self, node: Node) -> bool:
        """Whether its operator can clamp; for a folded batch normalization that is the one it is folded into."""
        while node.name in self.folded or self.rule(node).identity:
            node = self.graph.node(node.refs()[0])
        return self.rule(node).fuses_relu

    def only_follower(self, node: Node) -> Node | None:
        """The one call that reads this output, identities skipped; None if others do or it leaves the model."""
        while not self.leaves(node) and len(self.readers[node.name]) == 1:
            (node,) = self.readers[node.name]
            if not self.rule(node).identity:
                return node
        return None

    def goes_into_concat(self, node: Node) -> bool:
        """Whether a concat reads this output, perhaps through operators that keep the scale."""
        return node.name in self.before_concat

    def joins_prescribed(self, node: Node) -> bool:
        """Whether it is a concat that reads a prescribed range, perhaps through operators that keep the scale.

        The converter gives a concat without a range that of what it reads: boxes beside sigmoids would end at 1.
        """
        return self.graph.layers[node.layer].class_name == "Concatenate" and any(
            self.is_prescribed(self.graph.node(ref)) for ref in node.refs()
        )

    def is_read_beside(self, node: Node) -> bool:
        """Whether something reads it that has no part in the concat: in int8 it reads the concat's scale."""
        return any(not self.is_concat_or_before(reader) for reader in self.readers[node.name])

    def is_concat_or_before(self, node: Node) -> bool:
        """Whether it is a concat, or keeps the scale of what it reads and goes into one."""
        if self.graph.layers[node.layer].class_name == "Concatenate":
            return True
        return self.rules[node.layer] is not None and not self.rule(node).output and node.name in self.before_concat

    def concat_behind(self, node: Node, outputs: Mapping[str, Range]) -> Node:
        """The first concat with a range that reads this output, perhaps through operators that keep the scale."""
        while True:
            node = next(reader for reader in self.readers[node.name] if self.is_concat_or_before(reader))
            if self.graph.layers[node.layer].class_name == "Concatenate" and (
                node.layer in outputs or not self.goes_into_concat(node)
            ):
                return node

    def is_prescribed(self, node: Node) -> bool:
        while self.rules[node.layer] is not None and not self.rule(node).output and node.refs():
            node = self.graph.node(node.refs()[0])
        return self.rule(node).prescribed

    @cached_property
    def before_concat(self) -> frozenset[str]:
        found: set[str] = set()
        for node in reversed(self.graph.nodes):
            if not self.leaves(node) and any(
                self.graph.layers[reader.layer].class_name == "Concatenate"
                or (self.rules[reader.layer] is not None and not self.rule(reader).output and reader.name in found)
                for reader in self.readers[node.name]
            ):
                found.add(node.name)
        return frozenset(found)

    def leaves(self, node: Node) -> bool:
        return node.name in self.outputs

    @cached_property
    def outputs(self) -> frozenset[str]:
        return frozenset(ref.node for ref in self.graph.outputs)


def _products(layer: Layer, call: Node, read: str) -> int:
    """How many products of a call read the output of the node called `read`."""
    if layer.class_name == "EinsumDense":
        return 1
    parts = attention_parts(call)
    gated = [parts["query"]] if layer.config.get("use_gate") else []
    return [ref.node for ref in (*parts.values(), *gated)].count(read)


def _holding_zero(bounds: tuple[float, float] | None) -> Range:
    return OBSERVED if bounds is None else Range(min(bounds[0], 0.0), max(bounds[1], 0.0))


def _with_layers_behind_inputs(graph: Graph, inputs: tuple[str, ...]) -> Graph:
    """The graph with a `linear` layer between each of these input nodes and its readers."""
    moved = {Ref(name): Ref(_behind(name)) for name in inputs}
    nodes: list[Node] = []
    for node in graph.nodes:
        args, kwargs = map_refs((node.args, node.kwargs), lambda ref: moved.get(ref, ref))
        nodes.append(replace(node, args=args, kwargs=kwargs))
        if node.name in inputs:
            nodes.append(Node(_behind(node.name), _behind(node.name), (Ref(node.name),), shapes=node.shapes))
    linear = Activation("linear")
    config = {"kind": linear.kind, "parameters": dict(linear.parameters)}
    layers = {_behind(name): Layer(_behind(name), ACTIVATION, config) for name in inputs}
    outputs = tuple(moved.get(ref, ref) for ref in graph.outputs)
    return replace(graph, layers={**graph.layers, **layers}, nodes=tuple(nodes), outputs=outputs)


def _behind(input_name: str) -> str:
    return f"{input_name}_range"
