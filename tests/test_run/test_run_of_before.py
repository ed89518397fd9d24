"""A run folder that 0.1.0 wrote before its modules moved into rooms."""

import dataclasses
import os
import shutil

import numpy as np
from support.paths import DATA
from support.trainers import train_eagerly

import egsc_tf
from egsc_tf import config as config_lib

RUN = os.path.join(DATA, "run_0.1.0")


def test_its_translations_are_the_same():
    expected = np.load(os.path.join(RUN, "translations.npz"))
    translator = egsc_tf.load(RUN)
    assert translator.steps == 2
    for direction, (content, exemplar) in (("a2b", "xy"), ("b2a", "yx")):
        found = translator.translate(expected[content], expected[exemplar], direction)
        np.testing.assert_allclose(found, expected[direction], atol=1e-5)


def test_it_goes_on(tmp_path):
    workdir = str(tmp_path / "run")
    shutil.copytree(RUN, workdir)
    config = dataclasses.replace(config_lib.load(workdir), total_steps=3)
    trainer = train_eagerly(config, workdir)
    assert trainer.steps_done() == 3
    assert trainer.g_optimizer.iterations.numpy() == 3
