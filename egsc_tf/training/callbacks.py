"""What happens between the steps: bar, logs, samples, checkpoints.

Keras counts the batches of this process from 0; the trainer's own `step` counts the
steps of the run, resumed or not. Callbacks use the latter.
"""

import os
import time

import tensorflow as tf
from absl import logging
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.runtime.keras import keras


class FirstStep(keras.callbacks.Callback):
    """Tells why nothing moves before the first step, and how long that took."""

    def __init__(self, stage, xla):
        super().__init__()
        self.stage = stage
        self.work = "tracing the step"
        if xla:
            self.work += " and compiling it with XLA, which can take minutes"

    def on_train_begin(self, logs=None):
        logging.info("%s: %s ...", self.stage, self.work)
        self.began = time.monotonic()

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            seconds = time.monotonic() - self.began
            logging.info("%s: first step done after %.0f s", self.stage, seconds)


class Progress(keras.callbacks.Callback):
    """A bar with the steps of the run, the time left, and the two totals."""

    def __init__(self, label, total_steps):
        super().__init__()
        self.label, self.total_steps = label, total_steps

    def on_train_begin(self, logs=None):
        self.bar = tqdm(
            total=self.total_steps,
            initial=self.model.steps_done(),
            desc=self.label,
            unit="step",
            mininterval=1.0,
        )

    def on_train_batch_end(self, batch, logs=None):
        self.bar.set_postfix(
            {k: f"{logs[k]:.3g}" for k in ("D/total", "G/total")}, refresh=False
        )
        self.bar.update()

    def on_train_end(self, logs=None):
        self.bar.close()


class Scalars(keras.callbacks.Callback):
    """TensorBoard scalars: the means of the losses since `Restart`, and lr."""

    def __init__(self, folder, every):
        super().__init__()
        self.folder, self.every = folder, every

    def on_train_begin(self, logs=None):
        self.writer = tf.summary.create_file_writer(self.folder)

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        if step % self.every:
            return
        with self.writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            tf.summary.scalar("learning_rate", self.model.learning_rate())

    def on_train_end(self, logs=None):
        self.writer.close()


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
    """A grid every `every` steps, as PNG and in TensorBoard.

    Args:
      draw: () -> [H, W, 3] in [-1, 1].
      folder: of the PNG files; log_folder: of TensorBoard.
      label: how the files' names begin.
    """

    def __init__(self, draw, folder, log_folder, label, every):
        super().__init__()
        self.draw, self.folder, self.label, self.every = draw, folder, label, every
        self.writer = tf.summary.create_file_writer(log_folder)

    def on_train_batch_end(self, batch, logs=None):
        step = self.model.steps_done()
        if step % self.every == 0:
            grid = self.draw()
            name = f"{self.label}_{step:07d}.png"
            images.write_png(os.path.join(self.folder, name), grid)
            with self.writer.as_default(step=step):
                tf.summary.image(self.label, images.to_uint8(grid)[None])

    def on_train_end(self, logs=None):
        self.writer.close()


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
