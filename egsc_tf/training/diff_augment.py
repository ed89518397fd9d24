"""Differentiable augmentation of what discriminators see (Zhao et al., 2020).

Real and translated images alike have other colours, are shifted and have a hole, at
random. A discriminator of few images cannot learn them by heart then; the generator
learns through the augmentation, and so is not asked to augment.
"""

import tensorflow as tf

# Of an image: brightness, saturation, contrast, shifts and the hole's centre.
NUMBERS = 7
SHIFT = 1 / 8  # of a side, at most
HOLE = 1 / 2  # of each side


def augment(x, numbers):
    """Images changed in colour, shifted, and with a hole; both leave 0 behind.

    Args:
      x: [B, H, W, 3] float in [-1, 1], H and W static.
      numbers: [B, 7] in [0, 1): brightness, saturation, contrast, shift down, shift to
        the right, row and column of the hole's centre.

    Returns:
      [B, H, W, 3], which may leave [-1, 1].
    """
    numbers = tf.cast(numbers, x.dtype)
    brightness, saturation, contrast, down, right, row, column = tf.unstack(
        numbers[:, :, None], axis=1
    )
    x = x + (brightness - 0.5)[..., None, None]
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = (x - grey) * (2.0 * saturation)[..., None, None] + grey
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    x = (x - mean) * (0.5 + contrast)[..., None, None] + mean
    height, width = x.shape[1:3]
    # By products: a gather would have no deterministic gradient on every device.
    x = tf.einsum("bih,bhwc->biwc", _shifts(down, height, x.dtype), x)
    x = tf.einsum("bjw,bhwc->bhjc", _shifts(right, width, x.dtype), x)
    hole = _inside(row, height)[:, :, None] & _inside(column, width)[:, None, :]
    return tf.where(hole[..., None], tf.zeros([], x.dtype), x)


def _shifts(number, side, dtype):
    """[B, side, side] of 0 and 1: shifts by up to SHIFT either way; number [B, 1]."""
    most = int(SHIFT * side)
    by = tf.cast(tf.floor(number * (2 * most + 1)), tf.int32) - most
    return tf.one_hot(tf.range(side) + by, side, dtype=dtype)


def _inside(number, side):
    """[B, side] bool: whether a position is in the hole around that place; number
    [B, 1]."""
    centre = tf.cast(tf.floor(number * side), tf.int32)
    half = int(HOLE * side) // 2
    at = tf.range(side)
    return (at >= centre - half) & (at < centre + half)
