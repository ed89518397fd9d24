"""Decoder G_d: styled content -> an image of one domain (paper, 3.1).

The paper ends in tanh. Where the images are flat and saturated (digits: every value is
-1 or 1) tanh saturates at the wrong end as soon as at the right one, its gradient is
gone there, and a stroke that was painted in the colour of its ground stays so for ever.
output="leaky_tanh" keeps a slope: tanh(x) + 0.1 x, clipped to [-1, 1] once trained.
"""

import tensorflow as tf

from egsc_tf.models.blocks import LEAKY_SLOPE, ResidualBlock, ResizeConv, initializer
from egsc_tf.runtime.keras import keras

OUTPUTS = ("tanh", "leaky_tanh")
UPSAMPLES = ("deconv", "resize")
OUTPUT_SLOPE = 0.1


class Decoder(keras.Model):
    """n_res residual blocks, n_encoder - 1 doublings, a 1x1 convolution, tanh.

    [B, h, w, ngf * 2^(n-1)] -> [B, h * 2^(n-1), w * 2^(n-1), 3] in [-1, 1] (leaky_tanh:
    a little beyond), float32.

    Args:
      ngf: channels before the last convolution.
      n_encoder: as of the encoder that it mirrors.
      n_res: number of residual blocks, 1 or more; the paper has 3.
      init: "he" or "release".
      output: one of OUTPUTS.
      padding: "reflect" or "zero", see `egsc_tf.models.blocks`.
      upsample: how it doubles: "deconv", by transposed convolutions (the paper), or
        "resize", by ResizeConv, which leaves no checkerboard.

    Raises:
      ValueError: for another output or upsample.
    """

    def __init__(
        self,
        ngf=64,
        n_encoder=3,
        n_res=3,
        init="he",
        output="tanh",
        padding="reflect",
        upsample="deconv",
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value, choices in (
            ("output", output, OUTPUTS),
            ("upsample", upsample, UPSAMPLES),
        ):
            if value not in choices:
                raise ValueError(f"{name}: expected one of {choices}, found {value!r}")
        self.output_form = output
        self.blocks = [
            ResidualBlock(ngf * 2 ** (n_encoder - 1), init, padding)
            for _ in range(n_res)
        ]

        def double(filters):
            if upsample == "resize":
                return ResizeConv(filters, padding, init)
            return keras.layers.Conv2DTranspose(
                filters, 3, 2, padding="same", kernel_initializer=initializer(init)
            )

        # Both kinds under one name, which is in every checkpoint.
        self.deconvs = [double(ngf * 2**i) for i in reversed(range(n_encoder - 1))]
        self.to_rgb = keras.layers.Conv2D(3, 1, kernel_initializer=initializer(init))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        for deconv in self.deconvs:
            x = tf.nn.leaky_relu(deconv(x), LEAKY_SLOPE)
        x = tf.cast(self.to_rgb(x), tf.float32)
        y = tf.tanh(x)
        return y + OUTPUT_SLOPE * x if self.output_form == "leaky_tanh" else y
