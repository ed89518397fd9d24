"""Tiny trainers, and batches for them."""

import dataclasses

import tensorflow as tf

from egsc_tf.config import Config
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import stream
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.runtime.keras import keras
from egsc_tf.training import run
from egsc_tf.training.feature_masks import FeatureMaskTrainer
from egsc_tf.training.translation import TranslationTrainer

TINY = Config(
    height=12,
    width=12,
    n_encoder=1,
    n_res=1,
    n_dis=2,
    ngf=4,
    ndf=4,
    batch_size=4,
    g_update=2,
    mask_steps=2,
    total_steps=4,
    learning_rate=1e-3,
    mask_learning_rate=1e-3,
    clip_norm=50.0,
    style_loss="statistics",
    style_weight=10.0,
    perceptual_network="embedded",
    log_every=1,
    sample_every=2,
    checkpoint_every=2,
)


RUN = dataclasses.replace(TINY, g_update=1)


# Where only data, files and steps matter: the losses that cost least, without cycle and
# perceptual network. Twins, which a resumed run must not make alike again.
SHORT = dataclasses.replace(
    RUN,
    sample_every=100,
    twin_start=True,
    mask_steps=1,
    cycle_weight=0.0,
    cycle_kl_weight=0.0,
    style_weight=0.0,
    content_weight=0.0,
)


def train_eagerly(config, folder):
    """run.train whose steps are run, not traced: a third of the time, where only files,
    order and signals matter. The steps' numbers are tested traced elsewhere."""
    tf.config.run_functions_eagerly(True)
    try:
        return run.train(config, folder)
    finally:
        tf.config.run_functions_eagerly(False)


def make_trainer(stage, config, xla=False):
    keras.utils.set_random_seed(0)
    if stage == 1:
        return FeatureMaskTrainer(config, xla)
    features = [Encoder(**config.network) for _ in range(2)]
    phi = vgg.load(config.perceptual_network, config.mixed_precision)
    return TranslationTrainer(config, *features, phi, xla)


def prepared(stage, config, batch, xla=False):
    """A trainer whose weights are drawn already: the same at each call."""
    trainer = make_trainer(stage, config, xla)
    trainer.prepare(batch)
    return trainer


def batches(config, g_update, count):
    source = open_source(config, "train")
    return list(stream(source, config, 0, 1 + g_update).take(count))


def weights(trainer):
    return [v.numpy() for v in trainer.g_variables + trainer.d_variables]
