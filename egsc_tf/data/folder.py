"""Two folders of unpaired images: trainA, trainB, testA, testB under one folder.

Every file is decoded once at the start, so that a bad one is known before the first
step. The decoded, resized images stay in memory where they fit.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from egsc_tf.data import images
from egsc_tf.errors import UserError

FEWEST = 2


class Folder:
    """A source (see `egsc_tf.data.stream`) over DIR/{split}A and DIR/{split}B.

    Args:
      data_dir: DIR.
      split: "train" or "test".
      height, width: what images are resized to.
      on_bad_image: "stop" raises at the first file that does not decode; "skip" lists,
        counts and leaves out.
      cache_gib: keep decoded images in memory where all take less than this.

    Attributes:
      paths: {"a": [...], "b": [...]}, the usable files.
      bad: the messages about files left out.

    Raises:
      UserError: where a folder is missing or has fewer than two usable images.
      egsc_tf.data.images.BadImage: a file does not decode and on_bad_image is "stop".
    """

    def __init__(
        self, data_dir, split, height, width, on_bad_image="stop", cache_gib=2.0
    ):
        if not data_dir:
            raise UserError(
                f"--data_dir: expected a folder with {split}A and {split}B, found none"
            )
        self.height, self.width = height, width
        self.bad = []
        listed = {
            domain: images.list_images(os.path.join(data_dir, split + domain.upper()))
            for domain in ("a", "b")
        }
        total = sum(map(len, listed.values()))
        keep_all = total * height * width * 3 <= cache_gib * 2**30
        self.paths, self._pixels = {}, {}
        for domain, paths in listed.items():
            self.paths[domain], self._pixels[domain] = self._decode_all(
                paths, on_bad_image, keep_all
            )
            if len(self.paths[domain]) < FEWEST:
                raise UserError(
                    f"{os.path.dirname(paths[0])}: expected at least {FEWEST} usable "
                    f"images, found {len(self.paths[domain])}"
                )
        for message in self.bad:
            logging.warning("left out: %s", message)
        if self.bad:
            logging.warning("left out %d of %d files", len(self.bad), total)

    def size(self, domain):
        """How many images an epoch of a domain has."""
        return len(self.paths[domain])

    def pixels(self, domain, index):
        """[H, W, 3] uint8: an image, from memory or from its file."""
        if self._pixels[domain] is not None:
            return self._pixels[domain][index]
        return self._decode(self.paths[domain][index])

    def image(self, domain, index, seed):
        """[H, W, 3] in [-1, 1] as a tensor; `seed` is not used: a file has one look."""
        del seed
        pixels = tf.numpy_function(
            lambda i: self.pixels(domain, i), [index], tf.uint8, stateful=False
        )
        pixels = tf.ensure_shape(pixels, [self.height, self.width, 3])
        return tf.cast(pixels, tf.float32) / 127.5 - 1.0

    def _decode(self, path):
        return images.resize(images.read(path), self.height, self.width)

    def _decode_all(self, paths, on_bad_image, keep):
        """(usable paths, their pixels or None)."""

        def decode(path):
            try:
                pixels = self._decode(path)
            except images.BadImage as error:
                if on_bad_image == "stop":
                    raise
                return error
            return pixels if keep else None

        folder = os.path.dirname(paths[0])
        with ThreadPoolExecutor() as pool:
            decoded = list(
                tqdm(
                    pool.map(decode, paths),
                    desc=f"reading {folder}",
                    total=len(paths),
                    unit="file",
                )
            )
        good = [not isinstance(d, images.BadImage) for d in decoded]
        self.bad += [str(d) for d, ok in zip(decoded, good) if not ok]
        kept = [d for d, ok in zip(decoded, good) if ok]
        usable = [p for p, ok in zip(paths, good) if ok]
        return usable, np.stack(kept) if keep and kept else None
