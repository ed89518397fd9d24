"""A source of decoded images, wherever they come from: files, records, TFDS.

Every image is decoded once at the start, so that a bad one is known before the first
step. The pixels, already resized, stay in memory, or in a temporary file where they
take too much of it.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import shutil
import tempfile
import typing

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from egsc_tf.data import doubts, images, inventory, python_op
from egsc_tf.data.images import FEWEST
from egsc_tf.errors import UserError
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.threads import in_order

NAMED = 20  # images left out that the log names
ALIGNMENT = 64  # bytes, of TensorFlow's tensors


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of one domain before they are decoded.

    Attributes:
      where: what messages call it: a folder, a split.
      count: how many images.
      items: iterable of (name, () -> images.Picture), in an order that never changes;
        the function raises images.BadImage naming the image.
      place: what the names begin with, which changes where the data are moved.
    """

    where: str
    count: int
    items: typing.Iterable
    place: str = ""

    def first(self, most):
        """The listing of its first images, at most so many."""
        few = itertools.islice(self.items, most)
        return dataclasses.replace(self, count=min(most, self.count), items=few)


class Decoded:
    """A source (see `egsc_tf.data.stream`) over the images of two listings.

    Args:
      listings: {"a": Listing, "b": Listing}.
      height, width: what images are resized to.
      on_bad_image: "stop" raises at the first that does not decode; "skip" lists,
        counts and leaves out.
      cache_gib: pixels that take more than this are kept in a temporary file.

    What is left out, and what decodes and is doubtful, is logged by name.

    Attributes:
      where: {"a": ..., "b": ...}, of the listings.
      names: {"a": [...], "b": [...]}, the usable images.
      bad: the messages about images left out.

    Raises:
      UserError: where a listing has fewer than two usable images.
      egsc_tf.data.images.BadImage: one does not decode and on_bad_image is "stop".
    """

    def __init__(self, listings, height, width, on_bad_image="stop", cache_gib=2.0):
        self.height, self.width = height, width
        self.bad = []
        total = sum(listing.count for listing in listings.values())
        in_memory = total * height * width * 3 <= cache_gib * 2**30
        self.where = {domain: listing.where for domain, listing in listings.items()}
        self.names, self._pixels, self._inventory = {}, {}, {}
        doubtful = doubts.Doubts()
        for domain, listing in listings.items():
            usable, self._pixels[domain], digests = self._decode(
                listing, on_bad_image, in_memory, doubtful
            )
            self.names[domain] = usable
            names = [name.removeprefix(listing.place) for name in usable]
            self._inventory[domain] = inventory.of(names, digests)
            if len(usable) < FEWEST:
                raise UserError(
                    f"{listing.where}: expected at least {FEWEST} usable images, found "
                    f"{len(usable)}"
                )
        for message in self.bad[:NAMED]:
            logging.warning("left out: %s", message)
        if self.bad:
            logging.warning("left out %d of %s", len(self.bad), counted(total, "image"))
        doubtful.tell(total)

    def size(self, domain):
        """How many images an epoch of a domain has."""
        return len(self.names[domain])

    def fingerprint(self):
        """A digest of all pixels, in their order."""
        digest = hashlib.sha256(f"{self.height} {self.width}".encode())
        for domain, found in sorted(self._inventory.items()):
            digest.update(f"{domain} {len(found.pixels)}".encode())
            digest.update(found.pixels.tobytes())
        return digest.hexdigest()[:16]

    def inventory(self, domain):
        """The inventory.Inventory of a domain."""
        return self._inventory[domain]

    def pixels(self, domain, index):
        """[H, W, 3] uint8 of an image."""
        return np.asarray(self._pixels[domain][index])

    def image(self, domain, index, seed):
        """[H, W, 3] uint8 as a tensor; `seed` is not used: a file has one look."""
        del seed
        pixels = self._pixels[domain]
        if tf.is_tensor(pixels):  # in memory: no Python is needed to take one out
            return tf.gather(pixels, index)
        pixels = python_op.call(lambda i: self.pixels(domain, i), [index], tf.uint8)
        return tf.ensure_shape(pixels, [self.height, self.width, 3])

    def _decode(self, listing, on_bad_image, in_memory, doubtful):
        """(names of the usable images, their pixels [N, H, W, 3]: a tensor, or an array
        that reads a file; digests of each one's pixels)."""
        shape = (listing.count, self.height, self.width, 3)
        if in_memory:
            pixels = _aligned(shape)
        else:
            # The file has no name, and is deleted with the array that reads it.
            file = tempfile.TemporaryFile(prefix="egsc_tf_")  # noqa: SIM115
            logging.info("%s: decoded to a temporary file, see TMPDIR", listing.where)
            # A full disk would be a bus error later on.
            needed, folder = int(np.prod(shape)), tempfile.gettempdir()
            if shutil.disk_usage(folder).free < needed:
                raise UserError(
                    f"{listing.where}: expected {needed / 2**30:.1f} GiB free in "
                    f"{folder} (TMPDIR), or a larger --cache_gib"
                )
            pixels = np.memmap(file, np.uint8, "w+", shape=shape)

        def decode(item):
            try:
                picture = item[1]()
            except images.BadImage as error:
                if on_bad_image == "stop":
                    raise images.naming_skip(error) from error
                # Not the error, which keeps the half decoded image in memory.
                return str(error)
            image = images.resize(picture.pixels, self.height, self.width)
            digest = inventory.digest(np.ascontiguousarray(image))
            return image, digest, doubts.of(picture)

        names, digests = [], []
        bar = tqdm(desc=f"reading {listing.where}", total=listing.count, unit="image")
        with bar, _reading(listing.where):
            for (name, _), found in in_order(decode, listing.items):
                bar.update()
                if isinstance(found, str):
                    self.bad.append(found)
                    continue
                pixels[len(names)], digest, doubt = found
                names.append(name)
                digests.append(digest)
                doubtful.add(name, doubt)
        pixels = pixels[: len(names)]
        if not in_memory:
            return names, pixels, digests
        with tf.device("CPU:0"):  # a GPU's memory is for the networks
            return names, tf.constant(pixels), digests


def _aligned(shape):
    """An array of uint8 of which TensorFlow makes one copy, not two."""
    size = int(np.prod(shape))
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].reshape(shape)


@contextlib.contextmanager
def _reading(where):
    """Within it, what TensorFlow cannot read of a listing is a UserError."""
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(
            f"{where}: expected files that can be read to their end, found: "
            f"{error.message}"
        ) from error
