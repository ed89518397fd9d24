"""Stage 1: a VAE-GAN auto-encoder per domain; its encoder becomes F_d (paper, 3.3)."""

from egsc_tf import losses
from egsc_tf.models.autoencoder import AutoEncoder
from egsc_tf.training.adversarial import AdversarialTrainer


class FeatureMaskTrainer(AdversarialTrainer):
    """Trains both auto-encoders: 10 adversarial + 100 L1 + 0.1 KL, one G update."""

    def __init__(self, config, jit_compile=False):
        super().__init__(
            config, config.mask_learning_rate, config.mask_steps, 1, jit_compile
        )
        self.autoencoder_a = AutoEncoder(**config.network, output=config.output)
        self.autoencoder_b = AutoEncoder(**config.network, output=config.output)

    @property
    def g_variables(self):
        return (
            self.autoencoder_a.trainable_variables
            + self.autoencoder_b.trainable_variables
        )

    def twins(self):
        return [(self.autoencoder_a, self.autoencoder_b)]

    def parts(self):
        return {
            **super().parts(),
            "autoencoder_a": self.autoencoder_a,
            "autoencoder_b": self.autoencoder_b,
        }

    def reconstruct(self, batch, draws):
        """x_aa, x_bb and the means of z of {x_a, x_b}."""
        outputs = []
        for x, autoencoder in (
            (batch["x_a"], self.autoencoder_a),
            (batch["x_b"], self.autoencoder_b),
        ):
            mu = autoencoder.latent(x)
            outputs.append((autoencoder.decode(mu, draws.noise(mu)), mu))
        (x_aa, mu_a), (x_bb, mu_b) = outputs
        return x_aa, x_bb, mu_a, mu_b

    def fakes(self, batch, draws):
        """(x_aa, x_bb): the reconstructions."""
        return self.reconstruct(batch, draws)[:2]

    def generator_losses(self, batch, draws):
        x_aa, x_bb, mu_a, mu_b = self.reconstruct(batch, draws)
        logs = {
            **self.adversarial_logs((x_aa, x_bb), draws),
            "G/recon_a": losses.l1_loss(x_aa, batch["x_a"]),
            "G/recon_b": losses.l1_loss(x_bb, batch["x_b"]),
            "G/kl_a": losses.kl_loss(mu_a),
            "G/kl_b": losses.kl_loss(mu_b),
        }
        w = self.config
        total = (
            w.adv_weight * (logs["G/adv_a"] + logs["G/adv_b"])
            + w.recon_weight * (logs["G/recon_a"] + logs["G/recon_b"])
            + w.kl_weight * (logs["G/kl_a"] + logs["G/kl_b"])
        )
        return total, logs, (x_aa, x_bb)
