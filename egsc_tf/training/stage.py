"""One stage: restores its last checkpoint, if any, and trains what is left of it."""

import os
import time

import tensorflow as tf
from absl import logging

from egsc_tf.data.stream import stream
from egsc_tf.run import checkpoints
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.sign_of_life import Waiting
from egsc_tf.training import callbacks
from egsc_tf.training.health import Health
from egsc_tf.training.interruption import Interruption
from egsc_tf.training.samples import sampler

# How many times longer the step takes to be built than its networks to be prepared.
BUILDING = 5.0


def train_stage(
    trainer, source, config, workdir, workers, xla, more, stage, newest, total_before
):
    """Restores the stage's last checkpoint, if any, and trains what is left of it.

    more: callbacks of fit, for the process that writes.
    newest: the path of that checkpoint, or None.
    total_before: how many steps the stage was to have at the last start.
    """
    total = trainer.total_steps
    batches = trainer.batches_per_step
    strategy = workers.strategy
    with strategy.scope():
        batch = next(iter(stream(source, config, 0, batches)))
        began = time.monotonic()
        trainer.prepare(batch)
        preparing = time.monotonic() - began
        seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        checkpoint = tf.train.Checkpoint(seconds=seconds, **trainer.parts())
        if newest:
            checkpoints.restore(checkpoint, newest)
        trainer.compile()
    start = trainer.steps_done()
    writing, save = [], _nothing
    if workers.is_chief:
        saver = checkpoints.Saver(
            workdir_lib.folder(workdir, stage), checkpoint, config.keep_checkpoints
        )
        saver.tidy(start)
    if start >= total:
        logging.info("%s: done, %s (%s)", stage, counted(start, "step"), workdir)
        return
    logging.info(
        "%s: %s at step %d of %d, learning rate %.3g",
        stage,
        "resumed" if start else "starts",
        start,
        total,
        trainer.learning_rate(),
    )
    if start and total != total_before:
        logging.warning(
            "%s: %d steps instead of %d: the learning rate at step %d is now %.3g, it "
            "would have been %.3g",
            stage,
            total,
            total_before,
            start,
            trainer.learning_rate(),
            trainer.learning_rate(total_before),
        )
    if workers.is_chief:
        saving = callbacks.Checkpoints(saver, seconds, config.checkpoint_every, total)
        writing = [*_writers(trainer, source, config, workdir, stage), saving, *more]
        save = saving.save
    interruption = Interruption(save, workers)
    feed = strategy.distribute_datasets_from_function(
        lambda part: stream(source, config, start, batches, part)
    )
    waiting = Waiting(f"{stage}: building the step", _about(preparing, xla))
    with interruption.listening(), waiting:
        trainer.fit(
            feed,
            epochs=1,
            steps_per_epoch=total - start,
            verbose=0,
            callbacks=[
                callbacks.FirstStep(waiting),
                *writing,
                callbacks.Restart(config.log_every),
                interruption,
            ],
        )


def _about(preparing, xla):
    """How long the step takes to be built, in words.

    preparing: seconds that the trainer's `prepare` took on this machine, which runs the
    same networks once.
    """
    if xla:
        return "with XLA, which can take minutes"
    seconds = BUILDING * preparing
    if seconds < 55.0:
        return f"about {max(10, 10 * round(seconds / 10))} s"
    minutes = round(seconds / 60.0)
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def _nothing():
    """How workers save that are not the chief."""


def _writers(trainer, source, config, workdir, stage):
    """The callbacks that show how a stage goes, for the process that writes."""
    log_folder = os.path.join(workdir, "logs", stage)
    sample_folder = os.path.join(workdir, "samples")
    for folder in (log_folder, sample_folder):
        os.makedirs(folder, exist_ok=True)  # where it cannot be, that is said now
    taken = sampler(trainer, source, config)
    of_stage = ()
    if stage == workdir_lib.FEATURE_MASKS:
        of_stage = ("reconstructions of", "--mask_learning_rate")
    return [
        callbacks.Progress(stage, trainer.total_steps),
        callbacks.Scalars(log_folder, config.log_every),
        callbacks.Samples(taken, sample_folder, log_folder, stage, config.sample_every),
        Health(workdir, lambda: taken.take().made, config.sample_every, *of_stage),
    ]
