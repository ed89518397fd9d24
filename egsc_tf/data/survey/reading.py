"""What lies in the four folders of a data set: every file is read once.

The reader, and the choice of what is read, are those of training.
"""

import functools
import hashlib
import threading
import typing
import warnings

import numpy as np

from egsc_tf.data import doubts, images
from egsc_tf.data.listings import folder
from egsc_tf.runtime.threads import in_order

FOLDERS = folder.NAMES
BLOCK = 2**20
THUMBNAIL = 96


class Found(typing.NamedTuple):
    """What a file turned out to be; all but `bad` is of a usable image.

    Attributes:
      bad: None, or (kind, message) of an images.BadImage; the error itself would keep
        the half decoded image in memory.
      height, width: in pixels, upright; format, mode: see images.Picture.
      of_bytes, of_pixels: digests; equal ones mean equal files, equal images.
      thumbnail: [h, w, 3] uint8 in the shape of training, THUMBNAIL pixels long.
      warnings: what Pillow warned of.
      doubt: see egsc_tf.data.doubts.
    """

    bad: typing.Optional[tuple[str, str]]
    height: int = 0
    width: int = 0
    format: str = ""
    mode: str = ""
    of_bytes: bytes = b""
    of_pixels: bytes = b""
    thumbnail: typing.Optional[np.ndarray] = None
    warnings: tuple[str, ...] = ()
    doubt: str = ""


def read_files(paths, height, width, workers):
    """Yields (path, Found), in order, for training at a size; by `workers` threads."""
    longest = max(height, width)
    cell = [max(1, round(side * THUMBNAIL / longest)) for side in (height, width)]
    with warnings.catch_warnings():
        # Once for all threads: each keeps the list of its own file.
        warnings.simplefilter("always")
        warnings.showwarning = _keep_warning
        yield from in_order(functools.partial(_read, cell=cell), paths, workers)


_here = threading.local()


def _keep_warning(message, *_args, **_kwargs):
    getattr(_here, "warnings", []).append(str(message))


def _read(path, cell):
    _here.warnings = []
    try:
        with images.open_file(path) as file:
            picture = images.decode(file, path)
            of_bytes = _digest_of_file(file, path)
    except images.BadImage as error:
        return Found((error.kind, str(error)))
    pixels = picture.pixels
    shape = np.array(pixels.shape, np.int64)
    of_pixels = hashlib.blake2b(shape, digest_size=16)
    of_pixels.update(np.ascontiguousarray(pixels))
    return Found(
        None,
        *pixels.shape[:2],
        picture.format,
        picture.mode,
        of_bytes,
        of_pixels.digest(),
        images.resize(pixels, *cell),
        tuple(dict.fromkeys(_here.warnings)),
        doubts.of(picture),
    )


def _digest_of_file(file, name):
    digest = hashlib.blake2b(digest_size=16)
    try:
        file.seek(0)
        while block := file.read(BLOCK):
            digest.update(block)
    except OSError as error:
        raise images.refused(name, error) from error
    return digest.digest()
