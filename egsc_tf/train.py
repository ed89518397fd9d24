"""Trains both stages: `python -m egsc_tf.train --flagfile=NAME.flags --workdir=DIR`.

Stage 1 (feature masks) runs where DIR has none yet, then stage 2 (translation). Started
again on the same DIR, the run goes on where its last checkpoint left it.
"""

from egsc_tf.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os

import numpy as np
import tensorflow as tf
from absl import flags, logging
from tensorflow import keras

from egsc_tf import callbacks, checkpoints, divergence, report, starts
from egsc_tf import config as config_lib
from egsc_tf import workdir as workdir_lib
from egsc_tf.data import python_op
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import stream
from egsc_tf.errors import UserError
from egsc_tf.feature_mask_trainer import FeatureMaskTrainer
from egsc_tf.health import Health
from egsc_tf.interruption import Interruption
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.translator import Translator
from egsc_tf.run_lock import run_lock
from egsc_tf.trainer import TranslationTrainer

FLAGS = flags.FLAGS
SAMPLES = 6


def choose_strategy(config):
    """MirroredStrategy over all GPUs, or one device.

    Raises:
      UserError: where the global batch does not divide by the number of replicas.
    """
    gpus = tf.config.list_logical_devices("GPU")
    strategy = (
        tf.distribute.MirroredStrategy() if gpus else tf.distribute.get_strategy()
    )
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise UserError(
            f"--batch_size: expected a multiple of the {replicas} replicas, found "
            f"{config.batch_size}"
        )
    return strategy


def uses_xla(config):
    """Whether the step is compiled with XLA."""
    if config.jit_compile == "auto":
        return bool(tf.config.list_logical_devices("GPU"))
    return config.jit_compile == "on"


def train(config, workdir, strategy=None, override_run=False):
    """Trains both stages in `workdir`; returns the trained TranslationTrainer.

    Args:
      config: egsc_tf.config.Config.
      strategy: of tf.distribute; None: all GPUs, or one device.
      override_run: go on with the run in `workdir` also where flags differ that make
        another run of it.

    Raises:
      UserError: for bad settings or data, naming the flag or path, and where another
        process trains in `workdir`.
      egsc_tf.divergence.Diverged: where a loss is not finite.
      egsc_tf.interruption.Interrupted: after SIGTERM or SIGINT, once the step is saved.
    """
    # Whatever can be wrong with the flags is found before the folder is written to.
    before = workdir_lib.check_flags(workdir, config, override_run)
    source = open_source(config, "train")
    strategy = strategy or choose_strategy(config)
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    phi = None
    if config.style_weight > 0 or config.content_weight > 0:
        logging.info("perceptual network: %s", config.perceptual_network)
        with strategy.scope():
            phi = vgg.load(config.perceptual_network)
    workdir_lib.make(workdir)
    with run_lock(workdir):
        config.save(workdir)
        starts.append(workdir, source, strategy.num_replicas_in_sync)
        with python_op.errors_as_raised():
            return _train(config, workdir, strategy, source, phi, before)


def _train(config, workdir, strategy, source, phi, before):
    """Both stages, once the folder is ours; before: the Config of the last start."""
    keras.mixed_precision.set_global_policy(config.mixed_precision)

    stage = workdir_lib.TRANSLATION
    newest = workdir_lib.newest_checkpoint(workdir, stage)
    with strategy.scope():
        if newest:
            # Its checkpoint holds F_a and F_b: stage 1 is over.
            features = [Encoder(**config.network) for _ in range(2)]
        else:
            features = _train_feature_masks(source, config, workdir, strategy, before)
        trainer = TranslationTrainer(config, *features, phi)
    total = before.total_steps
    _train_stage(trainer, source, config, workdir, stage, newest, strategy, total)
    return trainer


def _train_feature_masks(source, config, workdir, strategy, before):
    """F_a and F_b; all else that stage 1 needs is freed on return."""
    masks = FeatureMaskTrainer(config)
    stage = workdir_lib.FEATURE_MASKS
    newest = workdir_lib.newest_checkpoint(workdir, stage)
    total = before.mask_steps
    _train_stage(masks, source, config, workdir, stage, newest, strategy, total)
    return masks.autoencoder_a.encoder, masks.autoencoder_b.encoder


def _train_stage(
    trainer, source, config, workdir, stage, newest, strategy, total_before
):
    """Restores the stage's last checkpoint, if any, and trains what is left of it.

    newest: the path of that checkpoint, or None.
    total_before: how many steps the stage was to have at the last start.
    """
    total = trainer.total_steps
    batches = trainer.batches_per_step
    with strategy.scope():
        trainer.prepare(next(iter(stream(source, config, 0, batches))))
        seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        checkpoint = tf.train.Checkpoint(seconds=seconds, **trainer.parts())
        if newest:
            checkpoints.restore(checkpoint, newest)
        saver = checkpoints.Saver(
            workdir_lib.folder(workdir, stage), checkpoint, config.keep_checkpoints
        )
        saver.tidy()
        trainer.compile(jit_compile=uses_xla(config))
    start = trainer.steps_done()
    if start >= total:
        logging.info("%s: done, %d steps (%s)", stage, start, workdir)
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
    log_folder = os.path.join(workdir, "logs", stage)
    sample_folder = os.path.join(workdir, "samples")
    for folder in (log_folder, sample_folder):
        os.makedirs(folder, exist_ok=True)  # where it cannot be, that is said now
    draw, translations = _sampler(trainer, source, config)
    saving = callbacks.Checkpoints(saver, seconds, config.checkpoint_every, total)
    interruption = Interruption(saving.save)
    try:
        with interruption.listening():
            trainer.fit(
                stream(source, config, start, batches),
                epochs=1,
                steps_per_epoch=total - start,
                verbose=0,
                callbacks=[
                    divergence.StopOnNaN(),
                    callbacks.Progress(stage, total),
                    callbacks.Scalars(log_folder, config.log_every),
                    callbacks.Samples(
                        draw,
                        sample_folder,
                        log_folder,
                        stage,
                        config.sample_every,
                    ),
                    Health(workdir, translations, config.sample_every),
                    saving,
                    interruption,
                ],
            )
    except tf.errors.OpError as error:
        # Not saved: where the next batch cannot be read, what needs none of it, as the
        # counter of the steps, may have gone on already.
        raise divergence.explained(error, trainer) from error


def _sampler(trainer, source, config):
    """What the trainer makes of fixed training images, as two functions.

    Returns:
      () -> a picture; () -> {domain: [SAMPLES, H, W, 3]}, images that it made.
    """
    few = dataclasses.replace(config, batch_size=SAMPLES, content_view="same")
    batch = next(iter(stream(source, few)))
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
            halves.append(callbacks.contact_sheet(content, exemplars, columns))
        return np.concatenate(halves, axis=1)

    def translations():
        return {
            "b": translator.translate(x_a, x_b, "a2b"),
            "a": translator.translate(x_b, x_a, "b2a"),
        }

    return draw, translations


def main():
    train(config_lib.from_flags(), FLAGS.workdir, override_run=FLAGS.override_run)
    print(f"written: {report.write([FLAGS.workdir])}")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.adopt_module_key_flags(config_lib)  # so that --help lists them
    flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
    flags.DEFINE_bool(
        "override_run",
        False,
        "Go on with the run in --workdir though flags differ that make it another run.",
    )
    run(main)
