"""What happens between the steps: bar, logs, samples, checkpoints.

Keras counts the batches of this process from 0; the trainer's own `step` counts the
steps of the run, resumed or not. Callbacks use the latter.
"""

import os
import time

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.runtime.keras import keras
from egsc_tf.training import curves, samples


class FirstStep(keras.callbacks.Callback):
    """Ends the waiting for the step to be built, see `egsc_tf.runtime.sign_of_life`."""

    def __init__(self, waiting):
        super().__init__()
        self.waiting = waiting

    def on_train_batch_end(self, batch, logs=None):
        self.waiting.done()


class Progress(keras.callbacks.Callback):
    """A bar with the steps of the run, the time left, and the two totals; from the
    first step on, before which there is nothing to count."""

    def __init__(self, label, total_steps):
        super().__init__()
        self.label, self.total_steps = label, total_steps
        self.bar = None

    def on_train_batch_end(self, batch, logs=None):
        totals = {k: f"{logs[k]:.3g}" for k in ("D/total", "G/total")}
        if self.bar is None:
            self.bar = tqdm(
                total=self.total_steps,
                initial=self.model.steps_done(),
                desc=self.label,
                unit="step",
                mininterval=1.0,
                postfix=totals,
            )
            return
        self.bar.set_postfix(totals, refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()


class Scalars(keras.callbacks.Callback):
    """TensorBoard scalars: the means of the losses since `Restart`, and lr.

    What is not finite is left out: only the gradients of mixed_float16 can be that, by
    whose overflow the loss scale is found. It is said once.
    """

    def __init__(self, folder, every):
        super().__init__()
        self.folder, self.every = folder, every
        self.described = set()
        self.told = False

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(self.folder)

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        if step % self.every:
            return
        values = {**logs, "learning_rate": self.model.learning_rate()}
        finite = {name: x for name, x in values.items() if np.isfinite(x)}
        with self.writer.as_default(step=step):
            write_scalars(finite, self.described)
        self.writer.flush()  # for whoever looks on
        if len(finite) < len(values) and not self.told:
            self.told = True
            logging.info("step %d: %s", step, curves.LOSS_SCALE)

    def on_train_end(self, logs=None):
        self.writer.close()


def write_scalars(values, described):
    """Writes {name: number} with the default writer.

    described: the names that have been given their meaning, which this adds to: one
    description a name is enough for TensorBoard.
    """
    for name, value in values.items():
        text = None
        if name not in described:
            described.add(name)
            text = curves.of_group(curves.split(name)[0]).meaning
        tf.summary.scalar(name, value, description=text)


class Restart(keras.callbacks.Callback):
    """Starts the means of the losses anew every `every` steps, in every worker: each
    has its part of them."""

    def __init__(self, every):
        super().__init__()
        self.every = every

    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps_done() % self.every == 0:
            self.model.reset_metrics()


class Samples(keras.callbacks.Callback):
    """A grid every `every` steps, as PNG and in TensorBoard with its caption; what is
    measured on it, as curves and as a line of the log.

    Args:
      sampler: see `egsc_tf.training.samples`.
      folder: of the PNG files; log_folder: of TensorBoard.
      label: how the files' names begin.
    """

    def __init__(self, sampler, folder, log_folder, label, every):
        super().__init__()
        self.sampler, self.folder, self.every = sampler, folder, every
        self.label, self.described = label, set()
        self.writer = tf.summary.create_file_writer(log_folder)

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        if step % self.every == 0:
            sample = self.sampler.take()
            name = f"{self.label}_{step:07d}.png"
            images.write_png(os.path.join(self.folder, name), sample.picture)
            with self.writer.as_default(step=step):
                tf.summary.image(
                    self.label,
                    images.to_uint8(sample.picture)[None],
                    description=self.sampler.caption,
                )
                write_scalars(sample.numbers, self.described)
            self.writer.flush()
            said = samples.in_words(sample.numbers)
            logging.info("%s: step %d: %s", self.label, step, said)

    def on_train_end(self, logs=None):
        self.writer.close()


class Page(keras.callbacks.Callback):
    """Calls `write` behind the first step that ends `minutes` after the last call.

    The page is for those who look on: where it cannot be written the run goes on, and
    the reason is logged.
    """

    def __init__(self, write, minutes):
        super().__init__()
        self.write, self.seconds = write, 60.0 * minutes
        self.last = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() - self.last < self.seconds:
            return
        try:
            self.write()
        except (OSError, UserError, tf.errors.OpError) as error:
            logging.warning("the report could not be written: %s", error)
        self.last = time.monotonic()


class Checkpoints(keras.callbacks.Callback):
    """Saves every `every` steps and at the end; keeps count of the seconds trained.

    Args:
      saver: egsc_tf.run.checkpoints.Saver.
      seconds: tf.Variable.
    """

    def __init__(self, saver, seconds, every, total_steps):
        super().__init__()
        self.saver, self.seconds, self.every = saver, seconds, every
        self.total_steps = total_steps
        self.saved = None

    def on_train_begin(self, logs=None):
        self.last = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        if step % self.every == 0 or step == self.total_steps:
            self.save()

    def save(self):
        """Saves this step, if it has not been saved yet."""
        step = self.model.steps_done()
        if step == self.saved:
            return
        now = time.monotonic()
        self.seconds.assign_add(now - self.last)
        self.last = now
        self.saver.save(step)
        self.saved = step
