"""Handwritten digits from MNIST or scikit-learn: grey images and their classes.

[N, 28, 28] uint8, ink is bright (255) on a dark ground (0), and [N] int64 classes. The
training and the test split never share a handwritten digit.
"""

import os
from zipfile import BadZipFile

import numpy as np

from egsc_tf.errors import UserError

SIZE = 28
MARGIN = 4  # as MNIST centres its 20x20 digits
UCI_TEST_EVERY = 5


def load(source, split, data_dir=""):
    """The digits of a split.

    Args:
      source: "uci", scikit-learn's embedded 8x8 digits, enlarged; or "mnist".
      split: "train" or "test".
      data_dir: for mnist: an mnist.npz (arrays x_train, y_train, x_test, y_test), a
        folder that holds one, or a TFDS data folder; empty for TFDS' default.

    Raises:
      UserError: where data_dir does not exist or is no mnist.npz.
      ValueError: for another source.
    """
    if source == "uci":
        return _uci(split)
    if source == "mnist":
        return _mnist(split, data_dir)
    raise ValueError(f"digits: expected 'uci' or 'mnist', found {source!r}")


def check(source, data_dir=""):
    """Raises UserError where mnist has a data_dir that does not exist."""
    if source == "mnist" and data_dir and not os.path.exists(data_dir):
        raise UserError(
            f"--data_dir={data_dir}: expected an mnist.npz or a TFDS folder, found none"
        )


def _uci(split):
    from skimage.transform import resize
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # Some digits occur twice, to the pixel: keep one, or both splits might hold it.
    _, first = np.unique(bunch.data, axis=0, return_index=True)
    keep = np.sort(first)
    is_test = np.arange(len(keep)) % UCI_TEST_EVERY == 0
    keep = keep[is_test if split == "test" else ~is_test]
    ink = SIZE - 2 * MARGIN
    images = np.zeros((len(keep), SIZE, SIZE), np.uint8)
    for i, image in enumerate(bunch.images[keep] / 16.0):
        enlarged = np.clip(resize(image, (ink, ink), order=3), 0.0, 1.0)
        images[i, MARGIN:-MARGIN, MARGIN:-MARGIN] = np.rint(255 * enlarged)
    return images, bunch.target[keep].astype(np.int64)


def _mnist(split, data_dir):
    path = data_dir
    if os.path.isfile(os.path.join(data_dir, "mnist.npz")):
        path = os.path.join(data_dir, "mnist.npz")
    if os.path.isfile(path):
        try:
            with np.load(path) as arrays:
                images, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
            if images.dtype != np.uint8 or images.shape != (len(labels), SIZE, SIZE):
                raise ValueError(
                    f"images of {images.dtype} {images.shape}, {labels.shape} labels"
                )
            return images, labels.astype(np.int64)
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise UserError(
                f"--data_dir={data_dir}: expected an mnist.npz with x_{split} and "
                f"y_{split}, found {error}"
            ) from error
    check("mnist", data_dir)
    import tensorflow_datasets as tfds

    try:
        data = tfds.load(
            "mnist",
            split=split,
            data_dir=data_dir or None,
            batch_size=-1,
            as_supervised=True,
        )
    except Exception as error:  # TFDS raises many kinds: no network, no space, ...
        raise UserError(
            "--digits=mnist: expected TFDS to find or download it, found "
            f"{type(error).__name__}: {error}. Offline, name a local file: "
            "--data_dir=mnist.npz"
        ) from error
    images, labels = tfds.as_numpy(data)
    return images[..., 0], labels.astype(np.int64)
