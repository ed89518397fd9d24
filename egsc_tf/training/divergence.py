"""NaN or infinity in a loss, a gradient or the data: stop before a weight is touched.

The step itself checks. It notes what is not finite as numbers, since XLA knows no
strings, and applies an update only where nothing has been noted. The step's counter
stands still then; the host, which reads it after each step, finds the names.
"""

import numpy as np
import tensorflow as tf

from egsc_tf.errors import Diverged
from egsc_tf.runtime.keras import keras


def not_finite(values):
    """[N] float32: 1 for each of {name: float tensor} that is not all finite."""
    finite = [tf.reduce_all(tf.math.is_finite(value)) for value in values.values()]
    return 1.0 - tf.cast(tf.stack(finite), tf.float32)


class Checked:
    """Which of the values of one kind of update were not finite.

    Args:
      names: N of them.

    Attributes:
      noted: variable [N] float32, each replica's own, and equal on all: above 0 where
        the value of the name was not finite.
    """

    def __init__(self, names):
        self.names = names
        self.noted = tf.Variable(tf.zeros([len(names)]), trainable=False)

    def all_finite(self):
        """A bool tensor: whether nothing has been noted."""
        return tf.reduce_all(self.noted <= 0.0)

    def note(self, bad, where):
        """Notes bad [N] where `where`, a bool tensor, is true."""
        self.noted.assign(tf.where(where, bad, self.noted))

    def found(self):
        """The names noted, for the host."""
        noted = tf.convert_to_tensor(self.noted).numpy()
        return [name for name, bad in zip(self.names, noted) if bad > 0.0]


class StopOnNaN(keras.callbacks.Callback):
    """Raises Diverged behind a step that found a value which is not finite."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = self.model.steps_done()

    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps_done() - self.start < batch + 1:
            raise diverged(self.model)


def diverged(trainer):
    """The Diverged of a trainer whose step stands still."""
    names = [name for checked in trainer.checked.values() for name in checked.found()]
    weights = [
        variable.name
        for variable in trainer.g_variables + trainer.d_variables
        if not np.isfinite(tf.convert_to_tensor(variable)).all()
    ]
    spoilt = ""
    if weights:
        spoilt = (
            f" {len(weights)} weights were not finite before, {weights[0]} among them."
        )
    return Diverged(
        f"step {trainer.steps_done() + 1}: {', '.join(names)} not finite.{spoilt} "
        "Checkpoints of earlier steps, if any, are kept. Try a new --workdir with a "
        "lower --learning_rate (of stage 1: --mask_learning_rate) or with "
        "--clip_norm=50; look for broken images where a name begins with x_."
    )
