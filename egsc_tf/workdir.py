"""The folder of a run.

WORKDIR/
  run.flags                 the flags of the run: a flagfile
  feature_masks/ckpt-N...   checkpoints of stage 1
  translation/ckpt-N...     checkpoints of stage 2, with F_a and F_b in them
  logs/STAGE/               TensorBoard
  samples/STAGE_STEP.png    what the run made of fixed images on the way
  results.json, grid_*.png  what egsc_tf.evaluate found
"""

import dataclasses
import os

import tensorflow as tf

from egsc_tf import config as config_lib
from egsc_tf.errors import UserError

FEATURE_MASKS = "feature_masks"
TRANSLATION = "translation"


def make(workdir):
    """Creates the folder of a run. Raises UserError where that cannot be."""
    try:
        os.makedirs(workdir, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--workdir={workdir}: expected a folder that can be written: "
            f"{error.strerror}"
        ) from error


def claim(workdir, config):
    """Creates WORKDIR with the flags of a run, or checks that they are the same run's.

    Raises:
      UserError: where WORKDIR holds a run with other flags, naming them. Only the
        lengths of the stages and the book-keeping may change.
    """
    if os.path.isfile(os.path.join(workdir, config_lib.RUN_FLAGS)):
        old = config_lib.load(workdir)
        changed = [
            f"--{field.name} was {getattr(old, field.name)!r}, is now "
            f"{getattr(config, field.name)!r}"
            for field in dataclasses.fields(config)
            if not field.metadata["may_change"]
            and getattr(old, field.name) != getattr(config, field.name)
        ]
        if changed:
            raise UserError(
                f"--workdir={workdir}: expected the flags of the run that it holds; "
                f"{'; '.join(changed)}. Use another --workdir for another run."
            )
    make(workdir)
    config.save(workdir)


def manager(workdir, stage, checkpoint, keep):
    """The CheckpointManager of a stage."""
    return tf.train.CheckpointManager(
        checkpoint, os.path.join(workdir, stage), max_to_keep=keep
    )


def latest(workdir, stage):
    """The newest checkpoint's path of a stage, or None."""
    return tf.train.latest_checkpoint(os.path.join(workdir, stage))


def latest_step(workdir, stage):
    """The step of the newest checkpoint of a stage; 0 where there is none."""
    path = latest(workdir, stage)
    return int(path.rsplit("-", 1)[1]) if path else 0


def seconds(workdir):
    """Wall-clock seconds that the stages of a run have trained."""
    name = "seconds/.ATTRIBUTES/VARIABLE_VALUE"
    paths = [latest(workdir, stage) for stage in (FEATURE_MASKS, TRANSLATION)]
    return float(sum(tf.train.load_variable(path, name) for path in paths if path))
