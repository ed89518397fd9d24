"""The folder of a run that has not been trained: enough to translate and export."""

import os
from typing import Union

import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.models.translator import Translator
from egsc_tf.run import checkpoints
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.keras import keras


def write(folder: Union[str, "os.PathLike[str]"], config: Config) -> str:
    """Writes `folder` with weights as --seed draws them; returns its path."""
    keras.utils.set_random_seed(config.seed)
    translator = Translator.from_config(config)
    translator.create_variables()
    folder = os.fspath(folder)
    config.save(folder)
    checkpoint = tf.train.Checkpoint(
        generator_ema=translator.generator,
        feature_a=translator.feature_a,
        feature_b=translator.feature_b,
    )
    place = workdir_lib.folder(folder, workdir_lib.TRANSLATION)
    checkpoints.Saver(place, checkpoint, keep=1).save(0)
    return folder
