"""Stage 2: translation. `generator_losses` reads like section 3 of the paper.

Names: x_ab has the content of x_a and the style of x_b; x_aba is the cycle back; s_a is
a style code, m_a a mask, c_a the shared content, mu the mean of a latent z.
"""

import tensorflow as tf

from egsc_tf import losses
from egsc_tf.data.augmentation import finish
from egsc_tf.domains import DOMAINS
from egsc_tf.models import vgg
from egsc_tf.models.adain import feature_mask
from egsc_tf.models.generator import Generator
from egsc_tf.training.adversarial import AdversarialTrainer, copy_weights, twins_of
from egsc_tf.training.draws import NONE


class TranslationTrainer(AdversarialTrainer):
    """Trains the generator and the discriminators; F_a and F_b stay frozen.

    `egsc_tf.train` makes a run with it. As a Keras model, on a dataset of one's own:

        masks = FeatureMaskTrainer(config)
        masks.compile()
        masks.fit(dataset, epochs=10)
        trainer = TranslationTrainer.of_masks(config, masks)
        trainer.compile()
        trainer.fit(dataset, epochs=10)
        model = egsc_tf.Translator.of_trainer(trainer)
        model.save_weights("weights/mine")

    and later

        model = egsc_tf.Translator.from_config(config)
        model.load_weights("weights/mine")

    The base class's `fit` says what the dataset is to be.

    Args:
      config: egsc_tf.config.Config.
      feature_a, feature_b: the trained encoders F_a and F_b of stage 1.
      phi: the PerceptualNetwork, or None where both perceptual weights are 0.
      jit_compile: see the base class.

    Raises:
      ValueError: where a perceptual loss has a weight and phi is None.
    """

    def __init__(self, config, feature_a, feature_b, phi, jit_compile=False):
        super().__init__(
            config,
            config.learning_rate,
            config.total_steps,
            config.g_update,
            jit_compile,
        )
        self.look_with(phi)
        self.feature_a = feature_a
        self.feature_b = feature_b
        for frozen in (feature_a, feature_b):
            frozen.trainable = False
        self.generator = Generator(
            **config.generator, recompute=config.gradient_checkpointing
        )
        self.generator_ema = Generator(**config.generator)

    @classmethod
    def of_masks(cls, config, masks, jit_compile=False):
        """Stage 2 of a Config, behind a FeatureMaskTrainer that has been trained."""
        f_a, f_b = masks.autoencoder_a.encoder, masks.autoencoder_b.encoder
        return cls(config, f_a, f_b, vgg.of_config(config), jit_compile)

    @property
    def g_variables(self):
        return self.generator.trainable_variables

    def twins(self):
        return twins_of(self.generator)

    def parts(self):
        return {
            **super().parts(),
            "generator": self.generator,
            "generator_ema": self.generator_ema,
            "feature_a": self.feature_a,
            "feature_b": self.feature_b,
        }

    def prepare(self, batch):
        one = finish({name: x[:1, 0] for name, x in batch.items()})
        for feature in (self.feature_a, self.feature_b):
            feature(one["x_a"])  # a variant may have no use for F: build it
        super().prepare(batch)
        trained, self.generator = self.generator, self.generator_ema
        self.generator_losses(one, NONE)
        self.generator = trained
        copy_weights(self.generator, self.generator_ema)

    def conditions(self, batch):
        """Masks of the contents and styles of the exemplars: (m_a, m_b, s_a, s_b).

        Where content and exemplar are one image, F sees it once.
        """
        masks, styles = [], []
        for domain, feature in (("a", self.feature_a), ("b", self.feature_b)):
            x, content = batch[f"x_{domain}"], self.content(batch, domain)
            f = feature(content) if self.config.use_masks else None
            masks.append(None if f is None else feature_mask(f))
            f_of_x = None if f is None or content is not x else f
            styles.append(
                self.generator.style(x, feature, domain, f_of_x)
                if self.config.use_adain
                else None
            )
        return (*masks, *styles)

    def content(self, batch, domain):
        """What the content encoder sees: the image, or a recoloured view of it."""
        return batch.get(f"content_{domain}", batch[f"x_{domain}"])

    def encode_both(self, batch, draws):
        """(c_a, c_b, mu_ab): one batched call of the shared blocks for both domains."""
        g = self.generator
        h = tf.concat([g.encode(self.content(batch, d), d) for d in DOMAINS], axis=0)
        z, mu = g.latent(h, draws.noise(h, parts=2))
        c_a, c_b = tf.split(g.shared_generator(z), 2)
        return c_a, c_b, mu

    def fakes(self, batch, draws):
        """(x_ba, x_ab): the translations into a and into b."""
        m_a, m_b, s_a, s_b = self.conditions(batch)
        c_a, c_b, _ = self.encode_both(batch, draws)
        g = self.generator
        return g.decode(c_b, m_b, s_a, "a"), g.decode(c_a, m_a, s_b, "b")

    def generator_losses(self, batch, draws):
        """See the base class. What only losses of weight 0 need is not computed."""
        w, x_a, x_b = self.config, batch["x_a"], batch["x_b"]
        conditions = m_a, m_b, s_a, s_b = self.conditions(batch)
        c_a, c_b, mu = self.encode_both(batch, draws)
        logs = {"G/kl": losses.kl_loss(mu)}
        if w.recon_weight > 0:
            x_aa, x_ba = self.decode_two((c_a, m_a, s_a), (c_b, m_b, s_a), "a")
            x_bb, x_ab = self.decode_two((c_b, m_b, s_b), (c_a, m_a, s_b), "b")
            logs["G/recon_a"] = losses.l1_loss(x_aa, x_a)
            logs["G/recon_b"] = losses.l1_loss(x_bb, x_b)
        else:
            x_ba = self.generator.decode(c_b, m_b, s_a, "a")
            x_ab = self.generator.decode(c_a, m_a, s_b, "b")
        if w.adv_weight > 0:
            logs.update(self.adversarial_logs((x_ba, x_ab), draws))
        if w.cycle_weight > 0 or w.cycle_kl_weight > 0:
            logs.update(self.cycle_losses(x_a, x_b, x_ab, x_ba, conditions, draws))
        if self.perceptual:
            logs.update(self.perceptual_losses(x_a, x_b, x_ab, x_ba))

        def both(name):
            return logs.get(f"G/{name}_a", 0.0) + logs.get(f"G/{name}_b", 0.0)

        total = (
            w.adv_weight * both("adv")
            + w.recon_weight * both("recon")
            + w.cycle_weight * both("cycle")
            # The KL of both latents counts once in each direction, as released.
            + w.kl_weight * 2.0 * logs["G/kl"]
            + w.cycle_kl_weight * both("cycle_kl")
            + w.style_weight * logs.get("G/style", 0.0)
            + w.content_weight * logs.get("G/content", 0.0)
        )
        return total, logs, (x_ba, x_ab)

    def decode_two(self, first, second, domain):
        """Images of two (c, m, s) of one domain, by one batched call of G_d."""
        stacked = (
            None if pair[0] is None else tf.concat(pair, axis=0)  # None: an ablation
            for pair in zip(first, second)
        )
        return tf.split(self.generator.decode(*stacked, domain), 2)

    def cycle_losses(self, x_a, x_b, x_ab, x_ba, conditions, draws):
        """Logs of x_aba against x_a and x_bab against x_b, and of the cycle's z."""
        g, (m_a, m_b, s_a, s_b) = self.generator, conditions
        h = tf.concat([g.encode(x_ab, "b"), g.encode(x_ba, "a")], axis=0)
        z, mu = g.latent(h, draws.noise(h, parts=2))
        mu_aba, mu_bab = tf.split(mu, 2)
        logs = {
            "G/cycle_kl_a": losses.kl_loss(mu_aba),
            "G/cycle_kl_b": losses.kl_loss(mu_bab),
        }
        if self.config.cycle_weight > 0:
            c_aba, c_bab = tf.split(g.shared_generator(z), 2)
            x_aba = g.decode(c_aba, m_a, s_a, "a")
            x_bab = g.decode(c_bab, m_b, s_b, "b")
            logs["G/cycle_a"] = losses.l1_loss(x_aba, x_a)
            logs["G/cycle_b"] = losses.l1_loss(x_bab, x_b)
        return logs

    def perceptual_losses(self, x_a, x_b, x_ab, x_ba):
        """{"G/style", "G/content"}, those that have a weight: x_ab against x_b and
        x_a, and x_ba likewise."""
        phi_real = self.features(tf.stop_gradient(tf.concat([x_b, x_a], 0)))
        phi_fake = self.features(tf.concat([x_ab, x_ba], 0))
        # Rows: fakes (ab, ba), their exemplars (b, a), their sources (a, b).
        phi_source = [tf.roll(f, tf.shape(x_a)[0], axis=0) for f in phi_real]
        return self.perceptual_logs(phi_fake, phi_real, phi_source)

    def averaged(self):
        return self.generator_ema.variables, self.generator.variables
