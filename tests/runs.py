"""Folders of runs for tests, without training."""

import os

import tensorflow as tf

from egsc_tf import checkpoints
from egsc_tf import workdir as workdir_lib
from egsc_tf.config import Config
from egsc_tf.models.translator import Translator

TINY = {"ngf": 4, "n_encoder": 2, "height": 16, "width": 16, "batch_size": 2}


def untrained(folder, **flags):
    """Writes the folder of a run as it is at step 0 of stage 2; returns its path."""
    config = Config(**{**TINY, "perceptual_network": "embedded", **flags})
    tf.keras.utils.set_random_seed(3)
    translator = Translator.from_config(config)
    example = tf.zeros([1, config.height, config.width, 3])
    for direction in ("a2b", "b2a"):
        translator.translate(example, example, direction)
    config.save(str(folder))
    checkpoint = tf.train.Checkpoint(
        generator_ema=translator.generator,
        feature_a=translator.feature_a,
        feature_b=translator.feature_b,
    )
    place = workdir_lib.folder(str(folder), workdir_lib.TRANSLATION)
    checkpoints.Saver(place, checkpoint, keep=1).save(0)
    return os.fspath(folder)
