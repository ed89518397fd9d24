"""The building blocks of every encoder and decoder (paper, appendix A).

They pad by reflection, so that the border of an image carries no frame of zeros; or
with zeros, which phones' convolutions do by themselves. Layout NHWC; values are
unbounded features.
"""

import numpy as np
import tensorflow as tf

from egsc_tf.runtime import xla
from egsc_tf.runtime.keras import keras

LEAKY_SLOPE = 0.2
PADDINGS = ("reflect", "zero")


# Eight residual blocks stand in a row. With full He kernels each of them doubles the
# variance and tanh starts saturated; a small last kernel keeps the sum near its input.
RESIDUAL_GAIN = 0.1


def initializer(name, gain=1.0):
    """A fresh kernel initializer: "he" (He normal) or "release" (normal, 0.02).

    Fresh, because Keras 2.15 gives every layer that shares one initializer object
    the same values. `gain` scales the standard deviation of "he".

    Raises:
      ValueError: for another name.
    """
    if name == "he":
        return keras.initializers.VarianceScaling(2.0 * gain**2, "fan_in")
    if name == "release":
        return keras.initializers.TruncatedNormal(stddev=0.02)
    raise ValueError(f"initializer: expected 'he' or 'release', found {name!r}")


def reflect_pad(x, size):
    """Pads H and W of [B, H, W, C] by `size` mirrored pixels on each side."""
    if size == 1:
        return _mirror_edges(x)
    return tf.pad(x, [[0, 0], [size, size], [size, size], [0, 0]], mode="REFLECT")


def mirror_edges(x):
    """reflect_pad by one pixel, of slices, which XLA fuses and TFLite's XNNPACK
    knows."""
    x = tf.concat([x[:, :, 1:2], x, x[:, :, -2:-1]], axis=2)
    return tf.concat([x[:, 1:2], x, x[:, -2:-1]], axis=1)


def _gathered_edges(x):
    """mirror_edges by one operation, on CPUs faster than slices; those are faster than
    tf.pad, whose mirroring runs on one core."""
    _, height, width, channels = x.shape
    if None in (height, width):
        height, width = tf.unstack(tf.shape(x)[1:3])
        rows, columns = (
            tf.concat([[1], tf.range(side), [side - 2]], axis=0)
            for side in (height, width)
        )
    else:  # constants: less is traced
        rows, columns = (
            tf.constant(np.pad(np.arange(side, dtype=np.int32), 1, "reflect"))
            for side in (height, width)
        )
    pixels = tf.reshape(x, [-1, height * width, channels])
    return tf.gather(pixels, rows[:, None] * width + columns, axis=1)


@tf.custom_gradient
def _mirror_edges(x):
    """mirror_edges with the gradient of tf.pad, faster than that of slices."""

    def gradient(dy):
        sides = [[0, 0], [1, 1], [1, 1], [0, 0]]
        return tf.raw_ops.MirrorPadGrad(input=dy, paddings=sides, mode="REFLECT")

    return mirror_edges(x) if xla.compiling() else _gathered_edges(x), gradient


class PaddedConv(keras.layers.Conv2D):
    """Conv2D that gives ceil(H / strides) x ceil(W / strides), without activation.

    Args:
      filters, kernel_size, strides: as of Conv2D.
      padding: one of PADDINGS; "zero" is Conv2D's own "same".
      init, gain: of `initializer`.

    Raises:
      ValueError: for another padding.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="reflect",
        init="he",
        gain=1.0,
        **kwargs,
    ):
        if padding not in PADDINGS:
            raise ValueError(f"padding: expected one of {PADDINGS}, found {padding!r}")
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding="same" if padding == "zero" else "valid",
            kernel_initializer=initializer(init, gain),
            **kwargs,
        )
        self.reflected = kernel_size // 2 if padding == "reflect" else 0

    def call(self, x):
        return super().call(reflect_pad(x, self.reflected) if self.reflected else x)


class LeakyConv(keras.layers.Layer):
    """PaddedConv, then leaky ReLU with slope 0.2."""

    def __init__(
        self, filters, kernel_size, strides=1, padding="reflect", init="he", **kwargs
    ):
        super().__init__(**kwargs)
        self.conv = PaddedConv(filters, kernel_size, strides, padding, init)

    def call(self, x):
        return tf.nn.leaky_relu(self.conv(x), LEAKY_SLOPE)


class ResidualBlock(keras.layers.Layer):
    """x + conv3x3(relu(conv3x3(x))), each padded by 1, without a norm."""

    def __init__(self, filters, init="he", padding="reflect", **kwargs):
        super().__init__(**kwargs)
        self.conv_1 = PaddedConv(filters, 3, padding=padding, init=init)
        self.conv_2 = PaddedConv(filters, 3, 1, padding, init, RESIDUAL_GAIN)

    def call(self, x):
        return x + self.conv_2(tf.nn.relu(self.conv_1(x)))


class ResizeConv(keras.layers.Layer):
    """Doubles H and W bilinearly, then convolves 3x3, without activation.

    Bilinear, because XNNPACK has no nearest neighbour, and TensorFlow no deterministic
    gradient of it on GPUs.
    """

    def __init__(self, filters, padding="reflect", init="he", **kwargs):
        super().__init__(**kwargs)
        self.resize = keras.layers.UpSampling2D(2, interpolation="bilinear")
        self.conv = PaddedConv(filters, 3, padding=padding, init=init)

    def call(self, x):
        return self.conv(xla.double(x) if xla.compiling() else self.resize(x))
