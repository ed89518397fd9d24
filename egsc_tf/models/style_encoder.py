"""A trained style encoder, as of MUNIT (Huang et al. 2018): a baseline."""

import tensorflow as tf

from egsc_tf.models.blocks import LeakyConv
from egsc_tf.runtime.keras import keras

HALVINGS = 2


class StyleEncoder(keras.Model):
    """Convolutions, the mean over space, two dense layers.

    [B, H, W, 3] in [-1, 1] -> s = (gamma, beta) [B, 2C], float32, gamma around 1.

    Args:
      channels: C, of the content that the style is given to.
      ngf, init: as of Encoder.
    """

    def __init__(self, channels, ngf=64, init="he", **kwargs):
        super().__init__(**kwargs)
        self.convs = [LeakyConv(ngf, 7, init=init)] + [
            LeakyConv(2 * ngf, 3, strides=2, init=init) for _ in range(HALVINGS)
        ]
        self.hidden = keras.layers.Dense(channels, activation="relu")
        self.to_style = keras.layers.Dense(2 * channels)

    def call(self, x):
        for conv in self.convs:
            x = conv(x)
        x = self.to_style(self.hidden(tf.reduce_mean(x, axis=[1, 2])))
        gamma, beta = tf.split(tf.cast(x, tf.float32), 2, axis=-1)
        return tf.concat([1.0 + gamma, beta], axis=-1)
