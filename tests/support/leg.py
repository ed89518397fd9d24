"""What one leg (Python and TensorFlow) leaves for the other, and how that is checked.

python -m support.leg write FOLDER
python -m support.leg check FOLDER
"""

import dataclasses
import os
import shutil
import sys

import numpy as np
import tensorflow as tf
from support.pictures import noise
from support.trainers import RUN, train_eagerly

import egsc_tf
from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS
from egsc_tf.errors import Interrupted
from egsc_tf.export import saved_model
from egsc_tf.run import workdir as workdir_lib
from egsc_tf.training import divergence

# Kept at step 1 of stage 1 and at step 2 of stage 2, of the four that each takes.
CONFIG = dataclasses.replace(RUN, mask_steps=4, checkpoint_every=1, sample_every=100)
CUTS = {workdir_lib.FEATURE_MASKS: 1, workdir_lib.TRANSLATION: 2}
LOADED, RESUMED = 1e-5, 2e-3


class Stop(divergence.StopOnNaN):
    """Cuts a run short behind a step of a stage."""

    stage, step = "", 0

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        here = workdir_lib.TRANSLATION
        if not hasattr(self.model, "generator"):
            here = workdir_lib.FEATURE_MASKS
        if (here, self.model.steps_done()) == (self.stage, self.step + 1):
            raise Interrupted("cut")


def pictures():
    return [images.to_float(noise(2, 12, 12, 3, seed=seed)) for seed in (1, 2)]


def translations(folder):
    model = egsc_tf.load(folder)
    return {way: model.translate(*pictures(), way).numpy() for way in DIRECTIONS}


def write(folder):
    """Runs cut short, each as it is and where it leads to; a SavedModel."""
    for stage, step in CUTS.items():
        run = os.path.join(folder, stage)
        Stop.stage, Stop.step = stage, step
        plain, divergence.StopOnNaN = divergence.StopOnNaN, Stop
        try:
            train_eagerly(CONFIG, run)
            raise AssertionError(f"{stage}: not cut at {step}")
        except Interrupted:
            pass
        finally:
            divergence.StopOnNaN = plain
        end = shutil.copytree(run, f"{run}_end")
        train_eagerly(CONFIG, end)
        np.savez(f"{run}_end.npz", **translations(end))
    run = os.path.join(folder, workdir_lib.TRANSLATION)
    np.savez(f"{run}.npz", **translations(run))
    settings = saved_model.Settings(batch_sizes=(2,))
    version = saved_model.export(run, os.path.join(folder, "models", "m"), settings)
    os.rename(version, os.path.join(folder, "saved_model"))


def check(folder):
    """Raises AssertionError where what the other leg wrote is not the same here."""
    run = os.path.join(folder, workdir_lib.TRANSLATION)
    assert_close(translations(run), f"{run}.npz", LOADED)
    for stage, step in CUTS.items():
        run = os.path.join(folder, stage)
        assert workdir_lib.newest_checkpoint(run, stage).endswith(f"ckpt-{step}"), run
        trainer = train_eagerly(CONFIG, run)
        assert trainer.steps_done() == CONFIG.total_steps
        assert int(trainer.g_optimizer.iterations) == CONFIG.total_steps
        assert_close(translations(run), f"{run}_end.npz", RESUMED)
    served = tf.saved_model.load(os.path.join(folder, "saved_model")).signatures
    content, exemplar = (tf.constant(images.to_uint8(x)) for x in pictures())
    with np.load(os.path.join(folder, f"{workdir_lib.TRANSLATION}.npz")) as expected:
        for way, name in zip(DIRECTIONS, ("translate", "translate_b2a")):
            image = served[name](content=content, exemplar=exemplar)["image"].numpy()
            apart = image.astype(int) - images.to_uint8(expected[way])
            assert np.abs(apart).max() <= 1, (name, np.abs(apart).max())


def assert_close(found, path, most):
    with np.load(path) as expected:
        for way, image in found.items():
            apart = float(np.abs(image - expected[way]).max())
            print(f"{os.path.basename(path)} {way}: {apart:.2g} apart", flush=True)
            assert apart <= most, (path, way, apart)


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](sys.argv[2])
