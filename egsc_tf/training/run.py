"""A run, from its flags to its last checkpoint: stage 1, then stage 2."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Optional, TypeVar, Union

import tensorflow as tf
from absl import logging

from egsc_tf import config as config_lib
from egsc_tf.config import Config
from egsc_tf.data import python_op
from egsc_tf.data.source import check as check_data
from egsc_tf.data.source import open_source
from egsc_tf.distribute import strategies
from egsc_tf.distribute.workers import Workers
from egsc_tf.errors import OtherNetworks, UserError
from egsc_tf.models import vgg
from egsc_tf.models.encoder import Encoder
from egsc_tf.run import checkpoints, seen, starts
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.run.lock import require_locks, run_lock
from egsc_tf.runtime import devices, paths
from egsc_tf.runtime.files import kept_folder
from egsc_tf.runtime.flags import idle
from egsc_tf.runtime.keras import keras
from egsc_tf.training.feature_masks import FeatureMaskTrainer
from egsc_tf.training.stage import train_stage
from egsc_tf.training.translation import TranslationTrainer

# (source of images, config, workdir, workers, whether XLA compiles, more callbacks)
Run = tuple[Any, Config, str, Workers, bool, Sequence[Any]]
Phi = Optional[vgg.PerceptualNetwork]
Newest = dict[str, Optional[str]]  # {stage: path of its last checkpoint}
Trainer = TypeVar("Trainer")


def train(
    config: Config,
    workdir: Union[str, "os.PathLike[str]"],
    strategy: Optional[tf.distribute.Strategy] = None,
    override_run: bool = False,
    tpu: str = "",
    callbacks: Sequence[Any] = (),
) -> TranslationTrainer:
    """Trains both stages in `workdir`; returns the trained TranslationTrainer.

        config = egsc_tf.Config(dataset="folder", data_dir="photos")
        egsc_tf.train(config, "runs/photos")

    Args:
      config: egsc_tf.config.Config.
      workdir: folder of the run; one that holds a run goes on with it. As in all paths
        of a program, ~ is the home folder.
      strategy: of tf.distribute; None: see `egsc_tf.distribute.strategies.choose`,
        and for tpu.
      override_run: go on with the run in `workdir` also where flags differ that make
        another run of it.
      callbacks: more keras.callbacks.Callback of both stages' `fit`; with several
        workers the first alone has them.

    Raises:
      UserError: for bad settings or data, naming the flag or path, and where another
        process trains in `workdir`.
      egsc_tf.errors.Diverged: where a loss is not finite.
      egsc_tf.errors.Interrupted: after SIGTERM or SIGINT, once the step is saved.
      egsc_tf.errors.LostWorker: where another worker is gone.
    """
    if not isinstance(config, Config):
        raise UserError(
            f"config: expected an egsc_tf.Config, found {type(config).__name__}"
        )
    workdir = paths.expand(os.fspath(workdir), f"workdir={workdir}")
    if workdir_lib.is_student(workdir):
        raise UserError(
            f"--workdir={workdir}: expected a run of egsc_tf.train, found a student; "
            "egsc_tf.distill goes on with it"
        )
    return in_folder(
        config, workdir, _train, strategy, override_run, tpu, callbacks=callbacks
    )


def in_folder(
    config: Config,
    workdir: str,
    stages: Callable[..., Trainer],
    strategy: Optional[tf.distribute.Strategy] = None,
    override_run: bool = False,
    tpu: str = "",
    facts: Mapping[str, Any] = MappingProxyType({}),
    flag: str = "workdir",
    callbacks: Sequence[Any] = (),
) -> Trainer:
    """What every training in a run's folder is: all around its stages.

    Args:
      config, workdir, strategy, override_run, tpu, callbacks: as of `train`.
      stages: (Run, phi, Config of the last start, {stage: newest checkpoint}) -> the
        last stage's trainer. It is called once the folder is ours, and the data read.
      facts: what else must not differ between workers.
      flag: what the program calls the folder.

    Returns:
      what `stages` returns.
    """
    # All that can be known is found before there is any work, and before the folder is
    # written to.
    before = workdir_lib.check_flags(workdir, config, override_run, flag)
    for name, error in idle(config):
        if name == "data_dir":  # else it would train on other images than meant
            raise error
        logging.warning("%s", error)
    strategy = strategy or strategies.choose(
        config, tpu, {**config_lib.facts(config), **facts}
    )
    workers = Workers(strategy)
    with workers.lost():
        _check(config, workdir, workers, flag)
        with contextlib.ExitStack() as stack:
            if workers.is_chief:  # before minutes of reading
                stack.enter_context(kept_folder(workdir))
                stack.enter_context(run_lock(workdir))
            xla = devices.set_up(config, strategy)
            with strategy.scope():
                phi = vgg.of_config(config)
            if phi:
                logging.info("perceptual network: %s", config.perceptual_network)
            source = open_source(config, "train")
            newest = workdir_lib.newest_of_run(workdir)
            workers.require_same(lambda: _read(source, phi, newest))
            if workers.is_chief:
                config.save(workdir)
                changed = seen.note(workdir, source, goes_on=any(newest.values()))
                starts.append(workdir, source, strategy.num_replicas_in_sync, changed)
            stack.callback(source.tell)
            stack.enter_context(devices.explaining(config))
            stack.enter_context(python_op.errors_as_raised())
            policy = keras.mixed_precision.global_policy()
            stack.callback(keras.mixed_precision.set_global_policy, policy)
            keras.mixed_precision.set_global_policy(config.mixed_precision)
            try:
                run = (source, config, workdir, workers, xla, callbacks)
                trainer = stages(run, phi, before, newest)
            except OtherNetworks:  # of --override_run: the run stays what it was
                if workers.is_chief:
                    before.save(workdir)
                raise
            workers.finish()
        return trainer


def _check(config: Config, workdir: str, workers: Workers, flag: str) -> None:
    """Raises UserError for what can be known of files without reading them."""
    if workers.is_chief:
        require_locks()
        paths.require_writable(f"--{flag}={workdir}", workdir)
    check_data(config, "train")
    if vgg.is_needed(config):
        vgg.check(config.perceptual_network)


def _read(source: Any, phi: Phi, newest: Newest) -> dict[str, Any]:
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


def _train(run: Run, phi: Phi, before: Config, newest: Newest) -> TranslationTrainer:
    """Both stages, once the folder is ours.

    before: the Config of the last start.
    """
    stage = workdir_lib.TRANSLATION
    _, config, _, workers, xla, _ = run
    with workers.strategy.scope():
        if newest[stage]:
            # Its checkpoint holds F_a and F_b: stage 1 is over.
            f_a, f_b = Encoder(**config.network), Encoder(**config.network)
        else:
            f_a, f_b = _train_feature_masks(run, before, newest)
        trainer = TranslationTrainer(config, f_a, f_b, phi, xla)
    train_stage(trainer, *run, stage, newest[stage], before.total_steps)
    return trainer


def _train_feature_masks(
    run: Run, before: Config, newest: Newest
) -> tuple[Encoder, Encoder]:
    """F_a and F_b; all else that stage 1 needs is freed on return."""
    _, config, _, _, xla, _ = run
    masks = FeatureMaskTrainer(config, xla)
    stage = workdir_lib.FEATURE_MASKS
    train_stage(masks, *run, stage, newest[stage], before.mask_steps)
    return masks.autoencoder_a.encoder, masks.autoencoder_b.encoder
