"""Decoded images in a file that is kept between runs: --cache_dir.

A file for each folder or split, and size of training. It has a slot for each image: a
digest, then the pixels. The digest is of the pixels and of what they were made from:
the image's path, size and modification time, and the decoder. A slot counts only where
its digest is right. So nothing needs to be waited for or locked: what a kill or a dying
machine left half written, or two runs wrote over each other, is decoded anew. Where the
disk is full on the way, training goes on: what has no slot is decoded each time.
"""

import errno
import hashlib
import os
import re
import shutil

import numpy as np
import PIL
from absl import logging

from egsc_tf.data import images
from egsc_tf.errors import UserError

DIGEST = 16  # bytes
FORM = 1  # of what is decoded and resized; another number makes all slots others
MIB = 2**20


def decoder():
    """The versions of what makes pixels of a file."""
    heif = getattr(images.pillow_heif, "__version__", "none")
    return f"form {FORM}, Pillow {PIL.__version__}, HEIF {heif}"


class PixelCache:
    """The images of one listing at one size. For any threads and processes.

    Args:
      folder: --cache_dir; made where there is none.
      home: of the egsc_tf.data.listing.Listing.
      count: of its images.
      shape: (H, W, 3).

    Attributes:
      missing: how many bytes the file will grow by, where all images are kept.

    Raises:
      UserError: where the folder cannot be written.
    """

    def __init__(self, folder, home, count, shape):
        self._folder, self._shape = folder, shape
        self._size = DIGEST + int(np.prod(shape))
        self.path = os.path.join(folder, _name(home, shape))
        try:
            os.makedirs(folder, exist_ok=True)
            number = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            self._file = os.fdopen(number, "r+b", buffering=0)
            there = os.fstat(number).st_blocks * 512
        except OSError as error:
            raise self._refused(error) from error
        self._is_full = False
        whole = count * self._size
        self.missing = max(0, whole - there)
        logging.info(
            "%s: %.1f MiB of pixels are kept, and will be up to %.1f",
            self.path,
            there / MIB,
            whole / MIB,
        )

    def get(self, index, version):
        """[H, W, 3] uint8 of an image, or None where its version is not kept."""
        slot = np.empty(self._size, np.uint8)
        try:
            read = os.preadv(self._file.fileno(), [slot], index * self._size)
        except OSError as error:
            raise self._refused(error) from error
        digest, pixels = slot[:DIGEST], slot[DIGEST:]
        if read < self._size or not digest.any():
            return None
        if digest.tobytes() != _digest(version, pixels):
            return None
        return pixels.reshape(self._shape)

    def put(self, index, version, pixels):
        """Keeps an image; on a full disk none, from then on, and says so.

        Raises:
          UserError: where it cannot be written for another reason.
        """
        if self._is_full:
            return
        pixels = np.ascontiguousarray(pixels)
        parts = [_digest(version, pixels), pixels]
        try:
            wrote = os.pwritev(self._file.fileno(), parts, index * self._size)
            if wrote < self._size:  # A full disk; to write on says so.
                rest = b"".join(map(bytes, parts))[wrote:]
                os.pwrite(self._file.fileno(), rest, index * self._size + wrote)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise self._refused(error) from error
            self._is_full = True
            logging.warning(
                "%s: %s: no more images are kept, and the others are decoded each "
                "time; make room, and start again to keep them",
                self.path,
                error.strerror,
            )

    def _refused(self, error):
        return UserError(
            f"--cache_dir={self._folder}: expected a folder to read and write in, "
            f"found: {error.strerror} ({self.path})"
        )


def require_room(folder, caches):
    """Raises UserError where PixelCaches of a folder have no room for their images."""
    missing = sum(cache.missing for cache in caches)
    free = shutil.disk_usage(folder).free
    if free < missing:
        raise UserError(
            f"--cache_dir={folder}: expected {missing / MIB:,.1f} MiB free for the "
            f"images, found {free / MIB:,.1f}"
        )


def _name(home, shape):
    """A file's name: readable, and another for another home or size."""
    size = f"{shape[0]}x{shape[1]}"
    digest = hashlib.blake2b(f"{home} {size}".encode(errors="surrogateescape"))
    readable = re.sub(r"\W+", "_", os.path.basename(home), flags=re.ASCII)
    return f"{readable[-40:]}_{size}_{digest.hexdigest()[:16]}.pixels"


def _digest(version, pixels):
    text = f"{version} {decoder()} ".encode(errors="surrogateescape")
    digest = hashlib.blake2b(text, digest_size=DIGEST)
    digest.update(pixels)
    return digest.digest()
