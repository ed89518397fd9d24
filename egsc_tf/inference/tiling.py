"""Translation of images beyond memory, tile by tile, without seams.

All but one thing that a pixel of the translation depends on lies near it: in a tile's
margin, the receptive field of the networks (`egsc_tf.inference.margins`). The one thing
is AdaIN's mean and variance of the masked content. A first pass over the tiles
takes them of the whole image; the second encodes each tile again, so that nothing of
the image's size is kept but its pixels and those of the translation. So a tile is what
the whole image gives: a tile sees reflections or zeros at the image's own border only.
"""

import itertools

import numpy as np
import tensorflow as tf

from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.inference import margins
from egsc_tf.models import adain


def translate_tiled(
    translator, content, style, direction, tile, strength=1.0, moments=None
):
    """A translation of one image, with memory for one tile.

    Args:
      translator: a Translator without noise of z.
      content: [H, W, 3] uint8.
      style: [1, 2C], from Translator.encode_style.
      direction: "a2b" or "b2a".
      tile: side of the tiles in pixels, a multiple of the stride; the networks get
        their margin on top of it.
      strength: a number, as of Translator.style_at.
      moments: of `content_moments`, where the content has several styles.

    Returns:
      [H, W, 3] uint8.

    Raises:
      UserError: for a tile that is no multiple of the stride, where z has noise, and
        for a strength below 1 where a style encoder has to see the whole content.
    """
    if moments is None:
        moments = content_moments(translator, content, split(direction)[0], tile)
    result = np.empty_like(content)
    for place, image in translated_tiles(
        translator, content, style, direction, tile, strength, moments
    ):
        result[place] = images.to_uint8(image)
    return result


def translated_tiles(translator, content, style, direction, tile, strength, moments):
    """Yields ((rows, columns), [h, w, 3] in [-1, 1]): the tiles of a translation."""
    source, target = split(direction)
    stride, sizes = check(translator, tile), content.shape[:2]
    if translator.use_adain and strength < 1.0:
        own = own_style(translator, content, target, tile)
        style = adain.between(own, style, tf.constant([strength]))
    near = margins.of_decoder(translator.generator.decoder_a)
    far = margins.of_content(translator.generator, near)
    for core in _tiles(sizes, tile):
        encoded = _widened(core, far, stride, sizes)
        c, m = translator.encode_content(_cut(content, encoded), source)
        decoded = _widened(core, near * stride, stride, sizes)
        inside = (slice(None), *_within(decoded, encoded, stride))
        image = translator.decode(c[inside], m[inside], style, target, moments)
        yield core, image[0][_within(core, decoded)].numpy()


def content_moments(translator, content, domain, tile):
    """(mean, variance) of the masked content of a whole image, each [1, C] float32.

    None where the translator has no AdaIN. Arguments as of `translate_tiled`; domain is
    the content's own.
    """
    if not translator.use_adain:
        return None

    def masked(part):
        return translator.masked(*translator.encode_content(part, domain))

    return _moments(translator, content, tile, masked)


def own_style(translator, content, domain, tile):
    """Translator.encode_style of a whole image, [1, 2C] float32, with memory for one
    tile. Arguments as of `translate_tiled`; domain is the one that is translated to.

    Raises:
      UserError: where the code is a style encoder's, which has to see a whole image.
    """
    if translator.generator.style_encoder_a is not None:
        raise UserError(
            "--tile: expected --strength=1, as the encoder of --style_code=encoder has "
            "to see the whole image for a smaller one"
        )

    def features(part):
        return translator.features(part, domain)

    mean, variance = _moments(translator, content, tile, features)
    return adain.code_of(mean, variance, translator.generator.adain_form)


def _moments(translator, content, tile, features):
    """(mean, variance), each [1, C] float32, of the features of a whole image.

    features: a function of a part of it, [1, h, w, 3] in [-1, 1].
    """
    stride, sizes = check(translator, tile), content.shape[:2]
    margin = margins.of_content(translator.generator)
    count, mean, squares = 0, 0.0, 0.0
    for core in _tiles(sizes, tile):
        encoded = _widened(core, margin, stride, sizes)
        x = features(_cut(content, encoded))
        x = x[(slice(None), *_within(core, encoded, stride))]
        mean_now, variance_now = (
            moment.numpy().astype(np.float64) for moment in adain.moments(x)
        )
        # Of two parts (Chan et al. 1979): no difference of large squares.
        count_now = x.shape[1] * x.shape[2]
        total, apart = count + count_now, mean_now - mean
        mean = mean + apart * count_now / total
        squares = squares + variance_now * count_now
        squares = squares + apart**2 * count * count_now / total
        count = total
    return mean.astype(np.float32), (squares / count).astype(np.float32)


def check(translator, tile):
    """The stride. Raises UserError for what `translate_tiled` does not take."""
    stride = translator.generator.encoder_a.stride
    if tile <= 0 or tile % stride:
        raise UserError(
            f"--tile: expected a positive multiple of {stride}, which the networks "
            f"halve by, found {tile}"
        )
    if translator.test_noise > 0:
        raise UserError(
            "--tile: expected a translator without noise of z, which would not meet "
            "at the edges of tiles, found --test_noise"
        )
    return stride


def _tiles(sizes, tile):
    """Tiles as (rows, columns), two slices of pixels, that cover an image once."""
    spans = [
        [slice(start, min(start + tile, size)) for start in range(0, size, tile)]
        for size in sizes
    ]
    return itertools.product(*spans)


def _widened(spans, margin, stride, sizes):
    """Spans with a margin, rounded up to the stride, as far as the image goes."""
    margin += -margin % stride
    return tuple(
        slice(max(0, span.start - margin), min(size, span.stop + margin))
        for span, size in zip(spans, sizes)
    )


def _within(spans, outer, stride=1):
    """Spans counted from the start of wider ones, in strides."""
    return tuple(
        slice((s.start - o.start) // stride, -((o.start - s.stop) // stride))
        for s, o in zip(spans, outer)
    )


def _cut(content, spans):
    return images.to_float(content[spans])[None]
