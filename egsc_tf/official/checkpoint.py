"""From the files of the authors' tf.train.Saver to a Translator, or a run folder."""

import collections
import dataclasses
import json
import os
import re

import numpy as np
import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.errors import UserError
from egsc_tf.models.encoder import Encoder
from egsc_tf.models.translator import Translator
from egsc_tf.official import names as names
from egsc_tf.run import checkpoints
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.runtime.files import write_whole
from egsc_tf.runtime.keras import keras
from egsc_tf.training.adversarial import copy_weights
from egsc_tf.training.feature_masks import FeatureMaskTrainer
from egsc_tf.training.translation import TranslationTrainer

# What the release's optimizers and counters add to a checkpoint; none of it is used.
SLOT = re.compile(r"(.+)/Adam(_\d+)?$")
BOOK_KEEPING = re.compile(r"(.*/)?(beta[12]_power(_\d+)?|global_step|step)$")
NAMED = 5


def load(feature_masks, translator):
    """The Translator of two released checkpoints, z = mu (no noise).

    Args:
      feature_masks: checkpoint of stage 1, a prefix or a folder: F_a and F_b.
      translator: checkpoint of stage 2, likewise: all else.

    Returns:
      egsc_tf.models.translator.Translator, as egsc_tf.load returns.

    Raises:
      UserError: where a file is none of the release's, naming the variables that are
        missing, unknown or misshapen.
    """
    return Translator.of_trainer(_trainer(Config(), feature_masks, translator))


def write_workdir(feature_masks, translator, output, config):
    """As `load`, and writes the run folder `output`, at step 0 of a new training.

    Args:
      feature_masks, translator: as of `load`.
      output: a folder that holds no run yet.
      config: Config of the data set, image size, losses and schedule of later training;
        exports take the size, and what they measure on, from it. Sizes and forms of
        the networks are those of the checkpoints.

    Raises:
      UserError: as `load`, and where `output` holds a run.
    """
    if os.path.exists(os.path.join(output, config_lib.RUN_FLAGS)):
        raise UserError(f"--output={output}: expected a new folder, found a run")
    trainer = _trainer(config, feature_masks, translator)
    os.makedirs(output, exist_ok=True)
    seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    checkpoint = tf.train.Checkpoint(seconds=seconds, **trainer.parts())
    stage = workdir_lib.TRANSLATION
    checkpoints.Saver(workdir_lib.folder(output, stage), checkpoint, 1).save(0)
    origin = {"feature_masks": feature_masks, "translator": translator}
    write_whole(os.path.join(output, workdir_lib.IMPORTED), json.dumps(origin))
    trainer.config.save(output)
    return trainer.config


def _trainer(config, feature_masks, translator):
    """The TranslationTrainer that holds what the two checkpoints hold."""
    masks = _Checkpoint("--feature_masks", feature_masks)
    rest = _Checkpoint("--translator", translator)
    config = _with_sizes(config, [masks, rest])
    # No update is made here, so that the perceptual losses need no network.
    silent = dataclasses.replace(config, style_weight=0.0, content_weight=0.0)
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(config.mixed_precision)
    try:
        features = Encoder(**config.network), Encoder(**config.network)
        trainer = TranslationTrainer(silent, *features, phi=None)
        stage_1 = FeatureMaskTrainer(
            dataclasses.replace(silent, **_discriminator_sizes([masks, rest], ""))
        )
        sides = [1, 1 + config.g_update, config.height, config.width, 3]
        empty = {name: tf.zeros(sides) for name in ("x_a", "x_b")}
        for one in (trainer, stage_1):
            one.prepare(empty)
    finally:
        keras.mixed_precision.set_global_policy(policy)

    f = names.of_features(*features)
    generator = names.of_generator(trainer.generator)
    discriminators = names.of_discriminators(trainer, "UNIT/")
    others = [names.of_autoencoder_rest(stage_1), names.of_discriminators(stage_1)]
    masks.check([f], [generator, discriminators, *others])
    rest.check([generator], [f, discriminators, *others])
    if rest.holds(f) and not all(np.array_equal(masks[n], rest[n]) for n in f):
        logging.warning(
            "--translator=%s holds another F_a and F_b than --feature_masks=%s, which "
            "are used; where the former are meant, name that checkpoint for both",
            translator,
            feature_masks,
        )
    masks.fill(f)
    rest.fill(generator)
    if rest.holds(discriminators):
        rest.fill(discriminators)
    else:
        logging.warning(
            "--translator=%s holds no discriminators: further training starts with "
            "untrained ones",
            translator,
        )
    copy_weights(trainer.generator, trainer.generator_ema)
    trainer.config = config
    return trainer


