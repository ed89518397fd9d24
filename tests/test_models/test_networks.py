"""One conformance list over all networks, and what is particular to each."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.models import blocks, vgg
from egsc_tf.models.autoencoder import AutoEncoder
from egsc_tf.models.decoder import Decoder
from egsc_tf.models.discriminator import Discriminator
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.style_encoder import StyleEncoder
from egsc_tf.models.translator import Translator
from egsc_tf.runtime import addons
from egsc_tf.runtime.keras import keras

CONFIG = Config(ngf=4, ndf=4, n_encoder=3, n_res=1, height=16, width=24)


def image(*shape):
    return tf.random.stateless_uniform(shape, [1, 2], -1.0, 1.0)


class Translating(keras.Model):
    """A whole Translator as a network of one input, its own exemplar."""

    def __init__(self, **flags):
        super().__init__()
        config = dataclasses.replace(CONFIG, **flags)
        self.translator = Translator.from_config(config)

    def call(self, x):
        return self.translator.translate(x, x)


# name: (make, input shape, output shape)
NETWORKS = {
    "encoder": (lambda: Encoder(4, 3), (2, 16, 24, 3), (2, 4, 6, 16)),
    "encoder_single": (lambda: Encoder(4, 1), (2, 16, 24, 3), (2, 16, 24, 4)),
    "decoder": (lambda: Decoder(4, 3), (2, 4, 6, 16), (2, 16, 24, 3)),
    "leaky_decoder": (
        lambda: Decoder(4, 2, output="leaky_tanh"),
        (2, 8, 12, 8),
        (2, 16, 24, 3),
    ),
    "autoencoder": (lambda: AutoEncoder(4, 2), (2, 16, 24, 3), (2, 16, 24, 3)),
    "translator": (
        Translating,
        (2, 16, 24, 3),
        (2, 16, 24, 3),
    ),
    "style_encoder": (lambda: StyleEncoder(16, 4), (2, 16, 24, 3), (2, 32)),
    "munit_translator": (
        lambda: Translating(style_code="encoder", use_masks=False),
        (2, 16, 24, 3),
        (2, 16, 24, 3),
    ),
    "discriminator": (lambda: Discriminator(4), (2, 28, 30, 3), (2, 2, 2, 1)),
    "discriminator_release": (
        lambda: Discriminator(4, 2, form="release", init="release"),
        (2, 16, 24, 3),
        (2, 4, 6, 1),
    ),
    "discriminator_without_norm": (
        lambda: Discriminator(4, 3, norm="none"),
        (2, 16, 24, 3),
        (2, 2, 3, 1),
    ),
}


@pytest.fixture(params=sorted(NETWORKS))
def network(request):
    make, input_shape, output_shape = NETWORKS[request.param]
    return make, image(*input_shape), output_shape


def test_shape_and_tf_function(network):
    make, x, shape = network
    net = make()
    y = net(x)
    assert y.shape == shape
    assert y.dtype == tf.float32
    np.testing.assert_allclose(tf.function(net)(x), y, atol=1e-5)


def test_no_image_of_a_batch_sees_another(network):
    make, x, _ = network
    net = make()
    np.testing.assert_allclose(net(x)[1:], net(x[1:]), atol=1e-5)


def test_checkpoint_round_trip(network, tmp_path):
    make, x, _ = network
    net, other = make(), make()
    y = net(x)
    path = tf.train.Checkpoint(net=net).save(str(tmp_path / "ckpt"))
    other(x)
    tf.train.Checkpoint(net=other).restore(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(other(x), y)


def test_saved_model_round_trip(network, tmp_path):
    make, x, _ = network
    net = make()
    y = net(x)
    module = tf.Module()
    module.net = net
    module.call = tf.function(net.call, input_signature=[tf.TensorSpec(x.shape)])
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.call(x), y, atol=1e-5)


def test_under_two_replicas(network, two_replicas):
    make, x, _ = network
    strategy = two_replicas
    with strategy.scope():
        net = make()
        y = net(x)
    halves = tf.data.Dataset.from_tensors(x).unbatch().batch(2)
    one = next(iter(strategy.experimental_distribute_dataset(halves)))
    out = strategy.run(tf.function(net), args=(one,))
    found = tf.concat(strategy.experimental_local_results(out), axis=0)
    np.testing.assert_allclose(found, y, atol=1e-5)


def test_every_layer_starts_from_its_own_values():
    net = Encoder(4, 1)
    net(image(1, 8, 8, 3))
    kernels = [b.conv_1.kernel.numpy().tobytes() for b in net.blocks]
    assert len(set(kernels)) == len(kernels)


def test_initialisation_scales():
    x = tf.zeros([1, 8, 8, 64])
    he = np.sqrt(2.0 / (9 * 64))
    for init, first, last in (("he", he, 0.1 * he), ("release", 0.02, 0.02)):
        block = blocks.ResidualBlock(64, init)
        block(x)
        assert np.std(block.conv_1.kernel) == pytest.approx(first, rel=0.15)
        assert np.std(block.conv_2.kernel) == pytest.approx(last, rel=0.15)


def test_leaky_tanh_does_not_saturate():
    x = tf.constant([[[[-50.0, 0.0, 50.0]]]])
    decoder = Decoder(3, 1, output="leaky_tanh")
    decoder(tf.zeros([1, 2, 2, 3]))
    decoder.blocks = []
    decoder.to_rgb.set_weights([np.eye(3)[None, None], np.zeros(3)])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = decoder(x)
    np.testing.assert_allclose(y, [[[[-6.0, 0.0, 6.0]]]])
    np.testing.assert_allclose(tape.gradient(y, x), [[[[0.1, 1.1, 0.1]]]], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Decoder(output="relu"), "output: expected one of .* found 'relu'"),
        (lambda: Discriminator(norm="batch"), "norm: expected .* found 'batch'"),
        (lambda: Discriminator(form="x"), "form: expected .* found 'x'"),
        (lambda: Encoder(init="zeros"), "initializer: expected .* found 'zeros'"),
    ],
)
def test_unknown_options_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.fixture(scope="module")
def translator():
    return Translator.from_config(CONFIG)


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
@pytest.mark.parametrize("size", [(16, 24), (17, 23), (8, 9), (31, 8)])
def test_translation_has_the_contents_own_size(translator, direction, size):
    out = translator.translate(image(2, *size, 3), image(1, 19, 21, 3), direction)
    assert out.shape == (2, *size, 3)
    assert np.abs(out).max() <= 1.0


def test_translate_is_encode_style_and_translate_with_style(translator):
    content, exemplar = image(2, 16, 24, 3), image(2, 12, 12, 3)
    style = translator.encode_style(exemplar, "b")
    assert style.shape == (2, 2 * 16)
    np.testing.assert_array_equal(
        translator.translate(content, exemplar),
        translator.translate_with_style(content, style),
    )


def test_one_style_serves_a_batch(translator):
    content, exemplar = image(3, 16, 16, 3), image(1, 16, 16, 3)
    out = translator.translate(content, exemplar)
    again = translator.translate(content, tf.repeat(exemplar, 3, axis=0))
    np.testing.assert_array_equal(out, again)


def test_strength_changes_the_translation_image_by_image(translator):
    content, exemplar = image(2, 16, 16, 3), image(1, 16, 16, 3)
    full = translator.translate(content, exemplar)
    mixed = translator.translate(content, exemplar, strength=[1.0, 0.3])
    np.testing.assert_allclose(mixed[0], full[0], atol=1e-6)
    assert np.abs(mixed[1] - full[1]).max() > 1e-4


def test_strength_blends_the_style_codes_of_exemplar_and_content(translator):
    content, exemplar = image(2, 16, 16, 3), image(1, 24, 16, 3)
    style = translator.encode_style(exemplar, "a")
    own = translator.encode_style(content, "a")  # what F of the target sees in it
    for strength in (0.0, 0.3):
        expected = translator.translate_with_style(
            content, own + strength * (style - own), "b2a"
        )
        found = translator.translate(content, exemplar, "b2a", strength)
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert translator.style_at(1.0, style, content, "a") is style


def test_without_adain_strength_changes_nothing():
    plain = Translator.from_config(dataclasses.replace(CONFIG, use_adain=False))
    content, exemplar = image(2, 16, 16, 3), image(1, 16, 16, 3)
    full = plain.translate(content, exemplar)
    np.testing.assert_array_equal(plain.translate(content, exemplar, "a2b", 0.3), full)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.translate(image(4, 4, 3), image(1, 8, 8, 3)), "content: expected"),
        (
            lambda t: t.translate(tf.zeros([1, 8, 8, 3], tf.int32), image(1, 8, 8, 3)),
            r"content: expected .* found int32 .*; images\.astype\(np\.uint8\)",
        ),
        (lambda t: t.encode_style(image(1, 8, 8, 3), "c"), "domain: expected"),
        (
            lambda t: t.translate(image(1, 8, 8, 3), image(1, 8, 8, 3), "b2b"),
            "direction: expected",
        ),
        (
            lambda t: t.translate(image(3, 8, 8, 3), image(2, 8, 8, 3)),
            "exemplar: expected 1 image or 3, as of content; found 2",
        ),
        (
            lambda t: t.translate_with_style(image(2, 8, 8, 3), np.zeros([2, 2])),
            r"style: expected \[2, 32\] or \[1, 32\], found \(2, 2\)",
        ),
        (
            lambda t: t.translate(
                image(2, 8, 8, 3), image(1, 8, 8, 3), strength=[1] * 3
            ),
            "strength: expected a number or",
        ),
        (lambda t: t.encode_content(image(1, 8, 8, 3), "c"), "domain: expected"),
    ],
)
def test_bad_arguments_are_named(translator, call, message):
    with pytest.raises(ValueError, match=message):
        call(translator)


def ancestors(tensor):
    """The operations that must end before a tensor of a graph is there."""
    seen, todo = set(), [tensor.op]
    while todo:
        op = todo.pop()
        if op not in seen:
            seen.add(op)
            todo += [*op.control_inputs, *(x.op for x in op.inputs)]
    return seen


@pytest.mark.parametrize(("side", "in_turn"), [(16, False), (256, True)])
def test_only_large_contents_are_encoded_by_one_network_after_the_other(side, in_turn):
    tiny = Config(ngf=2, ndf=2, n_encoder=2, height=16, width=16)
    translator = Translator.from_config(tiny)
    translator.create_variables()
    assert not translator._functions  # a graph is made when it is needed
    images = np.random.RandomState(0).uniform(-1, 1, [1, side, side, 3])
    found = translator.encode_content(images.astype(np.float32))
    (graph,) = (function.graph for function in translator._functions.values())
    c, m = graph.outputs
    while c.op.type == "Identity":
        c = c.op.inputs[0]
    assert (c.op in ancestors(m)) == in_turn
    for x, expected in zip(
        found, translator._content("a", tf.constant(images, tf.float32))
    ):
        np.testing.assert_allclose(x, expected, atol=1e-5)


def test_images_below_two_strides_are_refused():
    deep = Translator.from_config(Config(ngf=2, n_encoder=5, height=32, width=32))
    with pytest.raises(ValueError, match="content: expected at least 32x32"):
        deep.encode_content(image(1, 31, 40, 3))
    assert deep.translate(image(1, 33, 40, 3), image(1, 32, 32, 3)).shape[1] == 33


def test_noise_at_test_time_is_a_choice():
    noisy = Translator.from_config(
        Config(ngf=4, n_encoder=1, height=8, width=8, test_noise=True)
    )
    still = Translator.from_config(Config(ngf=4, n_encoder=1, height=8, width=8))
    content, exemplar = image(1, 8, 8, 3), image(1, 8, 8, 3)
    for net, equal in ((noisy, False), (still, True)):
        one, two = (net.translate(content, exemplar).numpy() for _ in range(2))
        assert np.array_equal(one, two) == equal


def test_embedded_features_are_the_same_everywhere():
    one, two = vgg.load("embedded"), vgg.load("embedded")
    x = image(2, 28, 28, 3)
    features = one(x)
    assert [f.shape[1:] for f in features] == [
        (28, 28, 16),
        (14, 14, 32),
        (7, 7, 48),
        (4, 4, 64),
        (2, 2, 64),
    ]
    for f, g in zip(features, two(x)):
        np.testing.assert_array_equal(f, g)
    kernel = one.blocks[0][0].kernel.numpy()
    assert kernel.ravel()[0] == pytest.approx(0.06014947, rel=1e-5)


@pytest.mark.parametrize("traced", [False, True])
def test_fewer_and_smaller_features_are_those_of_averaged_images(traced):
    network = vgg.load("embedded")
    x = image(2, 24, 32, 3)
    call = tf.function(network, jit_compile=False) if traced else network
    found = call(x, layers=3, shrink=2)
    smaller = x.numpy().reshape(2, 12, 2, 16, 2, 3).mean(axis=(2, 4))
    expected = network(tf.constant(smaller))
    assert (len(found), len(expected)) == (3, 5)
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_vgg19_file_gives_keras_own_features(tmp_path):
    keras_vgg = keras.applications.VGG19(include_top=False, weights=None)
    path = str(tmp_path / "vgg19.h5")
    keras_vgg.save_weights(path)
    network = vgg.load(path)
    assert not network.trainable_variables
    x = image(1, 32, 32, 3)
    pixels = keras.applications.vgg19.preprocess_input((x + 1.0) * 127.5)
    names = [f"block{i}_conv1" for i in range(1, 6)]
    outputs = [keras_vgg.get_layer(name).output for name in names]
    expected = keras.Model(keras_vgg.input, outputs)(pixels)
    for found, want in zip(network(x), expected):
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)


def test_bad_perceptual_networks_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.h5.*no such file"):
        vgg.load(str(tmp_path / "nowhere.h5"))
    (tmp_path / "bad.h5").write_text("x")
    with pytest.raises(UserError, match=r"bad\.h5: expected VGG-19 weights"):
        vgg.load(str(tmp_path / "bad.h5"))


@pytest.mark.parametrize("size", [1, 3])
def test_reflect_pad_and_its_gradient_are_those_of_tf_pad(size):
    x = tf.random.stateless_normal([2, 5, 4, 3], seed=[0, 1])
    sides = [[0, 0], [size, size], [size, size], [0, 0]]
    found = []
    for pad in (
        lambda x: blocks.reflect_pad(x, size),
        lambda x: tf.pad(x, sides, "REFLECT"),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pad(x)
            total = tf.reduce_sum(
                y * tf.reshape(tf.range(tf.size(y), dtype=tf.float32), y.shape)
            )
        found.append((y, tape.gradient(total, x)))
    for one, expected in zip(*found):
        np.testing.assert_allclose(one, expected, rtol=1e-5)


def test_reflect_pad_of_sizes_that_a_graph_does_not_know():
    unknown = tf.TensorSpec([None, None, None, 3])
    pad = tf.function(lambda x: blocks.reflect_pad(x, 1), input_signature=[unknown])
    for height, width in ((2, 2), (5, 4)):
        x = image(2, height, width, 3)
        np.testing.assert_array_equal(pad(x), blocks.mirror_edges(x))


@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False}])
def test_keras_layer_stands_in_for_the_one_of_addons(options):
    if addons.InstanceNormalization is addons.KerasInstanceNormalization:
        pytest.skip("tensorflow_addons is not installed: it ends with TensorFlow 2.15")
    x = 3.0 * image(2, 6, 5, 4) + 1.0
    layers = addons.InstanceNormalization, addons.KerasInstanceNormalization
    theirs, ours = (layer(name="norm", epsilon=1e-3, **options) for layer in layers)
    theirs.build(x.shape)
    ours.build(x.shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    weights = [tf.random.normal(w.shape) for w in theirs.weights]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    np.testing.assert_array_equal(ours(x), theirs(x))
