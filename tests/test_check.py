"""The model side of `edgeswap check`: on graphs written by hand, and held against what conversions really give."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgeswap.activations.catalog import CATALOG, Activation, parse
from edgeswap.compatibility import edgetpu, xnnpack
from edgeswap.compatibility.findings import CheckReport, Finding, TargetCheck
from edgeswap.compatibility.graph_findings import check
from edgeswap.compatibility.places import Place, places
from edgeswap.compatibility.predicted_operators import activation_operators
from edgeswap.compatibility.require_int8 import require_int8
from edgeswap.compatibility.require_micro import require_micro
from edgeswap.errors import ConfigError, ModelError
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.report import checked as rendering
from edgeswap.targets.names import backend_of
from edgeswap.tflite.operator import Operation

HOST, CORAL, MOBILE, MICRO = (backend_of(name) for name in ("host", "coral", "mobile", "micro"))
IMAGE = (None, 8, 8, 4)
CONV = ("Conv2D", {"dilation_rate": (1, 1), "groups": 1})
DENSE = ("Dense", {})


def act(text: str) -> tuple[str, dict[str, Any]]:
    layer = activation_layer("", parse(text))
    return layer.class_name, dict(layer.config)


def chain(*layers: tuple[str, dict[str, Any]], shape: tuple[int | None, ...] = IMAGE, dtype: str = "float32") -> Graph:
    """An input and layers in a row, called `<class><position>` in lower case; every tensor has one shape."""
    source = Layer("image", "InputLayer", {"batch_shape": shape, "dtype": dtype})
    found, nodes = {"image": source}, [Node("image", "image", shapes=(shape,))]
    for index, (class_name, config) in enumerate(layers):
        name = f"{config['kind'] if 'kind' in config else class_name.lower()}{index}"
        found[name] = Layer(name, class_name, config)
        nodes.append(Node(name, name, (Ref(nodes[-1].name),), shapes=(shape,)))
    return Graph("net", found, tuple(nodes), (Ref("image"),), (Ref(nodes[-1].name),))


def checked(graph: Graph, where: Any = HOST) -> TargetCheck:
    return check(graph, where)


def blocking(result: TargetCheck) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity == "blocks"]


def test_a_plain_convnet_has_nothing_against_it() -> None:
    graph = chain(CONV, ("BatchNormalization", {"axis": -1}), act("relu6"), CONV, ("GlobalAveragePooling2D", {}), DENSE)
    for where in (HOST, MOBILE):
        assert checked(graph, where).findings == []
    assert checked(graph).operators == {"CONV_2D": 2, "MEAN": 1, "FULLY_CONNECTED": 1}  # folded, fused


@pytest.mark.parametrize("kind", sorted(CATALOG))
def test_every_activation_of_the_catalog_has_operators_that_both_tables_know(kind: str) -> None:
    operators = activation_operators(Activation(kind)).operators
    assert {*operators} <= xnnpack.INSIDE | xnnpack.OUTSIDE
    for where in (HOST, CORAL):
        result = checked(chain(CONV, act(kind), CONV), where)
        assert [use.activation for use in result.activations] == ([kind] if kind != "linear" else [])


@pytest.mark.parametrize("text", ["elu", "clipped_elu", "gelu", "leaky_relu", "mish", "selu", "softplus"])
def test_what_the_edge_tpu_has_no_operator_for_blocks_and_an_activation_that_maps_is_suggested(text: str) -> None:
    result = checked(chain(CONV, act(text), CONV), CORAL)
    assert not result.passed
    assert result.leaves_at is not None
    (use,) = result.activations
    assert use.severity == "blocks"
    assert use.suggestion is not None
    assert checked(chain(CONV, act(use.suggestion), CONV), CORAL).passed


@pytest.mark.parametrize("text", ["swish", "relu6", "relu", "sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "pact"])
def test_what_the_edge_tpu_maps_passes_without_a_finding(text: str) -> None:
    result = checked(chain(CONV, act(text), CONV), CORAL)
    assert result.findings == []
    assert result.leaves_at is None


def test_hard_swish_on_the_edge_tpu_is_a_note_because_its_rewriting_maps() -> None:
    result = checked(chain(CONV, act("hard_swish"), CONV), CORAL)
    assert result.passed
    (finding,) = result.findings
    assert finding.severity == "note"
    assert "MUL, ADD, MUL" in finding.why


def test_the_tail_may_run_on_the_cpu() -> None:
    middle = checked(chain(CONV, ("LayerNormalization", {}), CONV), CORAL)
    tail = checked(chain(CONV, CONV, ("LayerNormalization", {})), CORAL)
    assert not middle.passed
    assert tail.passed
    assert {finding.severity for finding in tail.findings} == {"costs"}
    assert tail.leaves_at == "layernormalization2 (BATCH_MATMUL)"


def test_an_operator_cuts_a_graph_where_the_delegate_runs_what_leads_to_it_and_what_it_leads_to() -> None:
    heavy, taken = (False, False, True, False, False), (True, False, True, False, True)
    in_a_row = places(heavy, ((), (0,), (1,), (2,), (3,)), taken)
    assert in_a_row[1:4] == [Place(False, True, True), Place(True, True, False), Place(True, False, True)]
    two_heads = places(heavy, ((), (0,), (0,), (2,), (2,)), taken)
    assert [place.between for place in two_heads] == [False] * 5


def test_a_softmax_costs_only_in_the_middle_and_says_there_alone_that_it_cuts() -> None:
    softmax = ("Softmax", {})
    for where in (HOST, MOBILE):
        (last,) = checked(chain(CONV, softmax), where).findings
        assert (last.severity, "in two" in last.why) == ("note", False)
        assert last.instead == "If it is the last layer, end the model in logits and compute the softmax in the app."
        (middle,) = checked(chain(CONV, softmax, CONV), where).findings
        assert (middle.severity, "cuts the delegate's graph in two" in middle.why) == ("costs", True)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (("LSTM", {"activation": "relu"}), "Conv1D"),
        (("GRU", {}), "Conv1D"),
        (("Conv3D", {}), "two dimensions"),
        (("MaxPooling3D", {}), "two dimensions"),
        (("GroupNormalization", {}), "BatchNormalization"),
        (("UpSampling2D", {"interpolation": "bicubic"}), "bilinear"),
        (("ThresholdedReLU", {}), "relu6"),
        (("EdgeswapOperation", {"source": {"tensorflow": "math.cos"}}), "products"),
    ],
)
def test_what_has_no_int8_form_blocks_everywhere_and_says_what_to_write(
    layer: tuple[str, dict[str, Any]], says: str
) -> None:
    for where in (HOST, CORAL, MOBILE):
        # The target's table may have more to say of the layer's other operators.
        found = [one for one in blocking(checked(chain(CONV, layer, CONV), where)) if one.basis != where.basis]
        assert len(found) == 1
        assert found[0].layers == [f"{layer[0].lower()}1"]
        assert says in found[0].instead
        assert "estimate" in found[0].basis


def test_a_recurrent_layer_that_is_unrolled_does_not_block() -> None:
    for layer in (("LSTM", {"unroll": True}), ("GRU", {"unroll": True, "reset_after": False}), ("LSTM", {})):
        assert checked(chain(layer, DENSE, shape=(None, 6, 4)), HOST).passed


def test_token_numbers_cannot_come_in_as_int8() -> None:
    for dtype in ("float32", "int32"):
        (finding,) = blocking(checked(chain(("Embedding", {}), DENSE, shape=(None, 6), dtype=dtype)))[:1]
        assert "token numbers" in finding.why
        assert "in the app" in finding.instead


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (("GRU", {}), "unroll=True"),
        (("Embedding", {}), "in the app"),
        (("MaxPooling3D", {}), "two dimensions"),
    ],
)
def test_an_export_is_refused_for_what_is_certain_with_the_remedy_of_check(
    layer: tuple[str, dict[str, Any]], says: str
) -> None:
    graph = chain(layer, DENSE)
    with pytest.raises(ModelError) as caught:
        require_int8(graph)
    (finding,) = blocking(checked(graph))
    assert finding.instead == caught.value.remedy
    assert finding.why in caught.value.problem
    assert f"{layer[0].lower()}0" in caught.value.problem
    assert says in caught.value.remedy


ERF = ("EdgeswapOperation", {"source": {"tensorflow": "math.erf"}})


@pytest.mark.parametrize(("where", "kinds"), [(HOST, "gelu or swish"), (CORAL, "swish"), (MICRO, "swish")])
def test_a_remedy_names_what_the_target_runs(where: Any, kinds: str) -> None:
    (finding,) = blocking(checked(chain(CONV, ERF, CONV), where))
    assert finding.instead == f"If it is part of a gelu, write that as an activation of its own: {kinds}."
    with pytest.raises(ModelError) as caught:
        require_int8(chain(CONV, ERF, CONV), where)
    assert caught.value.remedy == finding.instead


@pytest.mark.parametrize("where", [HOST, CORAL, MICRO])
def test_what_a_remedy_of_an_activation_names_does_not_block(where: Any) -> None:
    for kind in CATALOG:
        for finding in blocking(checked(chain(CONV, act(kind), CONV), where)):
            kinds = {word for word in re.findall(r"\w+", finding.instead) if word in CATALOG}
            assert kinds, (kind, finding)
            assert [named for named in kinds if not checked(chain(CONV, act(named), CONV), where).passed] == []


def test_recurrent_layers_are_unrolled_only_where_what_they_become_runs() -> None:
    for where, unroll in ((HOST, True), (MICRO, True), (CORAL, False)):
        (finding,) = (one for one in blocking(checked(chain(("GRU", {}), DENSE), where)) if one.what == "float WHILE")
        assert ("unroll=True" in finding.instead, "Conv1D" in finding.instead) == (unroll, True)
    relu = ("ReLU", {"negative_slope": 0.1, "max_value": 6.0})
    for where, leaky in ((MICRO, True), (CORAL, False)):
        (finding,) = (one for one in blocking(checked(chain(CONV, relu, CONV), where)) if one.what == "float NEG")
        assert ("leaky_relu" in finding.instead, "relu6" in finding.instead) == (leaky, True)


def test_a_layer_that_a_microcontroller_lacks_has_a_remedy() -> None:
    (finding,) = blocking(checked(chain(DENSE, ("RepeatVector", {}), shape=(None, 6)), MICRO))
    assert finding.instead == "Write that part with other layers, or compute it in the app."


@pytest.mark.parametrize(
    ("name", "what", "certain"),
    [
        ("Cumsum", "float CUMSUM", True),
        ("Mod", "float FLOOR_MOD", True),
        ("Cumprod", "Cumprod in Cumprod", True),
        ("Ceil", "float CEIL", False),
        ("Sort", "float NEG", False),
    ],
)
def test_an_operation_without_an_int8_operator_blocks(name: str, what: str, certain: bool) -> None:
    operation = ("EdgeswapOperation", {"source": {"module": "keras.src.ops", "class_name": name}})
    (finding,) = blocking(checked(chain(CONV, operation, CONV)))
    assert (finding.what, finding.certain) == (what, certain)
    assert finding.instead
    if certain:
        with pytest.raises(ModelError, match="Expected a model that can be int8") as refusal:
            require_int8(chain(CONV, operation, CONV))
        assert refusal.value.remedy == finding.instead


def test_a_remedy_for_an_operation_names_only_what_the_target_runs() -> None:
    sort = ("EdgeswapOperation", {"source": {"class_name": "Sort"}})
    for where, told in ((HOST, "Use keras.ops.top_k of all values, which sorts downwards."), (MICRO, "Compute it")):
        (finding,) = (one for one in blocking(checked(chain(CONV, sort, CONV), where)) if one.what == "float NEG")
        assert finding.instead.startswith(told)


def test_what_a_power_becomes_depends_on_its_exponent() -> None:
    for exponent, floats in ((2, []), (0.5, []), (3, ["float POW"]), ({"tensor": 0}, ["float POW"])):
        arguments = [{"tensor": 0}, exponent]
        config = {"source": {"class_name": "Power"}, "arguments": arguments, "keywords": {}}
        assert [one.what for one in blocking(checked(chain(CONV, ("EdgeswapOperation", config), CONV)))] == floats


def test_what_only_may_stay_in_float_is_a_warning_of_an_export() -> None:
    (caution,) = require_int8(chain(CONV, ("EdgeswapOperation", {"source": {"tensorflow": "math.negative"}}), CONV))
    assert "NEG" in caution.problem
    assert require_int8(chain(CONV, act("gelu"), ("LSTM", {}), DENSE)) == []


def test_an_export_for_a_microcontroller_is_refused_for_an_operator_that_is_missing_there() -> None:
    graph = chain(CONV, act("gelu"), DENSE, act("softplus"), DENSE)
    assert require_int8(graph) == []  # it can be int8, elsewhere
    with pytest.raises(ModelError) as caught:
        require_micro(graph)
    problem, remedy = caught.value.problem, caught.value.remedy
    assert "GELU in 'gelu1'; LOG in 'softplus3'. TensorFlow Lite for Microcontrollers does not have it." in problem
    assert remedy.startswith("Swap it for hard_swish or swish")
    assert remedy.endswith("Or leave out --target micro.")
    require_micro(chain(CONV, act("hard_swish"), DENSE, act("swish"), ("MaxPooling2D", {}), DENSE))


def test_a_slope_of_a_model_file_is_written_in_as_few_digits_as_a_float32_needs() -> None:
    assert str(Activation("leaky_relu", {"negative_slope": 0.30000001192092896})) == "leaky_relu(negative_slope=0.3)"


def test_inputs_are_judged() -> None:
    assert [f.what for f in blocking(checked(chain(CONV, shape=(None, None, None, 3))))] == [
        "free size (None, None, 3)"
    ]
    assert [f.what for f in blocking(checked(chain(DENSE, shape=(None, 6), dtype="int32")))] == ["int32 input"]
    (batch,) = checked(chain(CONV, shape=(8, 8, 8, 3))).findings
    assert (batch.severity, batch.what) == ("note", "batch of 8")


def test_a_layer_nobody_has_seen_is_a_note_that_is_not_a_promise() -> None:
    (finding,) = checked(chain(CONV, ("MyLayer", {}), CONV)).findings
    assert (finding.severity, finding.basis) == ("note", "not measured")


def test_layers_that_share_a_finding_and_operators_that_share_a_layer_stand_together() -> None:
    result = checked(chain(CONV, act("gelu"), CONV, act("gelu"), CONV, ("LayerNormalization", {}), CONV))
    assert [(f.what, f.layers) for f in result.findings] == [
        ("GELU", ["gelu1", "gelu3"]),
        ("BATCH_MATMUL, RSQRT", ["layernormalization5"]),
    ]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (Operation("SOFTMAX", outputs=((1, 20_000),)), "16000"),
        (Operation("SOFTMAX", outputs=((1, 8, 8, 3),)), "more than one dimension"),
        (Operation("FULLY_CONNECTED", outputs=((1, 6, 4),)), "more than one dimension"),
        (Operation("CONV_2D", options={"dilation": (1, 2)}), "dilation"),
        (Operation("CONV_2D", version=6), "version 6"),
        (Operation("TRANSPOSE_CONV", version=4), "version 4"),
        (Operation("MEAN", ((1, 8, 8, 6),), options={"axes": (3,)}), "multiple of 4"),
        (Operation("MEAN", ((1, 8, 8, 6),), options={"axes": (0,)}), "batch"),
        (Operation("MAX_POOL_2D", options={"fused": "RELU6"}), "RELU6"),
        (Operation("PRELU", options={"slope_shape": (8, 8, 4)}), "not one per channel"),
        (Operation("PAD", options={"padding": ((1, 1), (0, 0))}), "batch"),
        (Operation("STRIDED_SLICE", options={"strides": (1, 2)}), "strides"),
        (Operation("CONCATENATION", ((1, 4),), options={"constant_inputs": 1}), "constant"),
        (Operation("ADD", ((1, 2, 3, 4, 5),)), "dimensions above 1"),
        (Operation("HARD_SWISH"), "not in the table"),
    ],
)
def test_the_edge_tpu_table_has_limits(operation: Operation, reason: str) -> None:
    remark = edgetpu.judge(operation)
    assert remark is not None
    assert remark.severity == "blocks"
    assert reason in remark.why


@pytest.mark.parametrize(
    "operation",
    [
        Operation("SOFTMAX", outputs=((1, 1000),)),
        Operation("CONV_2D", ((1, 8, 8, 3),), options={"dilation": (2, 2), "fused": "RELU6"}, version=5),
        Operation("MEAN", ((1, 8, 8, 8),), options={"axes": (3,)}),
        Operation("PRELU", options={"slope_shape": (1, 1, 4)}),
        Operation("PAD", options={"padding": ((0, 0), (1, 1))}),
        Operation("CONCATENATION", ((1, 4),), options={"constant_inputs": 1, "constants_are_zero": True}),
    ],
)
def test_what_stays_within_the_limits_maps(operation: Operation) -> None:
    assert edgetpu.judge(operation) is None


def test_targets() -> None:
    assert backend_of("ssh://pi@raspberrypi.local:22").judge(Operation("CONV_2D")) is None
    assert "estimate" in backend_of("emulator:pi5").basis
    for wrong in ("Coral", "nnapi", "emulator:pi6", ""):
        with pytest.raises(ConfigError) as caught:
            backend_of(wrong)
        assert "host, mobile, coral" in caught.value.remedy


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_keeps_to_the_terminal_and_escapes_are_written_out(width: int) -> None:
    from rich.console import Console

    result = checked(chain(CONV, act("leaky_relu(negative_slope=0.01)"), CONV, act("gelu"), ("GRU", {}), DENSE), CORAL)
    evil = result.findings[0].model_copy(update={"layers": ["a" * 90, "\x1b[2Jtwo"]})
    result = result.model_copy(update={"findings": [evil, *result.findings[1:]]})
    report = CheckReport(edgeswap="0", model="m", form="keras", targets=[result], passed=False)
    stream = io.StringIO()
    rendering.render(report, Console(file=stream, width=width))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    for word in ("blocks", "LEAKY_RELU", "prelu", "estimate"):
        assert word in text


def test_the_report_survives_json() -> None:
    report = CheckReport(
        edgeswap="0", model="m", form="keras", targets=[checked(chain(CONV, act("elu")), CORAL)], passed=False
    )
    assert CheckReport.model_validate_json(report.model_dump_json(by_alias=True)) == report


@pytest.mark.slow
def test_the_tables_import_no_tensorflow() -> None:
    tables = (f"edgeswap.compatibility.{name}" for name in ("graph_findings", "backends", "tflite_findings"))
    code = f"import sys, {', '.join(tables)}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"tensorflow", "keras", "tf_keras"} & set(ran.stdout.split())


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    from edgeswap.frameworks import keras as k

    x = k.Input((8, 8, 3), name="image")
    y = k.layers.Conv2D(4, 3, activation="elu", name="first")(x)
    y = k.layers.DepthwiseConv2D(3, activation="elu", name="second")(y)
    y = k.layers.GlobalAveragePooling2D(name="pool")(y)
    k.Model(x, k.layers.Dense(3, activation="softmax", name="head")(y)).save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "blocked", "swapped"),
    [
        ((), [], None),
        (("--target", "coral"), ["first_activation", "second_activation"], None),
        (("--target", "coral", "--swap", "first*=relu6"), ["second_activation"], ["first_activation"]),
        (("--target", "coral", "--activation", "relu6"), [], ["first_activation", "second_activation"]),
    ],
)
def test_the_command_judges_a_keras_file_with_the_swaps_that_are_asked_for(
    arguments: tuple[str, ...],
    blocked: list[str],
    swapped: list[str] | None,
    model_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from edgeswap.cli.main import run

    assert run(["check", str(model_file), "--json", *arguments]) == (3 if blocked else 0)
    report = CheckReport.model_validate_json(capsys.readouterr().out)
    assert [layer for finding in blocking(report.targets[0]) for layer in finding.layers] == blocked
    found = None if report.activations is None else [entry.layer for entry in report.activations.swapped]
    assert found == swapped
    assert report.export is not None
    assert (report.export.task, report.export.metric) == ("classification", "top1")


def test_a_keras_model_is_told_what_export_does_with_it() -> None:
    from edgeswap.compatibility.keras_findings import check_model
    from edgeswap.frameworks import keras as k

    x = k.Input((8, 8, 3), name="image")
    conv = k.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    flat = k.layers.GlobalAveragePooling2D(name="pool")(conv)
    unit = k.layers.Dense(1, activation="sigmoid", name="yes")(flat)
    linear = k.layers.Dense(4, name="values")(flat)
    maps = k.layers.Conv2D(2, 1, activation="softmax", name="mask")(conv)
    for outputs, task, reason in (
        (unit, "binary", "one sigmoid output"),
        ([linear, unit], "outputs", "2 outputs"),
        (maps, "segmentation", "one softmax output of 2 classes for each of 8x8 places"),
        (linear, "outputs", "one linear output of shape (4,), without labels"),
    ):
        export = check_model(k.Model(x, outputs), [HOST]).export
        assert export is not None
        assert (export.task, export.reason) == (task, reason)
    free = k.Input((None, None, 3), name="any_size")
    free_model = k.Model(free, k.layers.Conv2D(4, 3, name="conv")(free))
    assert check_model(free_model, [HOST]).export is None


@pytest.mark.slow
def test_a_layer_that_an_export_cannot_rebuild_blocks_and_is_named(tmp_path: Path) -> None:
    from edgeswap.compatibility.keras_findings import check_model
    from edgeswap.frameworks import keras as k

    x = k.Input((6, 8), name="series")
    k.Model(x, k.layers.Dense(3)(k.layers.RMSNormalization(name="rms")(x))).save(tmp_path / "m.keras")
    report = check_model(tmp_path / "m.keras", [HOST])
    (finding,) = blocking(report.targets[0])
    assert finding.what == "rebuilding in tf_keras"
    assert finding.layers == ["rms"]
    assert not report.passed


@pytest.mark.slow
def test_a_dense_layer_over_an_image_does_not_map_by_its_shape(tmp_path: Path) -> None:
    from edgeswap.compatibility.keras_findings import check_model
    from edgeswap.frameworks import keras as k

    x = k.Input((8, 8, 3), name="image")
    k.Model(x, k.layers.Dense(3, name="wide")(x)).save(tmp_path / "m.keras")
    (finding,) = check_model(tmp_path / "m.keras", [CORAL]).targets[0].findings
    assert finding.layers == ["wide"]
    assert "more than one dimension" in finding.why
