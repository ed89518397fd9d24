"""Tile by tile gives what the whole image gives."""

import numpy as np
import pytest
import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.inference import margins, tiling
from egsc_tf.models.translator import Translator
from egsc_tf.runtime.keras import keras

TILE = 40


def translator_of(**flags):
    flags = {"ngf": 4, "n_encoder": 2, "n_res": 1, "height": 16, "width": 16, **flags}
    keras.utils.set_random_seed(5)
    return Translator.from_config(Config(**flags))


def picture(height, width):
    """uint8, dark on the left and bright on the right: tiles are unlike the whole."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.RandomState(0).randint(0, 60, (height, width, 3))
    ramp = (np.sin(y / 9.0) + 1.0) * 20.0 + 150.0 * x / width
    return (ramp[..., None] + noise).astype(np.uint8)


def whole_and_tiled(translator, height, width, tile=TILE, direction="a2b", **how):
    """Both translations, [H, W, 3] in [-1, 1]."""
    content, exemplar = picture(height, width), picture(20, 24)[::-1]
    exemplar = images.to_float(exemplar)[None]
    style = translator.encode_style(exemplar, direction[-1])
    whole = translator.translate_with_style(
        images.to_float(content)[None], style, direction, **how
    )
    tiled = np.full(content.shape, np.nan, np.float32)
    moments = tiling.content_moments(translator, content, direction[0], tile)
    how = {"strength": 1.0, **how}
    for place, image in tiling.translated_tiles(
        translator, content, style, direction, tile, moments=moments, **how
    ):
        assert np.isnan(tiled[place]).all()
        tiled[place] = image
    return whole[0].numpy(), tiled


def psnr(image, other):
    return 10.0 * np.log10(4.0 / np.mean((image - other) ** 2))


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ({}, (93, 110)),
        ({"padding": "zero"}, (93, 110)),
        ({"upsample": "resize"}, (93, 110)),
        ({"padding": "zero", "upsample": "resize", "n_encoder": 3}, (173, 190)),
        ({"n_encoder": 3}, (173, 190)),
        ({"n_encoder": 1, "n_res": 3}, (81, 90)),
        ({"adain_form": "release"}, (93, 110)),
        ({"use_masks": False}, (93, 110)),
        ({"use_adain": False}, (93, 110)),
        ({"style_code": "encoder", "use_masks": False}, (93, 110)),
    ],
    ids=lambda value: "-".join(map(str, value if type(value) is tuple else value)),
)
def test_tiles_are_the_whole_image(flags, size):
    translator = translator_of(**flags)
    whole, tiled = whole_and_tiled(translator, *size)
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    assert psnr(tiled, whole) > 45.0


def test_the_other_direction_and_less_style():
    whole, tiled = whole_and_tiled(
        translator_of(), 93, 110, direction="b2a", strength=0.3
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    full, _ = whole_and_tiled(translator_of(), 93, 110, direction="b2a")
    assert np.abs(whole - full).max() > 1e-3


def test_less_of_an_encoder_s_style_is_refused():
    translator = translator_of(style_code="encoder", use_masks=False)
    with pytest.raises(UserError, match=r"--tile: expected --strength=1, .* encoder"):
        whole_and_tiled(translator, 93, 110, strength=0.3)


def test_statistics_of_each_tile_show_seams(monkeypatch):
    monkeypatch.setattr(tiling, "content_moments", lambda *args: None)
    whole, tiled = whole_and_tiled(translator_of(), 93, 110)
    assert psnr(tiled, whole) < 35.0


@pytest.mark.parametrize(
    ("part", "margin"),
    [("of_decoder", lambda decoder: 0), ("of_content", lambda g, near=0: 2 * near)],
)
def test_tiles_without_a_margin_show_seams(monkeypatch, part, margin):
    monkeypatch.setattr(margins, part, margin)
    whole, tiled = whole_and_tiled(translator_of(), 93, 110)
    assert np.abs(whole - tiled).max() > 1e-3


@pytest.mark.parametrize("padding", ["reflect", "zero"])
@pytest.mark.parametrize("upsample", ["deconv", "resize"])
@pytest.mark.parametrize("n_encoder", [1, 2, 3, 4])
def test_margins_are_the_receptive_fields(padding, upsample, n_encoder):
    generator = translator_of(
        padding=padding, upsample=upsample, n_encoder=n_encoder, ngf=2
    ).generator
    stride, near = 2 ** (n_encoder - 1), margins.of_decoder(generator.decoder_a)

    def content(x):
        mu = generator.latent(generator.encode(x, "a"))[1]
        return generator.shared_generator(mu)

    far = margins.of_content(generator)
    assert seen(content, 3, stride, 1, far) == far
    assert seen(generator.decoder_a, generator.channels, 1, stride, near) == near


def seen(network, channels, unit_in, unit_out, expected):
    """Positions that a network looks at around a block: the wider of the two sides.

    unit_in, unit_out: positions a stride of its input and of its output.
    """
    before = (-(-expected // unit_in) + 2) * unit_in
    x = tf.random.stateless_normal(
        [1, unit_in * 8, 2 * before + unit_in, channels], [0, 1]
    )
    first = before // unit_in * unit_out
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(network(x)[:, :, first : first + unit_out] ** 2)
    columns = np.flatnonzero(np.abs(tape.gradient(y, x)).sum((0, 1, 3)))
    return max(before - columns[0], columns[-1] + 1 - (before + unit_in))


def test_moments_count_each_position_once():
    translator = translator_of()
    content = picture(51, 70)
    c, m = translator.encode_content(images.to_float(content)[None], "a")
    x = np.float64(m * c)
    mean, variance = tiling.content_moments(translator, content, "a", TILE)
    np.testing.assert_allclose(mean, x.mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(variance, x.var((1, 2)), rtol=1e-5)


def test_bytes_in_and_out():
    translator, content = translator_of(), picture(50, 61)
    style = translator.encode_style(images.to_float(content)[None])
    found = tiling.translate_tiled(translator, content, style, "a2b", 16)
    whole = translator.translate_with_style(images.to_float(content)[None], style)[0]
    assert found.dtype == np.uint8
    assert np.abs(found - images.to_uint8(whole).astype(int)).max() <= 1


def test_what_cannot_be_tiled_is_named():
    style = np.zeros([1, 16], np.float32)
    for tile in (-8, 0, 17):
        with pytest.raises(UserError, match=f"--tile: .* multiple of 2.* found {tile}"):
            tiling.translate_tiled(translator_of(), picture(40, 40), style, "a2b", tile)
    with pytest.raises(UserError, match="--tile: .* found --test_noise"):
        tiling.translate_tiled(
            translator_of(test_noise=True), picture(40, 40), style, "a2b", 16
        )


def test_the_networks_see_a_tile_and_its_margin_at_once(monkeypatch):
    """So memory is bounded by the tile, whatever the size of the image."""
    translator = translator_of(n_encoder=1)
    margin = margins.of_content(
        translator.generator, margins.of_decoder(translator.generator.decoder_a)
    )
    sides = []

    def seen_by(part):
        whole = getattr(translator, part)

        def noted(x, *args, **how):
            sides.append(max(x.shape[1:3]))
            return whole(x, *args, **how)

        return noted

    for part in ("encode_content", "decode"):
        monkeypatch.setattr(translator, part, seen_by(part))
    content = picture(40, 200)
    style = np.ones([1, 2 * translator.generator.channels], np.float32)
    tiling.translate_tiled(translator, content, style, "a2b", 20)
    assert len(sides) == 3 * 2 * 10  # of each tile two encodings and a decoding
    assert max(sides) <= 20 + 2 * margin < 200
