"""Every file that people have, each by the reader it needs."""

import keras_models as models
import numpy as np
import pytest

import edgeswap
from edgeswap.errors import ModelError
from edgeswap.frameworks import keras, tf_keras, tfmot
from edgeswap.graph.build import build
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.graph.same_function import sample_inputs, verify
from edgeswap.model.file import inspect
from edgeswap.model.file_digest import sha256
from edgeswap.model.load import load_model

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")

FILES = {
    "Keras 3 .keras": (keras, "model.keras"),
    "Keras 3 .h5": (keras, "model.h5"),
    "Keras 2 .keras": (tf_keras, "model.keras"),
    "Keras 2 .h5": (tf_keras, "model.h5"),
    "Keras 2 SavedModel": (tf_keras, "model"),
}
IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype(np.float32)


def depthwise(k):
    """A network with a DepthwiseConv2D, which Keras 3 cannot read from a file of Keras 2."""
    k.utils.set_random_seed(0)
    x = k.Input((8, 8, 3))
    y = k.layers.DepthwiseConv2D(3, activation="relu6", name="depthwise")(x)
    return k.Model(x, k.layers.Dense(3, name="head")(k.layers.GlobalAveragePooling2D(name="pool")(y)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_a_file_gives_the_model_that_was_saved(kind, tmp_path):
    framework, name = FILES[kind]
    model = depthwise(framework)
    model.save(tmp_path / name)
    loaded = load_model(tmp_path / name)
    assert isinstance(loaded, framework.Model)
    built = build(canonicalize(read(loaded)))
    expected, got = (np.asarray(one(IMAGES)) for one in (model, built))
    assert np.abs(expected - got).max() <= 1e-5 * np.abs(expected).max()  # float32 sums in another order


@pytest.mark.slow
def test_the_network_that_mlperf_tiny_ships_is_read_from_its_keras_2_file(shared):
    path = shared / "models" / "mlperf_tiny_resnet8.h5"
    model = load_model(path)
    graph = canonicalize(read(model))
    pixels = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
    logits = model.predict(pixels, verbose=0)
    assert np.ptp(logits, axis=0).max() > 0.01
    for framework in (keras, tf_keras):
        built = build(graph, framework)
        assert built.count_params() == model.count_params()
        assert np.abs(built.predict(pixels, verbose=0) - logits).max() <= 1e-4 * np.abs(logits).max()


def test_a_saved_model_with_a_lambda_layer_is_refused_unless_trusted(tmp_path):
    x = tf_keras.Input((4,))
    tf_keras.Model(x, tf_keras.layers.Lambda(lambda t: t * 2)(x)).save(tmp_path / "model")
    with pytest.raises(ModelError, match="holds a Lambda layer"):
        inspect(tmp_path / "model")
    assert inspect(tmp_path / "model", trust=True).framework == "tf_keras"


@pytest.mark.slow
def test_a_folder_that_is_no_keras_saved_model_is_refused_with_the_way_out(tmp_path):
    depthwise(keras).export(tmp_path / "exported", verbose=False)
    with pytest.raises(ModelError, match=r"lacks keras_metadata.pb") as raised:
        inspect(tmp_path / "exported")
    assert "model.save" in raised.value.remedy


def test_a_folders_hash_is_that_of_its_files_and_their_names(tmp_path):
    for folder, name in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("same")
    hashes = [sha256(tmp_path / folder) for folder in "abc"]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.slow
@pytest.mark.parametrize("framework", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_swapped_model_opens_in_plain_keras(framework, tmp_path):
    result = edgeswap.swap_activations(models.sequential(framework), "clipped_elu")
    result.model.save(tmp_path / "swapped.keras")
    with framework.saving.custom_object_scope(edgeswap.custom_objects()):
        opened = framework.models.load_model(tmp_path / "swapped.keras")
    assert (np.asarray(opened(IMAGES)) == np.asarray(result.model(IMAGES))).all()


@pytest.mark.slow
def test_a_saved_models_graphs_are_not_opened(tmp_path):
    """They run when they are loaded, and may read and write files."""
    model = depthwise(tf_keras)
    model.save(tmp_path / "model")
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"no protobuf at all")
    assert (np.asarray(load_model(tmp_path / "model")(IMAGES)) == np.asarray(model(IMAGES))).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pruned.h5", "pruned.keras"])
def test_pruning_wrappers_are_taken_off(name, tmp_path):
    tf_keras.utils.set_random_seed(0)
    layers = [tf_keras.layers.Dense(8, activation="relu", name="wide"), tf_keras.layers.Dense(2, name="head")]
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((4,)), *layers])
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, 0)
    pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    pruned.save(tmp_path / name)
    loaded = load_model(tmp_path / name)
    assert [type(layer).__name__ for layer in loaded.layers] == ["Dense", "Dense"]
    x = np.random.default_rng(0).random((3, 4), np.float32)
    assert (np.asarray(loaded(x)) == np.asarray(pruned(x))).all()


@pytest.mark.slow
def test_a_model_that_is_quantized_already_is_named_so(tmp_path):
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((4,)), tf_keras.layers.Dense(2)])
    tfmot.quantization.keras.quantize_model(model).save(tmp_path / "qat.h5")
    with pytest.raises(ModelError, match="is already quantized: it holds tfmot's Quantize") as raised:
        load_model(tmp_path / "qat.h5")
    assert "the float32 model that it was made from" in raised.value.remedy


@pytest.mark.slow
def test_a_network_deeper_than_pythons_stack(tmp_path):
    """Keras walks it from its end by recursion, some frames a layer, and so do rehearsal, reading and comparing.

    Python's limit of 1000 frames ended at about 300 layers.
    """
    x = y = keras.Input((2,))
    for _ in range(500):
        y = keras.layers.Activation("relu")(y)
    keras.Model(x, y).save(tmp_path / "deep.keras")
    model = load_model(tmp_path / "deep.keras")
    graph = canonicalize(read(model))
    built = build(graph)
    assert len(built.layers) == 501
    verify(model, built, graph, sample_inputs(graph))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_the_reader_goes_by_what_the_file_is(kind, tmp_path):
    framework, name = FILES[kind]
    model = depthwise(framework)
    model.save(tmp_path / name)
    (tmp_path / name).rename(tmp_path / "a file")
    assert (np.asarray(load_model(tmp_path / "a file")(IMAGES)) == np.asarray(model(IMAGES))).all()
