"""Stage 2: translation. `generator_losses` reads like section 3 of the paper.

Names: x_ab has the content of x_a and the style of x_b; x_aba is the cycle back; s_a is
a style code, m_a a mask, c_a the shared content, mu the mean of a latent z.
"""

import tensorflow as tf

from egsc_tf import losses
from egsc_tf.adversarial_trainer import AdversarialTrainer, no_noise
from egsc_tf.models.adain import feature_mask
from egsc_tf.models.generator import Generator


class TranslationTrainer(AdversarialTrainer):
    """Trains the generator and the discriminators; F_a and F_b stay frozen.

    Args:
      config: egsc_tf.config.Config.
      feature_a, feature_b: the trained encoders F_a and F_b of stage 1.
      phi: the PerceptualNetwork, or None where both perceptual weights are 0.

    Raises:
      ValueError: where a perceptual loss has a weight and phi is None.
    """

    def __init__(self, config, feature_a, feature_b, phi):
        super().__init__(
            config, config.learning_rate, config.total_steps, config.g_update
        )
        self.perceptual = config.style_weight > 0 or config.content_weight > 0
        if self.perceptual and phi is None:
            raise ValueError(
                "phi: expected a PerceptualNetwork, as style_weight is "
                f"{config.style_weight} and content_weight {config.content_weight}; "
                "found None"
            )
        self.feature_a = feature_a
        self.feature_b = feature_b
        self.phi = phi
        for frozen in (feature_a, feature_b):
            frozen.trainable = False
        self.generator = Generator(**config.generator)
        self.generator_ema = Generator(**config.generator)

    @property
    def g_variables(self):
        return self.generator.trainable_variables

    def parts(self):
        return {
            **super().parts(),
            "generator": self.generator,
            "generator_ema": self.generator_ema,
            "feature_a": self.feature_a,
            "feature_b": self.feature_b,
        }

    def prepare(self, batch):
        for feature in (self.feature_a, self.feature_b):
            feature(batch["x_a"][:, 0])  # a variant may have no use for F: build it
        super().prepare(batch)
        trained, self.generator = self.generator, self.generator_ema
        self.generator_losses({k: x[:, 0] for k, x in batch.items()}, no_noise)
        self.generator = trained
        for average, variable in zip(
            self.generator_ema.variables, self.generator.variables
        ):
            average.assign(variable)

    def conditions(self, batch):
        """Masks of the contents and styles of the exemplars: (m_a, m_b, s_a, s_b)."""
        m_a = m_b = s_a = s_b = None
        content_a, content_b = self.contents(batch)
        if self.config.use_masks:
            m_a = feature_mask(self.feature_a(content_a))
            m_b = feature_mask(self.feature_b(content_b))
        if self.config.use_adain:
            s_a = self.generator.style(batch["x_a"], self.feature_a, "a")
            s_b = self.generator.style(batch["x_b"], self.feature_b, "b")
        return m_a, m_b, s_a, s_b

    def contents(self, batch):
        """What the content encoders see: the images, or recoloured views of them."""
        return batch.get("content_a", batch["x_a"]), batch.get(
            "content_b", batch["x_b"]
        )

    def encode_both(self, batch, noise):
        """(c_a, c_b, mu_ab): one batched call of the shared blocks for both domains."""
        g = self.generator
        content_a, content_b = self.contents(batch)
        h = tf.concat([g.encode(content_a, "a"), g.encode(content_b, "b")], axis=0)
        z, mu = g.latent(h, noise(h, parts=2))
        c_a, c_b = tf.split(g.shared_generator(z), 2)
        return c_a, c_b, mu

    def discriminator_losses(self, batch, noise):
        g, x_a, x_b = self.generator, batch["x_a"], batch["x_b"]
        m_a, m_b, s_a, s_b = self.conditions(batch)
        c_a, c_b, _ = self.encode_both(batch, noise)
        x_ba = tf.stop_gradient(g.decode(c_b, m_b, s_a, "a"))
        x_ab = tf.stop_gradient(g.decode(c_a, m_a, s_b, "b"))
        d_a = losses.discriminator_loss(
            self.discriminator_a(x_a), self.discriminator_a(x_ba)
        )
        d_b = losses.discriminator_loss(
            self.discriminator_b(x_b), self.discriminator_b(x_ab)
        )
        return self.config.d_weight * (d_a + d_b), {"D/a": d_a, "D/b": d_b}

    def generator_losses(self, batch, noise):
        g, w = self.generator, self.config
        x_a, x_b = batch["x_a"], batch["x_b"]
        m_a, m_b, s_a, s_b = self.conditions(batch)
        c_a, c_b, mu = self.encode_both(batch, noise)

        x_aa, x_ba = tf.split(g.decode(*_pair(c_a, m_a, s_a, c_b, m_b, s_a), "a"), 2)
        x_bb, x_ab = tf.split(g.decode(*_pair(c_b, m_b, s_b, c_a, m_a, s_b), "b"), 2)

        h = tf.concat([g.encode(x_ab, "b"), g.encode(x_ba, "a")], axis=0)
        z, mu_cycle = g.latent(h, noise(h, parts=2))
        c_aba, c_bab = tf.split(g.shared_generator(z), 2)
        mu_aba, mu_bab = tf.split(mu_cycle, 2)
        x_aba = g.decode(c_aba, m_a, s_a, "a")
        x_bab = g.decode(c_bab, m_b, s_b, "b")

        logs = {
            "G/adv_a": losses.adversarial_loss(self.discriminator_a(x_ba)),
            "G/adv_b": losses.adversarial_loss(self.discriminator_b(x_ab)),
            "G/recon_a": losses.l1_loss(x_aa, x_a),
            "G/recon_b": losses.l1_loss(x_bb, x_b),
            "G/cycle_a": losses.l1_loss(x_aba, x_a),
            "G/cycle_b": losses.l1_loss(x_bab, x_b),
            "G/kl": losses.kl_loss(mu),
            "G/cycle_kl_a": losses.kl_loss(mu_aba),
            "G/cycle_kl_b": losses.kl_loss(mu_bab),
        }
        total = (
            w.adv_weight * (logs["G/adv_a"] + logs["G/adv_b"])
            + w.recon_weight * (logs["G/recon_a"] + logs["G/recon_b"])
            + w.cycle_weight * (logs["G/cycle_a"] + logs["G/cycle_b"])
            # The KL of both latents counts once in each direction, as released.
            + w.kl_weight * 2.0 * logs["G/kl"]
            + w.cycle_kl_weight * (logs["G/cycle_kl_a"] + logs["G/cycle_kl_b"])
        )
        if self.perceptual:
            perceptual = self.perceptual_losses(x_a, x_b, x_ab, x_ba)
            total += w.style_weight * perceptual["G/style"]
            total += w.content_weight * perceptual["G/content"]
            logs.update(perceptual)
        return total, logs

    def perceptual_losses(self, x_a, x_b, x_ab, x_ba):
        """{"G/style", "G/content"}: x_ab against x_b and x_a, and x_ba likewise."""
        phi_real = [tf.stop_gradient(f) for f in self.phi(tf.concat([x_b, x_a], 0))]
        phi_fake = self.phi(tf.concat([x_ab, x_ba], 0))
        # Rows: fakes (ab, ba), their exemplars (b, a), their sources (a, b). Both
        # losses are means over the rows, the paper's are sums over the directions.
        phi_source = [tf.roll(f, tf.shape(x_a)[0], axis=0) for f in phi_real]
        style = losses.STYLE_LOSSES[self.config.style_loss]
        return {
            "G/style": 2.0 * style(phi_fake, phi_real),
            "G/content": 2.0 * losses.content_loss(phi_fake, phi_source),
        }

    @tf.autograph.experimental.do_not_convert
    def after_updates(self):
        """Moves generator_ema towards generator; early on, with a shorter memory."""
        step = tf.cast(self.step, tf.float32)
        decay = tf.minimum(self.config.ema_decay, (1.0 + step) / (10.0 + step))

        def blend(average, variable):
            average.assign(decay * average + (1.0 - decay) * variable)

        def move(strategy, averages, variables):
            for average, variable in zip(averages, variables):
                strategy.extended.update(average, blend, args=(variable,))

        tf.distribute.get_replica_context().merge_call(
            move, args=(self.generator_ema.variables, self.generator.variables)
        )


def _pair(c_1, m_1, s_1, c_2, m_2, s_2):
    """Two decoder inputs stacked on the batch axis; None (an ablation) stays None."""
    stack = lambda x, y: None if x is None else tf.concat([x, y], axis=0)  # noqa: E731
    return stack(c_1, c_2), stack(m_1, m_2), stack(s_1, s_2)
