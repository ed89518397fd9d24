"""The two building blocks of every encoder and decoder (paper, appendix A).

Both pad by reflection, so that the border of an image carries no frame of zeros.
Layout NHWC; values are unbounded features.
"""

import tensorflow as tf
from tensorflow import keras

LEAKY_SLOPE = 0.2


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
    return tf.pad(x, [[0, 0], [size, size], [size, size], [0, 0]], mode="REFLECT")


class ReflectConv(keras.layers.Layer):
    """Reflect-pad, convolution without padding, leaky ReLU with slope 0.2."""

    def __init__(self, filters, kernel_size, strides=1, init="he", **kwargs):
        super().__init__(**kwargs)
        self.padding = kernel_size // 2
        self.conv = keras.layers.Conv2D(
            filters, kernel_size, strides, kernel_initializer=initializer(init)
        )

    def call(self, x):
        return tf.nn.leaky_relu(self.conv(reflect_pad(x, self.padding)), LEAKY_SLOPE)


class ResidualBlock(keras.layers.Layer):
    """x + conv3x3(relu(conv3x3(x))), each reflect-padded by 1, without a norm."""

    def __init__(self, filters, init="he", **kwargs):
        super().__init__(**kwargs)
        self.conv_1 = keras.layers.Conv2D(
            filters, 3, kernel_initializer=initializer(init)
        )
        self.conv_2 = keras.layers.Conv2D(
            filters, 3, kernel_initializer=initializer(init, RESIDUAL_GAIN)
        )

    def call(self, x):
        y = tf.nn.relu(self.conv_1(reflect_pad(x, 1)))
        return x + self.conv_2(reflect_pad(y, 1))
