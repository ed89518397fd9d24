"""The mobile preset: its networks, and what is exported of them."""

import os

import numpy as np
import pytest
import tensorflow as tf
from support import runs
from support.paths import REPOSITORY

from egsc_tf import config as config_lib
from egsc_tf.export import tflite
from egsc_tf.export.litert import flatbuffer
from egsc_tf.models import blocks
from egsc_tf.models.decoder import Decoder
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.generator import Generator

PRESET = os.path.join(REPOSITORY, "experiments", "mobile_numerics.flags")


def image(*shape):
    return tf.random.stateless_uniform(shape, [1, 2], -1.0, 1.0)


def test_the_preset_sets_what_the_exporter_asks_for():
    config = config_lib.read(PRESET)
    assert {name: getattr(config, name) for name in tflite.MOBILE} == tflite.MOBILE
    assert config.network["padding"] == config.generator["padding"] == "zero"
    assert config.generator["upsample"] == "resize"


def test_zero_padding_is_a_border_of_zeros():
    conv = blocks.PaddedConv(2, 3, padding="zero")
    x = image(1, 5, 6, 4)
    y = conv(x)
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    expected = tf.nn.conv2d(padded, conv.kernel, 1, "VALID") + conv.bias
    np.testing.assert_allclose(y, expected, atol=1e-5)
    reflecting = blocks.PaddedConv(2, 3)
    assert np.abs(reflecting(x) - y).max() > 0.1
    assert reflecting(x).shape == y.shape


def test_resizing_doubles_bilinearly():
    layer = blocks.ResizeConv(1, padding="zero")
    x = tf.constant([[[[0.0], [4.0]]]])
    layer(x)
    layer.conv.set_weights(
        [np.eye(1, 9, 4).reshape(3, 3, 1, 1), np.zeros(1)]  # the identity
    )
    np.testing.assert_allclose(layer(x)[0, :, :, 0], [[0, 1, 3, 4]] * 2, atol=1e-6)


def test_networks_have_their_usual_shapes():
    encoder = Encoder(4, 3, padding="zero")
    features = encoder(image(2, 16, 24, 3))
    assert features.shape == (2, 4, 6, 16)
    decoder = Decoder(4, 3, padding="zero", upsample="resize")
    assert decoder(features).shape == (2, 16, 24, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Encoder(padding="same"), "padding: expected .* found 'same'"),
        (lambda: Decoder(upsample="nearest"), "upsample: expected .* found 'nearest'"),
    ],
)
def test_unknown_forms_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_checkpoints_of_earlier_runs_still_fit(tmp_path):
    """The names under which checkpoints hold the layers of the usual form."""
    generator = Generator(ngf=2, n_encoder=2)
    x = image(1, 8, 8, 3)
    z, _ = generator.latent(generator.encode(x, "a"))
    generator.decode(generator.shared_generator(z), None, None, "a")
    path = tf.train.Checkpoint(g=generator).write(str(tmp_path / "ckpt"))
    layers = {
        name.split("/.ATTRIBUTES")[0].rsplit("/", 1)[0]
        for name, _ in tf.train.list_variables(path)
    }
    convs = ("conv_1", "conv_2")
    assert layers - {"", "_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter"} == {
        *(f"g/encoder_a/convs/{i}/conv" for i in range(2)),
        *(f"g/encoder_a/blocks/{i}/{c}" for i in range(3) for c in convs),
        *(f"g/shared_{part}/{c}" for part in ("encoder", "generator") for c in convs),
        *(f"g/decoder_a/blocks/{i}/{c}" for i in range(3) for c in convs),
        "g/decoder_a/deconvs/0",
        "g/decoder_a/to_rgb",
    }


def test_gradients_reach_every_weight():
    encoder = Encoder(4, 2, padding="zero")
    decoder = Decoder(4, 2, padding="zero", upsample="resize")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(decoder(encoder(image(1, 8, 8, 3))) ** 2)
    weights = encoder.trainable_variables + decoder.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights)):
        assert np.abs(gradient).max() > 0, weight.name


def test_a_mobile_run_is_exported_as_such(tmp_path):
    preset = config_lib.read(PRESET)
    workdir = runs.untrained(
        tmp_path / "run", padding=preset.padding, upsample=preset.upsample
    )
    output = tmp_path / "files"
    settings = tflite.Settings(
        variants=("float32",),
        mobile=True,
        pairs=2,
        runs=1,
    )
    report = tflite.export(workdir, str(output), settings)
    assert report["settings"]["mobile"]
    assert report["variants"]["float32"]["psnr"] >= 50
    operators = flatbuffer.operators((output / "a2b_float32.tflite").read_bytes())
    assert operators["RESIZE_BILINEAR"] == 1
    assert not {"TRANSPOSE_CONV", "MIRROR_PAD", "PAD"} & set(operators)
    # Of the style code, which is taken apart and put together, and of nothing else.
    assert operators["CONCATENATION"] == 1
    assert operators["STRIDED_SLICE"] == 2
