"""Augmentation, drawn where images are read and done where they are used.

`draw` makes a few numbers of an image's seed, a pure function (paper, appendix A).
`finish` does what they say to a whole batch: on the device that trains, behind the
copy of the pixels as bytes, inside the compiled step. The numbers of a batch:

  placing_a  [4]  (x_scale, x_offset, y_scale, y_offset): the column of the source that
                  an output column comes from, in pixels, and the row: flip and crop
  colours_a  [3]  what is added to the brightness, factors of contrast and saturation
  view_a     [4]  which channel each of the three of the content view comes from, and 1
                  or -1, which inverts it
"""

import tensorflow as tf

from egsc_tf.domains import DOMAINS
from egsc_tf.runtime.noise import ALGORITHM

PROBABILITY = 0.5
SMALLEST_CROP = 0.8


def uniform(shape, seed, low=0.0, high=1.0):
    """Stateless uniform numbers of a seed [2], the same on every device."""
    return tf.random.stateless_uniform(shape, seed, low, high, alg=ALGORITHM)


def draw(config, domain, seed, view_seed):
    """{name: numbers} of one image of a domain, as far as the flags ask for them.

    Args:
      config: egsc_tf.config.Config (height, width, flip, crop, colour_jitter,
        content_view).
      seed, view_seed: [2] int64; three after the first one belong to it, too.
    """
    numbers = {}
    if config.flip or config.crop:
        numbers["placing"] = draw_placing(config, seed)
    if config.colour_jitter > 0:
        numbers["colours"] = draw_colours(config.colour_jitter, seed + 1)
    if config.content_view == "recoloured":
        numbers["view"] = draw_view(view_seed)
    return {f"{name}_{domain}": value for name, value in numbers.items()}


def draw_placing(config, seed):
    """Horizontal flip and 80-100 % crop scaled back, each with probability 0.5."""
    numbers = uniform([5], seed)
    flips = tf.logical_and(config.flip, numbers[0] < PROBABILITY)
    crops = tf.logical_and(config.crop, numbers[1] < PROBABILITY)
    scale = tf.where(crops, SMALLEST_CROP + (1.0 - SMALLEST_CROP) * numbers[2], 1.0)
    left = numbers[3] * (1.0 - scale) * (config.width - 1.0)
    top = numbers[4] * (1.0 - scale) * (config.height - 1.0)
    x_scale = tf.where(flips, -scale, scale)
    x_offset = tf.where(flips, left + scale * (config.width - 1.0), left)
    return tf.stack([x_scale, x_offset, scale, top])


def draw_colours(amount, seed):
    """Changes of brightness, contrast and saturation by up to `amount`."""
    low, high = 1.0 - amount, 1.0 + amount
    return tf.stack(
        [
            uniform([], seed, -amount, amount),
            uniform([], seed + 1, low, high),
            uniform([], seed + 2, low, high),
        ]
    )


def draw_view(seed):
    """An order of the channels, and whether they are inverted, with probability 0.5:
    neither colours nor the order of brightness survive."""
    order = tf.cast(tf.argsort(uniform([3], seed)), tf.float32)
    inverted = uniform([], seed + 1) < PROBABILITY
    return tf.concat([order, [tf.where(inverted, -1.0, 1.0)]], axis=0)


def finish(batch):
    """{x_d[, content_d]} of what a stream gives: images as the networks take them.

    Args:
      batch: {"x_d": [..., H, W, 3] uint8, or float in [-1, 1]}, with "placing_d" [...,
        4], "colours_d" [..., 3], "view_d" [..., 4] of the same images where these are
        wanted. All else is handed on: a batch that is finished stays what it is.

    Returns:
      {name: [..., H, W, 3] float32 in [-1, 1]}.
    """
    numbers = {
        f"{name}_{domain}"
        for name in ("placing", "colours", "view")
        for domain in DOMAINS
    }
    finished = {name: x for name, x in batch.items() if name not in numbers}
    for domain in DOMAINS:
        x = as_float(batch[f"x_{domain}"])
        if f"placing_{domain}" in batch:
            x = place(x, batch[f"placing_{domain}"])
        if f"colours_{domain}" in batch:
            x = jitter_colours(x, batch[f"colours_{domain}"])
        finished[f"x_{domain}"] = x
        if f"view_{domain}" in batch:
            finished[f"content_{domain}"] = recolour(x, batch[f"view_{domain}"])
    return finished


def as_float(x):
    """uint8 in [0, 255] -> float32 in [-1, 1]; floats stay as they are."""
    return tf.cast(x, tf.float32) / 127.5 - 1.0 if x.dtype == tf.uint8 else x


def place(x, placing):
    """Flips and crops images [..., H, W, 3] as placing [..., 4] says, bilinearly."""
    height, width = x.shape[-3], x.shape[-2]
    images, placing = (
        tf.reshape(x, [-1, height, width, 3]),
        tf.reshape(placing, [-1, 4]),
    )
    x_scale, x_offset, y_scale, y_offset = tf.unstack(placing[..., None], axis=1)
    images = _resample(images, y_scale, y_offset, axis=1)
    images = _resample(images, x_scale, x_offset, axis=2)
    return tf.reshape(images, tf.shape(x))


def _resample(images, scale, offset, axis):
    """images [B, H, W, 3] along one axis at offset + scale * position, [B, 1] each."""
    side = images.shape[axis]
    at = offset + scale * tf.range(side, dtype=tf.float32)
    at = tf.clip_by_value(at, 0.0, side - 1.0)
    first = tf.floor(at)
    weight = (
        (at - first)[:, :, None, None] if axis == 1 else (at - first)[:, None, :, None]
    )
    first = tf.cast(first, tf.int32)
    second = tf.minimum(first + 1, side - 1)
    one, other = (
        tf.gather(images, index, axis=axis, batch_dims=1) for index in (first, second)
    )
    return (1.0 - weight) * one + weight * other


def jitter_colours(x, colours):
    """Images [..., H, W, 3] with another brightness, contrast and saturation, as
    colours [..., 3] say; they stay in [-1, 1]."""
    brightness, contrast, saturation = (
        number[..., None, None, None] for number in tf.unstack(colours, axis=-1)
    )
    x = (x + 1.0) / 2.0 + brightness
    # Not tf.image.adjust_contrast, which has no deterministic kernel for GPUs.
    mean = tf.reduce_mean(x, axis=[-3, -2], keepdims=True)
    x = (x - mean) * contrast + mean
    hue, saturated, value = tf.unstack(tf.image.rgb_to_hsv(x), axis=-1)
    saturated = tf.clip_by_value(saturated * saturation[..., 0], 0.0, 1.0)
    x = tf.image.hsv_to_rgb(tf.stack([hue, saturated, value], axis=-1))
    return tf.clip_by_value(x, 0.0, 1.0) * 2.0 - 1.0


def recolour(x, view):
    """The view of images [..., H, W, 3] that view [..., 4] says: the same shapes, and
    unrelated colours."""
    sign = view[..., 3:]
    channels = tf.unstack(x, axis=-1)
    seen = []
    for k in range(3):
        chosen = [
            tf.where(view[..., k, None, None] == c, channel, 0.0)
            for c, channel in enumerate(channels)
        ]
        seen.append(tf.add_n(chosen))
    return tf.stack(seen, axis=-1) * sign[..., None, None]
