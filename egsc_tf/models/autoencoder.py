"""The stage-1 auto-encoder, whose encoder becomes F_d (paper, 3.3)."""

from egsc_tf.models.blocks import ResidualBlock
from egsc_tf.models.decoder import Decoder
from egsc_tf.models.encoder import Encoder
from egsc_tf.runtime.keras import keras


class AutoEncoder(keras.Model):
    """A VAE of one domain: encoder, latent block, content block, decoder.

    Args:
      ngf, n_encoder, n_res, init, output, padding: as of Decoder.
    """

    def __init__(
        self,
        ngf=64,
        n_encoder=3,
        n_res=3,
        init="he",
        output="tanh",
        padding="reflect",
        **kwargs,
    ):
        super().__init__(**kwargs)
        channels = ngf * 2 ** (n_encoder - 1)
        self.encoder = Encoder(ngf, n_encoder, n_res, init, padding)
        self.latent_block = ResidualBlock(channels, init, padding)
        self.content_block = ResidualBlock(channels, init, padding)
        self.decoder = Decoder(ngf, n_encoder, n_res, init, output, padding)

    def latent(self, x):
        """The mean of z: [B, H, W, 3] in [-1, 1] -> [B, h, w, C]."""
        return self.latent_block(self.encoder(x))

    def decode(self, mu, noise=None):
        """[B, h, w, C] -> [B, H, W, 3] in [-1, 1]; noise is added to mu, or None."""
        z = mu if noise is None else mu + noise
        return self.decoder(self.content_block(z))

    def call(self, x):
        """The reconstruction without noise, [B, H, W, 3] in [-1, 1]."""
        return self.decode(self.latent(x))
