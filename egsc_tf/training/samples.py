"""What a trainer makes of fixed training images, to be looked at on the way."""

import dataclasses

import numpy as np

from egsc_tf.data.augmentation import finish
from egsc_tf.data.stream import stream
from egsc_tf.models.translator import Translator
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.training.feature_masks import FeatureMaskTrainer

SAMPLES = 6


def sampler(trainer, source, config):
    """What the trainer makes of fixed training images, as two functions.

    Returns:
      () -> a picture; () -> {domain: [SAMPLES, H, W, 3]}, images that it made.
    """
    few = dataclasses.replace(config, batch_size=SAMPLES, content_view="same")
    batch = finish(next(iter(stream(source, few))))
    x_a, x_b = batch["x_a"][:, 0], batch["x_b"][:, 0]

    if isinstance(trainer, FeatureMaskTrainer):

        def made():
            return {"a": trainer.autoencoder_a(x_a), "b": trainer.autoencoder_b(x_b)}

        def draw():
            x = made()
            rows = [x_a, x["a"], x_b, x["b"]]
            return np.concatenate([np.concatenate(list(r), axis=1) for r in rows])

        return draw, made

    translator = Translator.of_trainer(trainer)

    def draw():
        halves = []
        for content, exemplars, direction in ((x_a, x_b, "a2b"), (x_b, x_a, "b2a")):
            columns = [
                translator.translate(content, exemplars[k : k + 1], direction)
                for k in range(SAMPLES)
            ]
            halves.append(contact_sheet(content, exemplars, columns))
        return np.concatenate(halves, axis=1)

    def translations():
        return {
            "b": translator.translate(x_a, x_b, "a2b"),
            "a": translator.translate(x_b, x_a, "b2a"),
        }

    return draw, translations
