"""Placement on graphs written by hand: no framework, only data."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeswap.activations.catalog import Activation, parse
from edgeswap.graph.canonicalize import activation_layer
from edgeswap.graph.ir import Graph, Layer, Node, Ref
from edgeswap.quantization.placement import place
from edgeswap.quantization.ranges import resolve
from edgeswap.quantization.specification import OBSERVED, Range, Weight

IMAGE = (None, 8, 8, 5)
FLAT = ("Dense", "Flatten", "GlobalAveragePooling2D")  # what gives no image, here
CONFIGS = {
    "BatchNormalization": {"axis": -1, "scale": True, "center": True, "epsilon": 1e-3, "dtype": "float32"},
    "Dense": {"use_bias": False, "dtype": "float32"},
    **{kind: {"kernel_size": (1, 1), "strides": (1, 1), "padding": "same"} for kind in ("Conv2D", "DepthwiseConv2D")},
    **{
        kind: {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid", "data_format": "channels_last"}
        for kind in ("MaxPooling2D", "AveragePooling2D")
    },
    "ZeroPadding2D": {"padding": ((1, 1), (1, 1))},
    "Cropping2D": {"cropping": ((1, 1), (1, 1))},
    "UpSampling2D": {"size": (2, 2)},
}


def layer(name: str, kind: str) -> Layer:
    """A layer by Keras class name, or, in lower case, an activation of the catalog."""
    if kind[0].islower():
        return activation_layer(name, parse(kind))
    config = {"batch_shape": IMAGE, "dtype": "float32"} if kind == "InputLayer" else CONFIGS.get(kind, {})
    weights = {"BatchNormalization": tuple(np.ones((4, 5), np.float32)), "Dense": (np.ones((6, 5), np.float32),)}
    return Layer(name, kind, config, weights.get(kind, ()))


def graph(*calls: tuple[str, str, list[str]], outputs: list[str] | None = None) -> Graph:
    """Calls as (name, class or activation, names read), behind an input "image"; `name@1` calls layer `name` again."""
    layers = {"image": layer("image", "InputLayer")}
    nodes = [Node("image", "image", shapes=(IMAGE,))]
    shapes = {"image": IMAGE}
    for name, kind, read in calls:
        own = name.partition("@")[0]
        layers.setdefault(own, layer(own, kind))
        refs = [Ref(source) for source in read]
        shapes[name] = (None, 5) if kind in FLAT else shapes[read[0]]
        nodes.append(Node(name, own, (refs if len(refs) > 1 else refs[0],), shapes=(shapes[name],)))
    ends = outputs or [calls[-1][0]]
    return Graph("model", layers, tuple(nodes), (Ref("image"),), tuple(Ref(name) for name in ends))


def chain(*kinds: str) -> Graph:
    """Layers l0, l1, … each reading the one before."""
    names = ["image", *(f"l{index}" for index in range(len(kinds)))]
    return graph(*((name, kind, [before]) for before, name, kind in zip(names, names[1:], kinds, strict=False)))


def outputs(model: Graph) -> dict[str, Range]:
    placed = dict(place(model, input_ranges={"image": (0.0, 1.0)}).outputs)
    assert placed.pop("image_range") == Range(0.0, 1.0)
    return placed


@pytest.mark.parametrize("relu", ["relu", "relu6"])
def test_one_operator_has_one_output_range(relu):
    ceiling = {"relu": None, "relu6": 6.0}[relu]
    assert outputs(chain("Conv2D", "BatchNormalization", relu)) == {"l2": Range(0.0, ceiling)}
    assert outputs(chain("DepthwiseConv2D", relu)) == {"l1": Range(0.0, ceiling)}


def test_the_relu_of_a_transposed_convolution_stays_alone():
    folded = chain("Conv2DTranspose", "BatchNormalization", "relu")
    assert outputs(folded) == {"l1": OBSERVED, "l2": Range(0.0, None)}
    assert outputs(chain("Conv2DTranspose", "relu")) == {"l0": OBSERVED, "l1": Range(0.0, None)}


def test_an_activation_that_does_not_fuse_needs_its_input_in_int8():
    assert outputs(chain("Conv2D", "BatchNormalization", "hard_swish")) == {"l1": OBSERVED, "l2": Range(-0.375, None)}


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu6", Range(0.0, 6.0)),
        ("clipped_elu", Range(-1.0, 6.0)),
        ("clipped_elu(max_value=4)", Range(-1.0, 4.0)),
        ("elu", Range(-1.0, None)),
        ("swish", Range(-0.2784645427610738, None)),
        ("hard_swish", Range(-0.375, None)),
        ("sigmoid", Range(0.0, 255 / 256)),
        ("tanh", Range(-1.0, 127 / 128)),
    ],
)
def test_bounded_activations_have_the_range_they_must_have(activation, expected):
    assert outputs(chain("MaxPooling2D", activation)) == {"l1": expected}


@given(
    kind=st.sampled_from(["relu6", "elu", "swish", "hard_swish", "sigmoid", "tanh", "clipped_elu"]),
    x=st.floats(-1e4, 1e4),
)
def test_no_value_of_an_activation_falls_out_of_its_fixed_side_by_more_than_a_step(kind, x):
    bounds = outputs(chain("MaxPooling2D", kind))["l1"]
    value = float(Activation(kind)(np.float64(x)))
    step = 1 / 128  # the coarsest prescribed scale; sigmoid's and tanh's ranges end one step below 1
    assert bounds.low is None or value >= bounds.low - 1e-12
    assert bounds.high is None or value <= bounds.high + step


def test_alpha_of_an_elu_is_an_operator_of_its_own_with_a_range_of_its_own():
    placed = place(chain("Conv2D", "clipped_elu(alpha=0.5, max_value=4)"), input_ranges={})
    assert placed.outputs == {"l0": OBSERVED, "l1_elu": Range(-1.0, 4.0), "l1": Range(-0.5, 4.0)}
    assert placed.graph.layers["l1_elu"].activation == Activation("clipped_elu", {"max_value": 4})
    assert placed.graph.layers["l1"].class_name == "LeakyReLU"


def test_softmax_is_prescribed():
    assert outputs(chain("GlobalAveragePooling2D", "Dense", "Softmax")) == {
        "l0": OBSERVED,
        "l1": OBSERVED,
        "l2": Range(0.0, 255 / 256),
    }


@pytest.mark.parametrize("kind", ["ZeroPadding2D", "MaxPooling2D", "AveragePooling2D", "Flatten", "Reshape", "Dropout"])
def test_operators_that_keep_the_scale_have_no_range(kind):
    assert "l1" not in outputs(chain("Conv2D", kind))


def test_dropout_between_a_convolution_and_its_relu_is_not_there():
    assert outputs(chain("Conv2D", "Dropout", "relu")) == {"l2": Range(0.0, None)}


def test_a_tensor_read_twice_is_not_fused():
    residual = graph(("a", "Conv2D", ["image"]), ("r", "relu", ["a"]), ("add", "Add", ["r", "a"]))
    assert outputs(residual) == {"a": OBSERVED, "r": Range(0.0, None), "add": OBSERVED}


def test_a_tensor_that_leaves_the_model_is_not_fused():
    both = graph(("a", "Conv2D", ["image"]), ("r", "relu", ["a"]), outputs=["a", "r"])
    assert outputs(both)["a"] == OBSERVED


def test_what_goes_into_a_concat_takes_its_scale():
    model = graph(
        ("a", "Conv2D", ["image"]),
        ("r", "relu6", ["a"]),
        ("pad", "ZeroPadding2D", ["r"]),
        ("b", "Conv2D", ["image"]),
        ("s", "sigmoid", ["b"]),
        ("cat", "Concatenate", ["pad", "s"]),
    )
    # sigmoid's scale is prescribed, so it is rescaled behind it
    assert outputs(model) == {"b": OBSERVED, "s": Range(0.0, 255 / 256), "cat": OBSERVED}


def test_a_sum_fuses_its_relu_and_three_are_two_sums():
    model = graph(
        ("a", "Conv2D", ["image"]),
        ("b", "Conv2D", ["image"]),
        ("c", "Conv2D", ["image"]),
        ("add", "Add", ["a", "b", "c"]),
        ("r", "relu", ["add"]),
    )
    placed = place(model, input_ranges={})
    assert set(placed.outputs) == {"a", "b", "c", "add_sum1", "r"}
    assert placed.left_to_calibration == ()
    assert placed.graph.node("add").refs() == (Ref("add_sum1"), Ref("c"))


def test_a_shared_layer_keeps_its_range_if_one_call_needs_it():
    model = graph(
        ("conv", "Conv2D", ["image"]),
        ("r", "relu", ["conv"]),
        ("conv@1", "Conv2D", ["image"]),
        ("h", "hard_swish", ["conv@1"]),
        ("add", "Add", ["r", "h"]),
    )
    assert outputs(model)["conv"] == OBSERVED


def test_weights_have_the_axes_of_their_kernels():
    model = chain("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "GlobalAveragePooling2D", "Dense")
    placed = place(model, input_ranges={})
    assert placed.weights == {
        "l0": (Weight("kernel", (3,)),),
        "l1": (Weight("depthwise_kernel", (2, 3)),),
        "l2": (Weight("kernel", (2,)),),
        "l4": (Weight("kernel", ()),),
    }
    per_channel = place(model, input_ranges={}, per_channel_dense=True)
    assert per_channel.weights["l4"] == (Weight("kernel", (1,)),)


def test_a_batch_norm_behind_dense_goes_into_its_weights():
    placed = place(chain("GlobalAveragePooling2D", "Dense", "BatchNormalization", "relu"), input_ranges={})
    kernel, bias = placed.graph.layers["l1"].weights
    # gamma, beta, mean and variance are all 1: (x - 1) / sqrt(1.001) + 1
    np.testing.assert_allclose(kernel, 1 / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_allclose(bias, 1 - 1 / np.sqrt(1.001), atol=1e-6)
    assert placed.graph.layers["l2"].activation == Activation("linear")
    assert set(placed.outputs) == {"l0", "l3"}


def test_a_batch_norm_alone_is_one_depthwise_convolution():
    placed = place(chain("MaxPooling2D", "BatchNormalization", "relu"), input_ranges={})
    assert placed.graph.layers["l1"].class_name == "DepthwiseConv2D"
    assert placed.graph.layers["l1"].weights[0].shape == (1, 1, 5, 1)
    assert placed.outputs == {"l2": Range(0.0, None)}
    assert placed.left_to_calibration == ()


@pytest.mark.parametrize(("axis", "is_last"), [(1, False), (-2, False), ([1, 2], False), (-1, True), (3, True)])
def test_a_batch_norm_goes_into_weights_only_where_it_goes_by_the_last_axis(axis, is_last):
    model = chain("Conv2D", "BatchNormalization", "relu")
    norm = model.layers["l1"]
    model = model.with_layers({"l1": replace(norm, config={**norm.config, "axis": axis})})
    placed = place(model, input_ranges={})
    assert placed.left_to_calibration == (() if is_last else ("l1",))
    assert set(placed.outputs) == ({"l2"} if is_last else {"l0", "l2"})


def test_what_nobody_knows_is_listed_and_not_refused():
    placed = place(chain("Conv2D", "LayerNormalization", "relu"), input_ranges={})
    assert placed.left_to_calibration == ("l1",)
    assert placed.outputs == {"l0": OBSERVED, "l2": Range(0.0, None)}


def test_the_input_carries_its_range_in_a_layer_of_its_own():
    placed = place(chain("Conv2D"), input_ranges={"image": (0.25, 1.0)})
    assert placed.outputs["image_range"] == Range(0.0, 1.0)  # every int8 scale holds zero
    assert placed.graph.node("l0").refs() == (Ref("image_range"),)
    assert placed.graph.node("image_range").refs() == (Ref("image"),)
    assert place(chain("Conv2D"), input_ranges={"image": None}).outputs["image_range"] == OBSERVED


def test_the_graph_that_was_given_stays_as_it_was():
    model = chain("Conv2D", "clipped_elu(alpha=0.5)")
    before = dict(model.layers), model.nodes
    place(model, input_ranges={"image": (0.0, 1.0)})
    assert (dict(model.layers), model.nodes) == before


@pytest.mark.parametrize("kind", ["clipped_elu", "relu_n(max_value=2)", "hard_swish(max_value=3)"])
def test_a_ceiling_that_the_range_is_has_its_range_in_front_of_a_concat_too(kind):
    model = graph(
        ("a", "Conv2D", ["image"]),
        ("r", kind, ["a"]),
        ("b", "Conv2D", ["image"]),
        ("cat", "Concatenate", ["r", "b"]),
    )
    placed = place(model, input_ranges={})
    assert placed.clipped == {"r"}
    assert placed.outputs["r"].high == parse(kind).parameters["max_value"]
    # The concat's scale would take the clip away, so something stands between that has the concat's scale.
    assert [ref.node for ref in placed.graph.node(Ref("cat")).refs()] == ["r_rescaled", "b"]
    assert "r_rescaled" not in placed.outputs


def test_an_elu_is_rescaled_for_concats_alone():
    model = graph(
        ("e", "elu", ["image"]),
        ("e@1", "elu", ["e"]),
        ("pool", "MaxPooling2D", ["e@1"]),
        ("cat", "Concatenate", ["pool", "e@1"]),
        ("sum", "Add", ["e@1", "cat"]),
    )
    placed = place(model, input_ranges={})
    reads = {node.name: [ref.node for ref in node.refs()] for node in placed.graph.nodes}
    assert reads["pool"] == ["e_rescaled@1"]
    assert reads["cat"] == ["pool", "e_rescaled@1"]
    assert reads["e_rescaled@1"] == ["e@1"]
    assert reads["sum"] == ["e@1", "cat"]
    assert "e_rescaled" not in reads  # the first call goes into no concat
    assert placed.outputs["e"] == Range(-1.0, None)


@pytest.mark.parametrize("kind", ["Flatten", "Reshape", "Permute"])
@pytest.mark.parametrize("between", [[], ["Dropout"]])
def test_an_elu_is_parted_from_what_moves_its_values(kind, between):
    placed = place(chain("Conv2D", "clipped_elu", *between, kind), input_ranges={})
    assert [ref.node for ref in placed.graph.node(Ref("l2")).refs()] == ["l1_rescaled"]
    assert placed.outputs["l1"] == Range(-1.0, 6.0)
    assert placed.outputs["l1_rescaled"] == Range(float(np.nextafter(np.float32(-1), np.float32(0))), 6.0)
    assert "l1_rescaled" not in place(chain("Conv2D", "relu_n(max_value=2)", kind), input_ranges={}).graph.layers
    assert "l1_rescaled" not in place(chain("Conv2D", "elu", "MaxPooling2D", kind), input_ranges={}).graph.layers


def test_a_dense_layer_over_several_axes_is_reshaped_too():
    assert "l1_rescaled" in place(chain("Conv2D", "elu", "Dense"), input_ranges={}).graph.layers
    pooled = place(chain("Conv2D", "GlobalAveragePooling2D", "elu", "Dense"), input_ranges={})
    assert "l2_rescaled" not in pooled.graph.layers
    between = place(chain("Flatten", "Dense", "elu", "Dropout", "Dense"), input_ranges={})
    assert "l2_rescaled" not in between.graph.layers


def test_a_pact_into_a_concat_keeps_the_ceiling_that_it_learns():
    model = graph(("a", "Conv2D", ["image"]), ("r", "pact", ["a"]), ("cat", "Concatenate", ["r", "a"]))
    learned = replace(model.layers["r"], weights=(np.float32(6.0),))
    placed = place(model.with_layers({"r": learned}), input_ranges={})
    assert (placed.clipped, placed.pacts) == ({"r"}, {"r"})


def test_a_relu_n_fuses_as_its_range_is_its_ceiling():
    placed = place(chain("Conv2D", "BatchNormalization", "relu_n(max_value=2)"), input_ranges={})
    assert placed.outputs == {"l2": Range(0.0, 2.0)}
    assert (placed.clipped, placed.pacts) == ({"l2"}, frozenset())


def test_a_pact_is_clipped_by_its_range_even_where_its_ceiling_is_that_of_relu6():
    model = chain("Conv2D", "pact")
    learned = replace(model.layers["l1"], weights=(np.float32(6.0),))
    placed = place(model.with_layers({"l1": learned}), input_ranges={})
    assert placed.outputs == {"l1": Range(0.0, 6.0)}
    assert (placed.clipped, placed.pacts) == ({"l1"}, {"l1"})


def test_prescribed_are_the_inputs_and_what_a_kernel_prescribes():
    placed = place(chain("Conv2D", "relu6", "GlobalAveragePooling2D", "Dense", "Softmax"), input_ranges={"image": None})
    assert placed.prescribed == {"image_range", "l4"}


def test_a_concat_of_boxes_and_sigmoids_keeps_a_range_of_its_own_in_front_of_another():
    """Else the converter gives it the range of the sigmoids: boxes in pixels ended at 1."""
    model = graph(
        ("box", "Conv2D", ["image"]),
        ("scores", "Conv2D", ["image"]),
        ("s", "sigmoid", ["scores"]),
        ("flat", "Reshape", ["s"]),
        ("level", "Concatenate", ["box", "flat"]),
        ("all", "Concatenate", ["level", "image"]),
    )
    found = outputs(model)
    assert found["level"] == OBSERVED
    assert found["all"] == OBSERVED
    assert "box" not in found
    assert place(model, input_ranges={}).tied == {"level": "all"}


def test_a_concat_in_front_of_another_takes_its_scale():
    model = graph(
        ("a", "Conv2D", ["image"]), ("b", "Concatenate", ["a", "image"]), ("all", "Concatenate", ["b", "image"])
    )
    assert "b" not in outputs(model)


def test_what_goes_into_a_concat_and_elsewhere_has_the_concats_range_for_every_reader():
    model = graph(
        ("a", "Conv2D", ["image"]),
        ("r", "relu", ["a"]),
        ("pool", "MaxPooling2D", ["r"]),
        ("b", "Conv2D", ["pool"]),  # reads it in int8, at the concat's scale
        ("up", "UpSampling2D", ["b"]),
        ("cat", "Concatenate", ["r", "up"]),
    )
    placed = place(model, input_ranges={})
    assert set(placed.outputs) == {"r", "cat"}
    assert placed.tied == {"r": "cat"}
    observed = {"r": (0.0, 1.0), "cat": (-3.0, 5.0)}
    ranges = resolve(placed, observed, "auto")
    assert ranges["r"] == ranges["cat"]


def test_each_concat_of_a_dense_block_has_the_range_of_the_last():
    model = graph(
        ("stem", "Conv2D", ["image"]),
        ("b1", "Conv2D", ["stem"]),
        ("cat1", "Concatenate", ["stem", "b1"]),
        ("b2", "Conv2D", ["cat1"]),
        ("cat2", "Concatenate", ["cat1", "b2"]),
        ("last", "Conv2D", ["cat2"]),
    )
    placed = place(model, input_ranges={})
    assert set(placed.outputs) == {"stem", "cat1", "cat2", "last"}
    observed = {"stem": (0.0, 1.0), "cat1": (-1.0, 1.0), "cat2": (-3.0, 5.0), "last": (0.0, 1.0)}
    ranges = resolve(placed, observed, "auto")
    assert ranges["stem"] == ranges["cat1"] == ranges["cat2"] != ranges["last"]


@pytest.mark.parametrize(
    ("args", "kwargs", "has_range"),
    [
        ((Ref("l0"), Ref("image")), {}, False),  # the query
        ((Ref("image"), Ref("l0")), {}, True),  # key and value
        ((Ref("image"), Ref("l0"), Ref("image")), {}, False),
        ((), {"query": Ref("l0"), "value": Ref("image"), "key": Ref("l0")}, True),
        ((Ref("l0"), Ref("l0")), {}, True),
    ],
)
def test_what_one_product_of_an_attention_alone_reads_has_no_range(args, kwargs, has_range):
    model = chain("Dense", "MultiHeadAttention")
    call = replace(model.node("l1"), args=args, kwargs=kwargs)
    placed = place(replace(model, nodes=(*model.nodes[:-1], call)), input_ranges={})
    assert ("l0" in placed.outputs) is has_range
    assert placed.left_to_calibration == (() if has_range else ("l0",)) + ("l1",)


def test_what_an_einsum_reads_past_operators_that_keep_the_scale_has_no_range():
    placed = place(chain("Dense", "Reshape", "EinsumDense"), input_ranges={})
    assert placed.outputs == {}
    assert placed.left_to_calibration == ("l0", "l1", "l2")
    assert place(chain("EinsumDense"), input_ranges={"image": (0.0, 1.0)}).outputs == {}
