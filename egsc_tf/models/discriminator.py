"""Discriminator D_d: an image -> a map of least-squares logits (paper, 3.2)."""

import tensorflow as tf

from egsc_tf.models.blocks import LEAKY_SLOPE, initializer
from egsc_tf.runtime.addons import InstanceNormalization
from egsc_tf.runtime.keras import keras

EPSILON = 1e-5
KERNEL = 4


class Discriminator(keras.Model):
    """n_dis halvings by 4x4 convolutions, then one logit per remaining position.

    [B, H, W, 3] in [-1, 1] -> [B, H / 2^n, W / 2^n, 1] (rounded up), float32.

    Args:
      ndf: channels of the first convolution, doubled at each next one.
      n_dis: number of halvings.
      norm: "instance" (from the second convolution on) or "none".
      form: "standard": leaky ReLU once, linear logits; "release": leaky ReLU twice
        after each convolution, and once on the logits.
      init: "he" or "release".

    Raises:
      ValueError: for another norm or form.
    """

    def __init__(
        self, ndf=64, n_dis=4, norm="instance", form="standard", init="he", **kwargs
    ):
        super().__init__(**kwargs)
        if norm not in ("instance", "none"):
            raise ValueError(f"norm: expected 'instance' or 'none', found {norm!r}")
        if form not in ("standard", "release"):
            raise ValueError(f"form: expected 'standard' or 'release', found {form!r}")
        self.form = form
        self.convs = [
            keras.layers.Conv2D(
                ndf * 2**i,
                KERNEL,
                2,
                padding="same",
                kernel_initializer=initializer(init),
            )
            for i in range(n_dis)
        ]
        self.norms = [
            # Statistics in float32: bfloat16 has too few digits for a variance.
            InstanceNormalization(epsilon=EPSILON, dtype="float32")
            for _ in range(n_dis - 1 if norm == "instance" else 0)
        ]
        self.to_logits = keras.layers.Conv2D(1, 1, kernel_initializer=initializer(init))

    def call(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if self.form == "release":
                x = tf.nn.leaky_relu(x, LEAKY_SLOPE)
            if i > 0 and self.norms:
                x = tf.cast(self.norms[i - 1](x), x.dtype)
            x = tf.nn.leaky_relu(x, LEAKY_SLOPE)
        logits = tf.cast(self.to_logits(x), tf.float32)
        if self.form == "release":
            return tf.nn.leaky_relu(logits, LEAKY_SLOPE)
        return logits
