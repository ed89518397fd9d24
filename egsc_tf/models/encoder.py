"""Encoder E_d: an image of one domain -> features; F_d is built alike (paper, 3.1)."""

from egsc_tf.models.blocks import LeakyConv, ResidualBlock
from egsc_tf.runtime.keras import keras


class Encoder(keras.Model):
    """7x7 convolution, n_encoder - 1 halvings, n_res residual blocks.

    [B, H, W, 3] in [-1, 1] -> [B, H / 2^(n-1), W / 2^(n-1), ngf * 2^(n-1)].

    Args:
      ngf: channels of the first convolution.
      n_encoder: number of convolutions before the residual blocks, 1 or more.
      n_res: number of residual blocks, 1 or more; the paper has 3.
      init: "he" or "release".
      padding: "reflect" or "zero", see `egsc_tf.models.blocks`.
    """

    def __init__(
        self, ngf=64, n_encoder=3, n_res=3, init="he", padding="reflect", **kwargs
    ):
        super().__init__(**kwargs)
        self.stride = 2 ** (n_encoder - 1)
        self.convs = [LeakyConv(ngf, 7, 1, padding, init)] + [
            LeakyConv(ngf * 2**i, 3, 2, padding, init) for i in range(1, n_encoder)
        ]
        self.blocks = [
            ResidualBlock(ngf * 2 ** (n_encoder - 1), init, padding)
            for _ in range(n_res)
        ]

    def call(self, x):
        for layer in self.convs + self.blocks:
            x = layer(x)
        return x
