"""A student is a run of its own, which every program takes as it is."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from support.programs import refusal
from support.runs import untrained
from support.trainers import RUN

import egsc_tf
from egsc_tf import config as config_lib
from egsc_tf.data.source import open_source
from egsc_tf.data.stream import stream
from egsc_tf.errors import UserError
from egsc_tf.models.translator import Translator
from egsc_tf.run import restore
from egsc_tf.training import run as train_lib
from egsc_tf.training import student as student_lib
from egsc_tf.training.distillation import DistillationTrainer, images
from egsc_tf.training.student import Settings, distill

TINY = Settings(
    ngf=2,
    batch_size=4,
    total_steps=4,
    log_every=1,
    sample_every=2,
    checkpoint_every=2,
)


@pytest.fixture(scope="module")
def student(finished, tmp_path_factory):
    """(folder, trainer) of a student of the finished run; not to be changed."""
    folder = str(tmp_path_factory.mktemp("distilled") / "student")
    return folder, distill(finished[0], folder, TINY)


def test_a_student_is_a_run(finished, student):
    folder, trainer = student
    config = config_lib.load(folder)
    assert (config.ngf, config.n_res, config.padding) == (2, RUN.n_res, "zero")
    assert restore.load(folder).steps == 4
    print(sorted(os.listdir(folder)))
