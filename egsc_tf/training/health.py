"""Warns of a run that trains without learning: D has won, or G has collapsed.

Warnings go to the log and, with their step, to WORKDIR/warnings.txt.
"""

import os

import numpy as np
from absl import logging

from egsc_tf.runtime.keras import keras

NAME = "warnings.txt"
# Least squares: D's loss is 0.25 where it cannot tell real from fake, and 0 where it
# always can; then it has little to teach.
D_HAS_WON = 0.01
D_STEPS = 500
# Standard deviation over images in [-1, 1], a mean over pixels; digits and faces have
# 0.3 and more.
COLLAPSED = 0.02


class Health(keras.callbacks.Callback):
    """The two warnings, each given once a domain.

    Args:
      workdir: of the run.
      translations: () -> {"b": [N, H, W, 3], ...}: what the generator makes, in the
        domain of the name, of N different sources with exemplars of their own.
      every: steps between two looks at the translations.
      made, rate: what they are called, and the flag of the learning rate.
    """

    def __init__(
        self,
        workdir,
        translations,
        every,
        made="translations into",
        rate="--learning_rate",
    ):
        super().__init__()
        self.made, self.rate = made, rate
        self.path = os.path.join(workdir, NAME)
        self.translations, self.every = translations, every
        self.low_since, self.given = {}, set()

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        for domain in "ab":
            if logs[f"D/{domain}"] >= D_HAS_WON:
                self.low_since.pop(domain, None)
            elif step - self.low_since.setdefault(domain, step) >= D_STEPS:
                self._warn(
                    ("discriminator", domain),
                    f"D/{domain} has been below {D_HAS_WON} for {D_STEPS} steps: the "
                    f"discriminator of domain {domain} has won. Try "
                    f"{self.model.discriminator_advice}",
                )
        if step % self.every == 0:
            for domain, images in self.translations().items():
                spread = float(np.std(images, axis=0).mean())
                if spread < COLLAPSED:
                    self._warn(
                        ("generator", domain),
                        f"{len(images)} {self.made} domain {domain} are all alike "
                        f"(standard deviation {spread:.4f} of [-1, 1]): the generator "
                        f"has collapsed. Try a lower {self.rate} or --adv_weight",
                    )

    def _warn(self, subject, message):
        if subject in self.given:
            return
        self.given.add(subject)
        step = self.model.steps_done()
        logging.warning("step %d: %s", step, message)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"step {step}: {message}\n")
