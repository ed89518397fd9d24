"""Augmentation, a pure function of (image, seed) (paper, appendix A).

Images [H, W, 3] in [-1, 1]; seeds [2] int64. Flip and crop are one projective
transform, sampled once, bilinearly.
"""

import tensorflow as tf

from egsc_tf.addons import projective_transform

PROBABILITY = 0.5
SMALLEST_CROP = 0.8


def augment(image, seed, flip=False, crop=False, colour_jitter=0.0):
    """Flips and crops (each with probability 0.5) and jitters the colours."""
    if flip or crop:
        image = flip_and_crop(image, seed, flip, crop)
    if colour_jitter > 0:
        image = jitter_colours(image, seed + 1, colour_jitter)
    return image


def flip_and_crop(image, seed, flip, crop):
    """Horizontal flip and 80-100 % crop scaled back, each with probability 0.5."""
    height, width = (tf.cast(tf.shape(image)[i], tf.float32) for i in (0, 1))
    draw = tf.random.stateless_uniform([5], seed)
    flips = tf.logical_and(flip, draw[0] < PROBABILITY)
    crops = tf.logical_and(crop, draw[1] < PROBABILITY)
    scale = tf.where(crops, SMALLEST_CROP + (1.0 - SMALLEST_CROP) * draw[2], 1.0)
    left = draw[3] * (1.0 - scale) * (width - 1.0)
    top = draw[4] * (1.0 - scale) * (height - 1.0)
    # The transform says where each output pixel (x, y) comes from.
    x_scale = tf.where(flips, -scale, scale)
    x_offset = tf.where(flips, left + scale * (width - 1.0), left)
    matrix = tf.stack([x_scale, 0.0, x_offset, 0.0, scale, top, 0.0, 0.0])
    return projective_transform(
        image, matrix, interpolation="bilinear", fill_mode="nearest"
    )


def jitter_colours(image, seed, amount):
    """Brightness, contrast, saturation changed by up to `amount`; stays in [-1, 1]."""
    image = (image + 1.0) / 2.0
    image = tf.image.stateless_random_brightness(image, amount, seed)
    low, high = 1.0 - amount, 1.0 + amount
    image = tf.image.stateless_random_contrast(image, low, high, seed + 1)
    image = tf.image.stateless_random_saturation(image, low, high, seed + 2)
    return tf.clip_by_value(image, 0.0, 1.0) * 2.0 - 1.0


def recolour(image, seed):
    """A view with the same shapes and unrelated colours.

    The three channels are permuted, and the whole image is inverted with probability
    0.5: neither colours nor the order of brightness survive.
    """
    order = tf.argsort(tf.random.stateless_uniform([3], seed))
    inverted = tf.random.stateless_uniform([], seed + 1) < PROBABILITY
    return tf.gather(image, order, axis=-1) * tf.where(inverted, -1.0, 1.0)
