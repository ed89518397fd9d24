"""A run on files that is killed in the middle."""

import dataclasses
import os
import signal
import subprocess
import sys

import numpy as np
from support.files import noise, save
from support.trainers import SHORT, train_eagerly, weights

from egsc_tf.run import workdir as workdir_lib

# Killed in step 3 of stage 2, while the next images are read; the last checkpoint is of
# step 2.
SCRIPT = """
import os, signal, sys
from egsc_tf import config as config_lib
from egsc_tf.runtime.keras import keras
from support.trainers import train_eagerly
from egsc_tf.training import divergence

class Killed(divergence.StopOnNaN):
    def on_train_batch_end(self, batch, logs=None):
        if hasattr(self.model, "generator") and self.model.steps_done() == 3:
            os.kill(os.getpid(), signal.SIGKILL)

divergence.StopOnNaN = Killed
train_eagerly(config_lib.read(sys.argv[1]), sys.argv[2])
"""


def test_a_killed_run_on_files_goes_on_bit_for_bit(tmp_path):
    """Some are bad, few fit into memory, and pixels lie on the disk."""
    for name in ("trainA", "trainB"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(11):
            save(tmp_path / "data" / name / f"{i:02}.png", noise(16, 20, seed=i))
        for i in (3, 4, 10):
            (tmp_path / "data" / name / f"{i:02}.png").write_text("no image")
    config = dataclasses.replace(
        SHORT,
        dataset="folder",
        data_dir=str(tmp_path / "data"),
        on_bad_image="skip",
        cache_gib=2 * 4 * 12 * 12 * 3 / 2**30,
        flip=True,
    )
    whole = weights(train_eagerly(config, str(tmp_path / "whole")))
    config = dataclasses.replace(config, cache_dir=str(tmp_path / "cache"))
    flags, folder = str(tmp_path / "run.flags"), str(tmp_path / "killed")
    config.save_as(flags)
    places = [os.path.dirname(os.path.dirname(__file__)), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, flags, folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    newest = workdir_lib.newest_checkpoint(folder, "translation")
    assert newest.endswith("ckpt-2")
    resumed = weights(train_eagerly(config, folder))
    for x, y in zip(whole, resumed):
        np.testing.assert_array_equal(x, y)
