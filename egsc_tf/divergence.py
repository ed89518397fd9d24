"""NaN or infinity in a loss, a gradient or the data: stop before a weight is touched.

The check is an operation of the step itself, so that the update which would spoil the
weights does not run. XLA leaves such operations out; there `StopOnNaN` stops behind the
step, and what is not saved is lost all the same.
"""

import math
import re

import numpy as np
import tensorflow as tf
from tensorflow import keras

from egsc_tf.errors import Diverged

MARK = "egsc_tf: not finite:"


def not_finite(values):
    """[N] float32: 1 for each of {name: float tensor} that is not all finite."""
    finite = [tf.reduce_all(tf.math.is_finite(value)) for value in values.values()]
    return 1.0 - tf.cast(tf.stack(finite), tf.float32)


def require_finite(names, bad, step):
    """A context: what is built in it runs only where no value is bad.

    Args:
      names: N of them; bad: [N], above 0 where the value of the name is not finite on
        any replica: all of them stop together, and for one reason.
      step: scalar, named in the error.
    """
    named = tf.strings.reduce_join(tf.boolean_mask(names, bad > 0.0), separator=", ")
    return tf.control_dependencies(
        [tf.debugging.Assert(tf.reduce_all(bad <= 0.0), [MARK, step, named])]
    )


def explained(error, trainer):
    """Diverged, where an error of a step came from `require_finite`; else the error.

    Args:
      error: tf.errors.OpError; trainer: AdversarialTrainer.
    """
    match = re.search(rf"\[{re.escape(MARK)}\] \[(\d+)\] \[(.*?)\]", error.message)
    if not match:
        return error
    weights = [
        variable.name
        for variable in trainer.g_variables + trainer.d_variables
        if not np.isfinite(tf.convert_to_tensor(variable)).all()
    ]
    return Diverged(_message(match.group(1), match.group(2), weights))


class StopOnNaN(keras.callbacks.Callback):
    """Raises Diverged behind a step whose losses are not all finite: for XLA."""

    def on_train_batch_end(self, batch, logs=None):
        bad = [
            name
            for name, value in logs.items()
            if not math.isfinite(value) and not name.endswith("/gradient_norm")
        ]
        if bad:
            raise Diverged(_message(self.model.steps_done(), ", ".join(bad), []))


def _message(step, names, weights):
    spoilt = ""
    if weights:
        spoilt = (
            f" {len(weights)} weights were not finite before, {weights[0]} among them."
        )
    return (
        f"step {step}: {names} not finite.{spoilt} Checkpoints of earlier steps, if "
        "any, are kept. Try a new --workdir with a lower --learning_rate (of stage 1: "
        "--mask_learning_rate) or with --clip_norm=50; look for broken images where a "
        "name begins with x_."
    )
