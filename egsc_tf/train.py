"""Trains both stages: `python -m egsc_tf.train --flagfile=NAME.flags --workdir=DIR`.

Stage 1 (feature masks) runs where DIR has none yet, then stage 2 (translation). Started
again on the same DIR, the run goes on where its last checkpoint left it. With TF_CONFIG
several processes train one run together (docs/cluster.md).
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import contextlib
import dataclasses
import hashlib
import os

import numpy as np
import tensorflow as tf
from absl import flags, logging
from tensorflow import keras

from egsc_tf import callbacks, report
from egsc_tf import config as config_lib
from egsc_tf.data import python_op
from egsc_tf.data.augmentation import finish
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import stream
from egsc_tf.distribute import strategies
from egsc_tf.distribute.workers import Workers
from egsc_tf.errors import OtherNetworks
from egsc_tf.feature_mask_trainer import FeatureMaskTrainer
from egsc_tf.health import Health
from egsc_tf.interruption import Interruption
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.translator import Translator
from egsc_tf.pictures.contact_sheet import contact_sheet
from egsc_tf.run import checkpoints, starts
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.run.lock import run_lock
from egsc_tf.runtime import devices
from egsc_tf.trainer import TranslationTrainer

FLAGS = flags.FLAGS
SAMPLES = 6


def train(config, workdir, strategy=None, override_run=False, tpu=""):
    """Trains both stages in `workdir`; returns the trained TranslationTrainer.

    Args:
      config: egsc_tf.config.Config.
      strategy: of tf.distribute; None: see `egsc_tf.distribute.strategies.choose`,
        and for tpu.
      override_run: go on with the run in `workdir` also where flags differ that make
        another run of it.

    Raises:
      UserError: for bad settings or data, naming the flag or path, and where another
        process trains in `workdir`.
      egsc_tf.divergence.Diverged: where a loss is not finite.
      egsc_tf.interruption.Interrupted: after SIGTERM or SIGINT, once the step is saved.
      egsc_tf.errors.LostWorker: where another worker is gone.
    """
    # Whatever can be wrong with the flags is found before the folder is written to.
    before = workdir_lib.check_flags(workdir, config, override_run)
    strategy = strategy or strategies.choose(config, tpu, config_lib.facts(config))
    workers = Workers(strategy)
    with workers.lost():
        xla = devices.set_up(config, strategy)
        source = open_source(config, "train")
        phi = None
        if config.style_weight > 0 or config.content_weight > 0:
            logging.info("perceptual network: %s", config.perceptual_network)
            with strategy.scope():
                phi = vgg.load(config.perceptual_network, config.mixed_precision)
        with contextlib.ExitStack() as stack:
            if workers.is_chief:
                workdir_lib.make(workdir)
                stack.enter_context(run_lock(workdir))
            newest = workdir_lib.newest_of_run(workdir)
            workers.require_same(lambda: _read(source, phi, newest))
            if workers.is_chief:
                config.save(workdir)
                starts.append(workdir, source, strategy.num_replicas_in_sync)
            stack.enter_context(devices.explaining(config))
            stack.enter_context(python_op.errors_as_raised())
            policy = keras.mixed_precision.global_policy()
            stack.callback(keras.mixed_precision.set_global_policy, policy)
            keras.mixed_precision.set_global_policy(config.mixed_precision)
            try:
                run = (source, config, workdir, workers, xla)
                trainer = _train(run, phi, before, newest)
            except OtherNetworks:  # of --override_run: the run stays what it was
                if workers.is_chief:
                    before.save(workdir)
                raise
            workers.finish()
        return trainer


def _read(source, phi, newest):
    """What this worker has read, for comparison with the others."""
    weights = hashlib.sha256()
    for array in phi.get_weights() if phi else ():
        weights.update(array.tobytes())
    facts = {
        "data set": source.fingerprint(),
        "perceptual network": weights.hexdigest(),
    }
    for stage, path in newest.items():
        facts[f"newest checkpoint of {stage}"] = path and checkpoints.fingerprint(path)
    return facts


def _train(run, phi, before, newest):
    """Both stages, once the folder is ours.

    run: (source, config, workdir, workers, whether XLA compiles); before: the Config of
    the last start; newest: {stage: path of its last checkpoint}.
    """
    stage = workdir_lib.TRANSLATION
    _, config, _, workers, xla = run
    with workers.strategy.scope():
        if newest[stage]:
            # Its checkpoint holds F_a and F_b: stage 1 is over.
            features = [Encoder(**config.network) for _ in range(2)]
        else:
            features = _train_feature_masks(run, before, newest)
        trainer = TranslationTrainer(config, *features, phi, xla)
    _train_stage(trainer, *run, stage, newest[stage], before.total_steps)
    return trainer


def _train_feature_masks(run, before, newest):
    """F_a and F_b; all else that stage 1 needs is freed on return."""
    _, config, *_, xla = run
    masks = FeatureMaskTrainer(config, xla)
    stage = workdir_lib.FEATURE_MASKS
    _train_stage(masks, *run, stage, newest[stage], before.mask_steps)
    return masks.autoencoder_a.encoder, masks.autoencoder_b.encoder


def _train_stage(
    trainer, source, config, workdir, workers, xla, stage, newest, total_before
):
    """Restores the stage's last checkpoint, if any, and trains what is left of it.

    newest: the path of that checkpoint, or None.
    total_before: how many steps the stage was to have at the last start.
    """
    total = trainer.total_steps
    batches = trainer.batches_per_step
    strategy = workers.strategy
    with strategy.scope():
        trainer.prepare(next(iter(stream(source, config, 0, batches))))
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
    if workers.is_chief:
        saving = callbacks.Checkpoints(saver, seconds, config.checkpoint_every, total)
        writing = [*_writers(trainer, source, config, workdir, stage), saving]
        save = saving.save
    interruption = Interruption(save, workers)
    feed = strategy.distribute_datasets_from_function(
        lambda part: stream(source, config, start, batches, part)
    )
    with interruption.listening():
        trainer.fit(
            feed,
            epochs=1,
            steps_per_epoch=total - start,
            verbose=0,
            callbacks=[
                callbacks.FirstStep(stage, xla),
                *writing,
                callbacks.Restart(config.log_every),
                interruption,
            ],
        )


def _nothing():
    """How workers save that are not the chief."""


def _writers(trainer, source, config, workdir, stage):
    """The callbacks that show how a stage goes, for the process that writes."""
    log_folder = os.path.join(workdir, "logs", stage)
    sample_folder = os.path.join(workdir, "samples")
    for folder in (log_folder, sample_folder):
        os.makedirs(folder, exist_ok=True)  # where it cannot be, that is said now
    draw, translations = _sampler(trainer, source, config)
    of_stage = ()
    if stage == workdir_lib.FEATURE_MASKS:
        of_stage = ("reconstructions of", "--mask_learning_rate")
    return [
        callbacks.Progress(stage, trainer.total_steps),
        callbacks.Scalars(log_folder, config.log_every),
        callbacks.Samples(draw, sample_folder, log_folder, stage, config.sample_every),
        Health(workdir, translations, config.sample_every, *of_stage),
    ]


def _sampler(trainer, source, config):
    """What the trainer makes of fixed training images, as two functions.

    Returns:
      () -> a picture; () -> {domain: [SAMPLES, H, W, 3]}, images that it made.
    """
    few = dataclasses.replace(config, batch_size=SAMPLES, content_view="same")
    batch = finish(next(iter(stream(source, few))))
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
            halves.append(contact_sheet(content, exemplars, columns))
        return np.concatenate(halves, axis=1)

    def translations():
        return {
            "b": translator.translate(x_a, x_b, "a2b"),
            "a": translator.translate(x_b, x_a, "b2a"),
        }

    return draw, translations


def main():
    trainer = train(
        config_lib.from_flags(),
        FLAGS.workdir,
        override_run=FLAGS.override_run,
        tpu=FLAGS.tpu,
    )
    if Workers(trainer.distribute_strategy).cluster is None:
        print(f"written: {report.write([FLAGS.workdir])}")
    else:  # the others leave now, and TensorFlow takes that for a failure
        print(f"next: python -m egsc_tf.report --workdir={FLAGS.workdir}")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.adopt_module_key_flags(config_lib)  # so that --help lists them
    flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
    flags.DEFINE_bool(
        "override_run",
        False,
        "Go on with the run in --workdir though flags differ that make it another run.",
    )
    flags.DEFINE_string(
        "tpu", "", "Train on a TPU: 'local' (of this host), or a Cloud TPU's name."
    )
    run(main)
