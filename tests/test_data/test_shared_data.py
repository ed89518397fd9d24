"""What needs real data: read from EGSC_SHARED, skipped where it is missing."""

import os
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import pytest
import tensorflow as tf
from support.paths import REPOSITORY

from egsc_tf.data import images
from egsc_tf.data.digits import handwriting
from egsc_tf.models import vgg
from egsc_tf.runtime.keras import keras

VGG19 = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
FLAGS = ("--flagfile=experiments/celeba_64.flags", "--ngf=4", "--batch_size=2")
LENGTHS = ("--mask_steps=2", "--total_steps=40", "--checkpoint_every=2")


def test_mnist_splits_share_no_digit(shared):
    path = shared("data", "mnist.npz")
    train, test = (handwriting.load("mnist", s, path) for s in ("train", "test"))
    assert train[0].shape == (60000, 28, 28)
    assert test[0].shape == (10000, 28, 28)
    assert not {x.tobytes() for x in train[0]} & {x.tobytes() for x in test[0]}


def test_imagenet_weights_give_keras_own_features(shared):
    path = shared("data", VGG19)
    keras_vgg = keras.applications.VGG19(include_top=False, weights=path)
    x = tf.random.stateless_uniform([1, 32, 32, 3], [1, 2], -1.0, 1.0)
    pixels = keras.applications.vgg19.preprocess_input((x + 1.0) * 127.5)
    outputs = [keras_vgg.get_layer(f"block{i}_conv1").output for i in range(1, 6)]
    expected = keras.Model(keras_vgg.input, outputs)(pixels)
    for found, want in zip(vgg.load(path)(x), expected):
        scale = float(tf.reduce_max(want))
        assert scale > 0.0
        np.testing.assert_allclose(found / scale, want / scale, atol=1e-4)


def start(name, *flags):
    return subprocess.Popen(
        [sys.executable, "-m", f"egsc_tf.{name}", *flags],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_faces_train_resume_after_a_kill_and_translate(shared, tmp_path):
    with tarfile.open(shared("data", "celeba_male2female.tar")) as archive:
        members = {}
        for member in archive.getmembers():
            folder = os.path.basename(os.path.dirname(member.name))
            if member.isfile() and folder in ("trainA", "trainB", "testA", "testB"):
                members.setdefault(folder, []).append(member)
        for folder, files in members.items():
            (tmp_path / folder).mkdir()
            for member in files[:12]:
                name = os.path.basename(member.name)
                content = archive.extractfile(member).read()
                (tmp_path / folder / name).write_bytes(content)
    run = tmp_path / "run"
    flags = (*FLAGS, *LENGTHS, f"--data_dir={tmp_path}", f"--workdir={run}")
    flags += (f"--perceptual_network={shared('data', VGG19)}",)
    first = start("train", *flags)
    # The checkpoint before it is then complete, whatever the kill does to this one.
    saved = run / "translation" / "ckpt-4.index"
    while not saved.exists() and first.poll() is None:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (run / "translation" / "ckpt-40.index").exists()
    output, _ = start("train", *flags).communicate()
    assert "translation: resumed at step" in output
    assert (run / "translation" / "ckpt-40.index").exists()
    out = tmp_path / "out"
    output, _ = start(
        "translate",
        f"--workdir={run}",
        f"--input={tmp_path / 'testA'}",
        f"--exemplar={tmp_path / 'testB'}",
        f"--output={out}",
        "--pairing=zip",
    ).communicate()
    assert "12 images written" in output
    sizes = {images.read(str(path)).shape for path in out.iterdir()}
    assert sizes == {(109, 89, 3)}
    assert np.std(images.read(str(next(out.iterdir())))) > 0
