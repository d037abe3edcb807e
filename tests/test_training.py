"""The training loop: it learns, it repeats itself, and it changes nothing that it was given."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from edgeswap.errors import DataError, ModelError
from edgeswap.frameworks import tf, tf_keras
from edgeswap.graph.canonicalize import canonicalize
from edgeswap.graph.read import read
from edgeswap.tasks.outputs import model_outputs
from edgeswap.training.fit import train
from edgeswap.training.losses import TAUGHT, OutputLoss, logits_model, total_loss

GENERATOR = np.random.default_rng(0)
CENTRES = GENERATOR.normal(size=(3, 6)).astype(np.float32)
LABELS = GENERATOR.integers(0, 3, 200)
INPUTS = (CENTRES[LABELS] + 0.3 * GENERATOR.normal(size=(200, 6))).astype(np.float32)


def network(head="logits", units=3, seed=0):
    tf_keras.utils.set_random_seed(seed)
    layers = tf_keras.layers
    x = inputs = tf_keras.Input((6,), name="x")
    x = layers.ReLU(name="relu")(
        layers.BatchNormalization(momentum=0.99, name="bn")(layers.Dense(16, name="hidden")(x))
    )
    x = layers.Dense(units, name="out")(layers.Dropout(0.2, name="dropout")(x))
    if head == "softmax":
        x = layers.Softmax(name="head")(x)
    if head == "sigmoid":
        x = layers.Activation("sigmoid", name="head")(x)
    return tf_keras.Model(inputs, x)


def run(model, labels=LABELS, **how):
    given = {"epochs": 4, "learning_rate": 0.01, "seed": 0, "batch_size": 32, **how}
    return train(model, read=lambda rows: (INPUTS[rows],), count=len(INPUTS), labels=labels, **given).model


def top1(model, labels=LABELS):
    return float((model(INPUTS).numpy().argmax(axis=1) == labels).mean())


@pytest.mark.slow
def test_it_learns():
    assert top1(run(network(), batch_norm="updated")) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", ["frozen", "updated"])
def test_the_same_seed_gives_the_same_weights_and_the_model_stays(batch_norm):
    model = network()
    before = model.get_weights()
    first, second = (run(model, batch_norm=batch_norm).get_weights() for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, second, strict=True))
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
    other_seed = run(model, batch_norm=batch_norm, seed=1).get_weights()
    assert any((one != other).any() for one, other in zip(first, other_seed, strict=True))


@pytest.mark.slow
def test_frozen_statistics_stay_while_scale_and_offset_learn():
    model = network()
    frozen = run(model).get_layer("bn")
    given = model.get_layer("bn")
    np.testing.assert_array_equal(frozen.moving_mean.numpy(), given.moving_mean.numpy())
    np.testing.assert_array_equal(frozen.moving_variance.numpy(), given.moving_variance.numpy())
    assert (frozen.gamma.numpy() != given.gamma.numpy()).all()
    assert (frozen.beta.numpy() != given.beta.numpy()).all()


@pytest.mark.slow
def test_updated_statistics_reach_those_of_the_data_although_the_momentum_is_slow():
    trained = run(network(), batch_norm="updated", epochs=10)
    inner = tf_keras.Model(trained.inputs, trained.get_layer("hidden").output)(INPUTS).numpy()
    mean, deviation = inner.mean(axis=0), inner.std(axis=0)
    # 60 steps at 0.99 would leave over half of the starting values; a mean of about ten batches is 320 samples.
    assert (np.abs(trained.get_layer("bn").moving_mean.numpy() - mean) < 0.2 * deviation).all()
    assert trained.get_layer("bn").momentum == 0.99


@pytest.mark.slow
def test_frozen_layers_are_trained_and_keep_their_flag():
    model = network()
    model.get_layer("hidden").trainable = False
    trained = run(model)
    assert (trained.get_layer("hidden").kernel.numpy() != model.get_layer("hidden").kernel.numpy()).any()
    assert [layer.trainable for layer in trained.layers] == [layer.trainable for layer in model.layers]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_probabilities_are_trained_on_their_logits(head):
    model = network(head)
    logits, found = logits_model(model)
    assert found == (head,)
    function = tf.nn.softmax if head == "softmax" else tf.sigmoid
    np.testing.assert_allclose(function(logits(INPUTS)).numpy(), model(INPUTS).numpy(), atol=1e-6)
    assert top1(run(model, batch_norm="updated", epochs=8)) > 0.95


@pytest.mark.parametrize(
    ("activation", "behind", "head"),
    [
        ("softmax", [tf_keras.layers.Reshape((6, 3))], "softmax"),
        ("softmax", [tf_keras.layers.Reshape((9, 2))], "linear"),
        ("softmax", [tf_keras.layers.Permute((2, 1, 3))], "linear"),
        ("sigmoid", [tf_keras.layers.Permute((3, 2, 1)), tf_keras.layers.Flatten()], "sigmoid"),
    ],
)
def test_a_head_behind_other_shapes_is_found_as_the_tasks_find_it(activation, behind, head):
    inputs = tf_keras.Input((2, 3, 3))
    last = tf_keras.layers.Softmax() if activation == "softmax" else tf_keras.layers.Activation("sigmoid")
    tensor = last(tf_keras.layers.Conv2D(3, 1)(inputs))
    for layer in behind:
        tensor = layer(tensor)
    model = tf_keras.Model(inputs, tensor)
    logits, found = logits_model(model)
    assert found == tuple(output.head for output in model_outputs(canonicalize(read(model)), ["y"])) == (head,)
    x = GENERATOR.normal(size=(4, 2, 3, 3)).astype(np.float32)
    function = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "linear": tf.identity}[head]
    np.testing.assert_allclose(function(logits(x)).numpy(), model(x).numpy(), atol=1e-6)


def test_a_softmax_over_another_axis_is_no_head():
    inputs = tf_keras.Input((4, 5))
    model = tf_keras.Model(inputs, tf_keras.layers.Softmax(axis=1)(inputs))
    assert logits_model(model)[1] == ("linear",)
    assert model_outputs(canonicalize(read(model)), ["y"])[0].head == "linear"


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_of_an_inner_activation_are_not_taken_for_logits(activation):
    inputs = tf_keras.Input((6,))
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(3, activation=activation, name="classifier")(inputs))
    with pytest.raises(ModelError, match="a layer of its own, got one within 'classifier'"):
        run(network(), teacher=model)


@pytest.mark.slow
def test_one_output_tells_two_classes():
    labels = (LABELS == 1).astype(np.int64)
    trained = run(network(units=1), labels=labels, batch_norm="updated", epochs=8)
    assert (((trained(INPUTS).numpy()[:, 0] > 0) == labels).mean()) > 0.95


@pytest.mark.slow
def test_a_teacher_replaces_labels():
    teacher = run(network(), batch_norm="updated")
    student = run(network("softmax", seed=1), labels=None, teacher=teacher, batch_norm="updated", epochs=8)
    assert top1(student, teacher(INPUTS).numpy().argmax(axis=1)) > 0.95


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_distillation_is_least_at_the_teachers_logits(head):
    soft = tf.constant(GENERATOR.normal(size=(8, 3)).astype(np.float32))
    logits = tf.Variable(soft)
    with tf.GradientTape() as tape:
        loss = total_loss([OutputLoss(head)])([logits], [soft], {})
    np.testing.assert_allclose(tape.gradient(loss, logits).numpy(), 0, atol=1e-6)


def test_no_epochs_is_a_copy():
    model = network()
    copy = run(model, epochs=0)
    assert copy is not model
    np.testing.assert_array_equal(copy(INPUTS).numpy(), model(INPUTS).numpy())


@pytest.mark.slow
def test_progress_tells_the_loss():
    from contextlib import contextmanager

    notes: list[str] = []

    class Listener:
        def advance(self, amount=1, note=""):
            notes.append(note)

    class Told:
        @contextmanager
        def step(self, title, total=None):
            assert (title, total) == ("Train", 4 * (200 // 32))
            yield Listener()

    run(network(), progress=Told())
    assert len(notes) == 24
    assert notes[0].startswith("epoch 1/4, loss ")
    assert notes[-1].startswith("epoch 4/4, loss ")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "labels or a teacher"),
        (LABELS + 1, "labels from 0 to 2, got 1 to 3"),
        (LABELS - 1, "labels from 0 to 2, got -1 to 1"),
        (LABELS[:50], r"200 labels of shape \(200,\) for output 0, got shape \(50,\)"),
    ],
)
def test_labels_that_cannot_be_trained_on(labels, message):
    with pytest.raises(DataError, match=message):
        run(network(), labels=labels)


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_training():
    model = network()
    model.get_layer("out").set_weights([np.full((16, 3), np.nan, np.float32), np.zeros(3, np.float32)])
    with pytest.raises(ModelError, match="finite loss"):
        run(model)


@pytest.mark.slow
def test_several_outputs_are_trained_by_their_own_losses():
    """Classes by cross-entropy, values by squared error over their variance, whatever their unit."""
    layers = tf_keras.layers
    inputs = tf_keras.Input((6,))
    hidden = layers.Dense(32, activation="relu")(inputs)
    kind = layers.Softmax(name="kind")(layers.Dense(3)(hidden))
    size = layers.Dense(2, name="size")(hidden)
    values = 1000 * (INPUTS[:, :2] + INPUTS[:, 2:4])
    model = tf_keras.Model(inputs, [kind, size])
    trained = run(model, {0: LABELS, 1: values / 1000}, epochs=20)
    classes, sizes = trained(INPUTS)
    assert (classes.numpy().argmax(axis=1) == LABELS).mean() > 0.95
    assert np.mean((sizes.numpy() - values / 1000) ** 2) < 0.05 * np.var(values / 1000)
    student = run(model, None, teacher=trained, epochs=20)
    assert np.mean((student(INPUTS)[1].numpy() - sizes.numpy()) ** 2) < 0.05 * np.var(sizes.numpy())


def test_a_shift_of_a_linear_output_costs():
    soft = tf.constant(GENERATOR.normal(size=(8, 3)).astype(np.float32))
    loss = total_loss([OutputLoss("linear", 2.0)])
    assert float(loss([soft], [soft], {})) == 0
    assert float(loss([soft + 1], [soft], {})) == pytest.approx(1 / 2)


def test_pixels_without_a_class_count_for_nothing():
    logits = tf.constant(GENERATOR.normal(size=(2, 4, 4, 3)).astype(np.float32))
    labels = GENERATOR.integers(0, 3, (2, 4, 4)).astype(np.uint8)
    ignored = labels.copy()
    ignored[:, 2:] = 255
    loss = total_loss([OutputLoss("softmax")])
    upper = loss([logits[:, :2]], [], {0: tf.constant(labels[:, :2])})
    assert float(loss([logits], [], {0: tf.constant(ignored)})) == pytest.approx(float(upper), rel=1e-6)


@pytest.mark.slow
def test_the_teacher_is_asked_anew_where_its_words_would_fill_the_memory(monkeypatch):
    teacher = run(network(), batch_norm="updated")
    kept = run(network(seed=1), labels=None, teacher=teacher)
    monkeypatch.setattr("edgeswap.training.teacher.MOST_KEPT_BYTES", 100)
    asked = run(network(seed=1), labels=None, teacher=teacher)
    for one, other in zip(kept.get_weights(), asked.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)  # batches of another make-up round otherwise


@pytest.mark.slow
def test_a_loss_of_ones_own_sees_the_outputs_as_the_model_ends():
    seen = []

    def loss(outputs, taught, labels):
        seen.append((outputs[0].shape, taught[0].shape, sorted(labels)))
        return tf.reduce_mean(tf.math.squared_difference(outputs[0], taught[0]))

    teacher = run(network("softmax"), batch_norm="updated")
    student = run(network("softmax", seed=1), teacher=teacher, own_loss=loss, batch_norm="updated", epochs=8)
    assert seen[0] == ((32, 3), (32, 3), [0])
    assert top1(student, teacher(INPUTS).numpy().argmax(axis=1)) > 0.9


def test_a_teacher_is_not_asked_where_the_label_says_that_it_is_wrong():
    logits, labels = tf.constant([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), tf.constant([0, 1])
    loss = total_loss([OutputLoss("softmax")])
    right, wrong = tf.constant([[3.0, 0.0, 0.0]]), tf.constant([[0.0, 0.0, 3.0]])
    label_alone = loss([logits[1:]], [], {0: labels[1:]})
    both = TAUGHT * loss([logits[:1]], [right], {}) + (1 - TAUGHT) * loss([logits[:1]], [], {0: labels[:1]})
    found = loss([logits], [tf.concat([right, wrong], 0)], {0: labels})
    np.testing.assert_allclose(found, (both + label_alone) / 2, rtol=1e-6)


def test_a_sigmoid_teacher_is_asked_value_by_value():
    logits, labels = tf.constant([[1.0, -1.0]]), tf.constant([[1, 1]])
    soft = tf.constant([[2.0, -2.0]])  # right on the first, wrong on the second
    loss = total_loss([OutputLoss("sigmoid")])
    each = [
        loss([logits[:, at : at + 1]], given, {0: labels[:, at : at + 1]})
        for at, given in enumerate(([soft[:, :1]], []))
    ]
    np.testing.assert_allclose(loss([logits], [soft], {0: labels}), sum(each) / 2, rtol=1e-6)
