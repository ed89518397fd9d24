"""From a run's folder to the Translator that it trained."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Union

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import UserError
from egsc_tf.models.translator import Translator
from egsc_tf.run import checkpoints
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime import paths


def checkpoint_of(workdir: str) -> str:
    """The path of a run's newest sound checkpoint of the translation stage.

    Raises:
      UserError: where there is none.
    """
    path = workdir_lib.newest_checkpoint(workdir, workdir_lib.TRANSLATION)
    if path is None:
        raise UserError(
            f"{os.path.join(workdir, workdir_lib.TRANSLATION)}: expected a checkpoint "
            "of the translation stage, found none; has egsc_tf.train got that far?"
        )
    return path


def load(
    workdir: Union[str, "os.PathLike[str]"],
    deterministic: bool = False,
    directions: Sequence[str] = DIRECTIONS,
) -> Translator:
    """The Translator of a run, with the moving average of its weights.

        model = egsc_tf.load("runs/demo")
        images = model.translate(content, exemplar, direction="a2b")

    Args:
      workdir: the --workdir of egsc_tf.train.
      deterministic: z = mu also where the run has --test_noise; exports are.
      directions: "a2b", "b2a" or both: one takes half of the memory of the weights.
        The other one's weights are read where it is asked for after all.

    Returns:
      egsc_tf.models.translator.Translator; its `steps` is how long it was trained, its
      `path` the checkpoint that it was read from.

    Raises:
      egsc_tf.errors.UserError: where the folder holds no run or no checkpoint of the
        translation stage, or only broken ones.
    """
    workdir = paths.expand(os.fspath(workdir), f"workdir={workdir}")
    config = config_lib.load(workdir)
    if deterministic:
        config = dataclasses.replace(config, test_noise=False)
    translator = read(config, checkpoint_of(workdir), directions)
    # A run that trains meanwhile has newer ones soon.
    logging.info(
        "weights of step %d of %d: %s",
        translator.steps,
        config.total_steps,
        translator.path,
    )
    return translator


def read(
    config: Config, path: str, directions: Sequence[str] = DIRECTIONS
) -> Translator:
    """The Translator of a checkpoint, see `load`.

    Args:
      config: of its run.
      path: as of `checkpoint_of`.
      directions: as of `load`.

    Raises:
      egsc_tf.errors.OtherNetworks: where it is gone, or of another Config.
    """
    translator = Translator.from_config(config)
    checkpoint = tf.train.Checkpoint(
        generator_ema=translator.generator,
        feature_a=translator.feature_a,
        feature_b=translator.feature_b,
    )
    # The checkpoint also holds what only training needs; all of *ours* must be in it.
    checkpoints.restore(
        checkpoint,
        path,
        partial=True,
        create=lambda: translator.create_variables(directions),
    )
    translator.steps, translator.path = checkpoints.step_of(path), path
    return translator