class _Checkpoint:
    """The variables of one file; flag and path are for messages."""

    def __init__(self, flag, path):
        self.where = f"{flag}={path}"
        prefix = tf.train.latest_checkpoint(path) if os.path.isdir(path) else path
        try:
            self._reader = tf.train.load_checkpoint(prefix or path)
            self.shapes = self._reader.get_variable_to_shape_map()
        except (ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{self.where}: expected a checkpoint of tf.train.Saver, found "
                f"{str(error).splitlines()[0]}"
            ) from error

    def __getitem__(self, name):
        try:
            return names.to_ours(name, self._reader.get_tensor(name))
        except tf.errors.OpError as error:
            raise UserError(
                f"{self.where}: {name} cannot be read: {error.message}"
            ) from error

    def holds(self, group):
        return set(group) <= set(self.shapes)

    def fill(self, group):
        for name, variable in group.items():
            variable.assign(self[name])

    def check(self, needed, welcome):
        """Each needed group is whole; each welcome one is whole or not there.

        Raises:
          UserError: naming the variables that are missing, unknown or misshapen.
        """
        begun = [g for g in welcome if not set(g).isdisjoint(self.shapes)]
        expected = {n: v for group in needed + begun for n, v in group.items()}
        problems = [f"{n} is missing" for n in expected if n not in self.shapes]
        problems += [
            f"{n} is unknown"
            for n in self.shapes
            if n not in expected and not self._is_ignored(n, expected)
        ]
        for n, variable in expected.items():
            # As the file has it: the layout that the release used.
            right = list(names.to_ours(n, variable.numpy()).shape)
            if self.shapes.get(n, right) != right:
                problems.append(f"{n} is {self.shapes[n]} instead of {right}")
        if problems:
            more = len(problems) - NAMED
            raise UserError(
                f"{self.where}: expected the released variables; "
                + "; ".join(problems[:NAMED])
                + (f"; and {more} more" if more > 0 else "")
            )

    @staticmethod
    def _is_ignored(name, expected):
        slot = SLOT.match(name)
        return slot and slot.group(1) in expected or BOOK_KEEPING.match(name)


def _with_sizes(config, checkpoints):
    """config with the release's forms and the networks' sizes of the files.

    Raises:
      UserError: where there is no encoder in the files.
    """
    encoders = r"(?:VAEGAN_recon_[AB]/part1|UNIT/encoder_[AB])/conv_(\d+)/conv2d/"
    ngf, n_encoder = _sizes(checkpoints, encoders)
    if not ngf:
        raise UserError(
            f"{checkpoints[-1].where}: expected the released variables UNIT/* and "
            f"VAEGAN_recon_*/part1, found {sorted(checkpoints[-1].shapes)[:NAMED]}"
        )
    stride = 2 ** (n_encoder - 1)
    return dataclasses.replace(
        config,
        height=max(2, -(-config.height // stride)) * stride,
        width=max(2, -(-config.width // stride)) * stride,
        ngf=ngf,
        n_encoder=n_encoder,
        n_res=3,
        **_discriminator_sizes(checkpoints, "UNIT/"),
        init="release",
        adain_form="release",
        style_code="features",
        output="tanh",
        padding="reflect",
        upsample="deconv",
        discriminator_form="release",
        discriminator_norm="instance",
        use_masks=True,
        use_adain=True,
        test_noise=False,
    )


def _discriminator_sizes(checkpoints, scope):
    """{"ndf", "n_dis"} of a stage's discriminators; {} where the files have none."""
    ndf, n_dis = _sizes(checkpoints, rf"{scope}discriminator_[AB]/conv_(\d+)/")
    return {"ndf": ndf, "n_dis": n_dis} if ndf else {}


def _sizes(checkpoints, pattern):
    """(width of conv_0, number of convolutions), as most of the variables say.

    One bad variable is outvoted, and then named by `check`. (None, 0) where no variable
    matches; the pattern's group is the convolution's number.
    """
    widths, layers = collections.Counter(), collections.Counter()
    for checkpoint in checkpoints:
        for name, shape in checkpoint.shapes.items():
            if match := re.match(pattern, name):
                layers[int(match.group(1))] += 1
                if match.group(1) == "0" and shape:
                    widths[shape[-1]] += 1
    if not widths:
        return None, 0
    usual = max(layers.values())
    return widths.most_common(1)[0][0], sum(2 * n > usual for n in layers.values())
