"""The translation generator: E_a, E_b, the shared S_e and S_g, G_a, G_b (paper, 3.1).

It holds no feature network: masks and style codes come from F_a and F_b, which stage 1
trains and stage 2 keeps frozen (see `egsc_tf.models.translator`). Only the MUNIT-like
baseline has style encoders of its own here. Layers are named as in the paper, so that
TensorFlow's profiler shows where time goes.
"""

import tensorflow as tf

from egsc_tf.domains import split
from egsc_tf.models.adain import style_code as statistics_of
from egsc_tf.models.adain import transfer
from egsc_tf.models.blocks import ResidualBlock
from egsc_tf.models.decoder import Decoder
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.style_encoder import StyleEncoder
from egsc_tf.runtime.keras import keras


class Generator(keras.Model):
    """The trained half of the translator.

    Args:
      ngf, n_encoder, n_res, init, output, padding, upsample: as of Decoder.
      adain_form: "standard" or "release", see `egsc_tf.models.adain`.
      style_code: "features", statistics of F_d(x), or "encoder", trained encoders
        (these pad by reflection whatever `padding` is).
      recompute: forget what is inside E_d and G_d after a forward pass, and compute it
        again for the gradient (gradient checkpointing): less memory, more time.
    """

    def __init__(
        self,
        ngf=64,
        n_encoder=3,
        n_res=3,
        init="he",
        output="tanh",
        adain_form="standard",
        style_code="features",
        padding="reflect",
        upsample="deconv",
        recompute=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.recompute = recompute
        channels = ngf * 2 ** (n_encoder - 1)
        self.channels = channels
        self.adain_form = adain_form
        self.encoder_a = Encoder(ngf, n_encoder, n_res, init, padding, name="E_a")
        self.encoder_b = Encoder(ngf, n_encoder, n_res, init, padding, name="E_b")
        self.shared_encoder = ResidualBlock(channels, init, padding, name="S_e")
        self.shared_generator = ResidualBlock(channels, init, padding, name="S_g")
        decoder = (ngf, n_encoder, n_res, init, output, padding, upsample)
        self.decoder_a = Decoder(*decoder, name="G_a")
        self.decoder_b = Decoder(*decoder, name="G_b")
        self.style_encoder_a = self.style_encoder_b = None
        if style_code == "encoder":
            self.style_encoder_a = StyleEncoder(channels, ngf, init, name="style_a")
            self.style_encoder_b = StyleEncoder(channels, ngf, init, name="style_b")

    def encode(self, x, domain):
        """E_d: [B, H, W, 3] in [-1, 1] -> features [B, h, w, C] before S_e."""
        return self._run({"a": self.encoder_a, "b": self.encoder_b}[domain], x)

    def latent(self, h, noise=None):
        """S_e: features of either domain -> (z, mu), each [B, h, w, C].

        z = mu + noise; noise is a draw of N(0, 1) while training, None for z = mu.
        """
        mu = self.shared_encoder(h)
        return (mu if noise is None else mu + noise), mu

    def style(self, x, feature, domain, f=None):
        """s [B, 2C] of exemplars x [B, H, W, 3] of a domain.

        feature: F_d of the domain; f: F_d(x), where it is known already.
        """
        encoder = {"a": self.style_encoder_a, "b": self.style_encoder_b}[domain]
        if encoder is not None:
            return encoder(x)
        return statistics_of(feature(x) if f is None else f, self.adain_form)

    def decode(self, c, m, s, domain, given=None):
        """G_d(T(c, m, s)): content, mask, style -> [B, H, W, 3] in [-1, 1].

        See `egsc_tf.models.adain.transfer` for m, s and given.
        """
        styled = transfer(c, m, s, self.adain_form, given)
        return self._run({"a": self.decoder_a, "b": self.decoder_b}[domain], styled)

    def _run(self, network, x):
        return tf.recompute_grad(network)(x) if self.recompute else network(x)

    def call(self, x, m, s, direction="a2b"):
        """The translation without noise (z = mu) of x [B, H, W, 3]: a2b or b2a."""
        source, target = split(direction)
        mu = self.latent(self.encode(x, source))[1]
        return self.decode(self.shared_generator(mu), m, s, target)
