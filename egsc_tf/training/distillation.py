"""Distillation: a small translator, the student, learns a trained one's images.

The student sees what the teacher sees, a batch of each domain, and is to make the same
images of it: x_aa, x_bb, x_ab, x_ba. Its F_a and F_b are trained with its generator, so
that there is no stage 1. Discriminators, which begin with the teacher's weights, keep
it from blurring what it is too small for.
"""

import tensorflow as tf

from egsc_tf import losses
from egsc_tf.domains import DOMAINS
from egsc_tf.models.adain import feature_mask
from egsc_tf.models.translator import Translator
from egsc_tf.run import checkpoints
from egsc_tf.training.adversarial import AdversarialTrainer, copy_weights, twins_of


class DistillationTrainer(AdversarialTrainer):
    """Trains a student and its discriminators; the teacher stays as it is.

    Args:
      config: of the student, an egsc_tf.config.Config.
      teacher: a Translator with its weights.
      translation_weight: of the L1 between the translations of both.
      phi: the PerceptualNetwork, or None where both perceptual weights are 0.
      jit_compile: see the base class.

    Raises:
      ValueError: where a perceptual loss has a weight and phi is None.
    """

    discriminator_advice = (
        "a lower --adv_weight, 0 included, or a higher --translation_weight"
    )

    def __init__(
        self,
        config,
        teacher,
        translation_weight,
        phi=None,
        jit_compile=False,
    ):
        super().__init__(
            config, config.learning_rate, config.total_steps, 1, jit_compile
        )
        self.teacher = teacher
        teacher.trainable = False
        self.translation_weight = translation_weight
        self.look_with(phi)
        self.student = Translator.from_config(config)
        self.student_ema = Translator.from_config(config)

    @property
    def generator_ema(self):
        """What the student translates with, beside `feature_a` and `feature_b`: moving
        averages, as those of egsc_tf.training.translation."""
        return self.student_ema.generator

    @property
    def feature_a(self):
        return self.student_ema.feature_a

    @property
    def feature_b(self):
        return self.student_ema.feature_b

    @property
    def g_variables(self):
        return self._variables(self.student)

    def twins(self):
        features = self.student.feature_a, self.student.feature_b
        return [*twins_of(self.student.generator), features]

    def parts(self):
        return {
            **super().parts(),
            "generator": self.student.generator,
            "trained_feature_a": self.student.feature_a,
            "trained_feature_b": self.student.feature_b,
            "generator_ema": self.generator_ema,
            "feature_a": self.feature_a,
            "feature_b": self.feature_b,
        }

    def read_discriminators(self, path):
        """Gives the discriminators the weights that the teacher's checkpoint has.

        Raises:
          OtherNetworks: where it has none, or is gone.
        """
        config = self.config
        both = {
            "discriminator_a": self.discriminator_a,
            "discriminator_b": self.discriminator_b,
        }

        def create():
            for discriminator in both.values():
                discriminator(tf.zeros([1, config.height, config.width, 3]))

        checkpoints.restore(tf.train.Checkpoint(**both), path, True, create)

    def prepare(self, batch):
        super().prepare(batch)
        one = tf.zeros([1, *batch["x_a"].shape[2:]])
        images(self.student_ema, one, one, own=False)
        for network, average in zip(
            self._networks(self.student), self._networks(self.student_ema)
        ):
            copy_weights(network, average)

    def fakes(self, batch, draws):
        """(x_ba, x_ab) of the student."""
        del draws
        made = images(self.student, batch["x_a"], batch["x_b"], own=False)
        return made["ba"], made["ab"]

    def generator_losses(self, batch, draws):
        """See the base class. Both translate with z = mu: there is no noise. What only
        losses of weight 0 need is not computed."""
        w, x_a, x_b = self.config, batch["x_a"], batch["x_b"]
        own = w.recon_weight > 0
        wanted = images(self.teacher, x_a, x_b, own, clipped=True)
        wanted = {name: tf.stop_gradient(image) for name, image in wanted.items()}
        made = images(self.student, x_a, x_b, own)
        logs = {}
        if self.translation_weight > 0:
            logs["G/translation_a"] = losses.l1_loss(made["ba"], wanted["ba"])
            logs["G/translation_b"] = losses.l1_loss(made["ab"], wanted["ab"])
        if w.recon_weight > 0:
            logs["G/recon_a"] = losses.l1_loss(made["aa"], wanted["aa"])
            logs["G/recon_b"] = losses.l1_loss(made["bb"], wanted["bb"])
        if w.adv_weight > 0:
            logs.update(self.adversarial_logs((made["ba"], made["ab"]), draws))
        if self.perceptual:
            logs.update(self.perceptual_losses(made, wanted))

        def both(name):
            return logs.get(f"G/{name}_a", 0.0) + logs.get(f"G/{name}_b", 0.0)

        total = (
            self.translation_weight * both("translation")
            + w.recon_weight * both("recon")
            + w.adv_weight * both("adv")
            + w.style_weight * logs.get("G/style", 0.0)
            + w.content_weight * logs.get("G/content", 0.0)
        )
        return total, logs, (made["ba"], made["ab"])

    def perceptual_losses(self, made, wanted):
        """{"G/style", "G/content"}, those that have a weight, of the translations of
        both; a sum over the directions, as in stage 2."""
        wanted = self.features(tf.concat([wanted["ba"], wanted["ab"]], axis=0))
        made = self.features(tf.concat([made["ba"], made["ab"]], axis=0))
        return self.perceptual_logs(made, wanted, wanted)

    def averaged(self):
        return self._variables(self.student_ema), self._variables(self.student)

    def _networks(self, translator):
        """The networks of a Translator that are trained: F_d is where it has a use."""
        config, found = self.config, [translator.generator]
        if config.use_masks or (config.use_adain and config.style_code == "features"):
            found += [translator.feature_a, translator.feature_b]
        return found

    def _variables(self, translator):
        return [v for part in self._networks(translator) for v in part.variables]


def images(translator, x_a, x_b, own=True, clipped=False):
    """{"aa", "ab", "ba", "bb"}: contents of the first letter's domain with the style of
    the second one's images, [B, H, W, 3], float32, z = mu.

    Args:
      translator: a Translator, run operation by operation, so that gradients pass.
      x_a, x_b: [B, H, W, 3] in [-1, 1], H and W multiples of the stride.
      own: whether also "aa" and "bb".
      clipped: to [-1, 1], as what a Translator gives.
    """
    g, x = translator.generator, {"a": x_a, "b": x_b}
    h = tf.concat([g.encode(x[d], d) for d in DOMAINS], axis=0)
    contents = dict(zip(DOMAINS, tf.split(g.shared_generator(g.latent(h)[1]), 2)))
    features = {"a": translator.feature_a, "b": translator.feature_b}
    f = {d: features[d](x[d]) for d in DOMAINS}
    masks = {d: feature_mask(f[d]) if translator.use_masks else None for d in DOMAINS}
    made = {}
    for target in DOMAINS:
        sources = [d for d in DOMAINS if own or d != target]
        c = tf.concat([contents[d] for d in sources], axis=0)
        m = s = None
        if translator.use_masks:
            m = tf.concat([masks[d] for d in sources], axis=0)
        if translator.use_adain:
            style = g.style(x[target], features[target], target, f[target])
            s = tf.concat([style] * len(sources), axis=0)
        all_of = g.decode(c, m, s, target)
        all_of = tf.clip_by_value(all_of, -1.0, 1.0) if clipped else all_of
        names = [f"{d}{target}" for d in sources]
        made.update(zip(names, tf.split(all_of, len(names))))
    return made
