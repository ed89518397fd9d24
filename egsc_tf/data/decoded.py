"""A source of decoded images, wherever they come from: files, records, TFDS.

An image is decoded when it first comes up. Its pixels, already resized, are kept in
memory as far as --cache_gib goes, and on disk between runs with --cache_dir.

With --on_bad_image=skip the place of an image that does not decode is taken by the next
one that does, in the listing's order and from its end on to its beginning. So which
image a step gets is a function of the files alone, whatever was read before.
"""

import functools
import hashlib
import threading

import numpy as np
import tensorflow as tf
from absl import logging

from egsc_tf.data import doubts, images, inventory, python_op
from egsc_tf.data.images import FEWEST
from egsc_tf.data.pixel_cache import GIB, PixelCache
from egsc_tf.errors import UserError

NAMED = 20  # images left out that the log names


class Decoded:
    """A source (see `egsc_tf.data.stream`) over the images of two listings.

    Args:
      listings: {"a": egsc_tf.data.listing.Listing, "b": ...}.
      height, width: what images are resized to.
      on_bad_image: "stop" raises at the first that does not decode; "skip" names it and
        gives the next good one in its place.
      cache_gib: how many GiB of pixels are kept in memory at most.
      cache_dir: folder where pixels are kept between runs; empty: nowhere.
      most: how many images of a listing there are at most, the first ones; None: all.

    Attributes:
      where: {"a": ..., "b": ...}, of the listings.

    Raises:
      UserError: where a listing has fewer than two images; and later, from what gives
        images, where fewer than two of them are usable.
      egsc_tf.data.images.BadImage: later, likewise, where one does not decode and
        on_bad_image is "stop".
    """

    def __init__(
        self,
        listings,
        height,
        width,
        on_bad_image="stop",
        cache_gib=2.0,
        cache_dir="",
        most=None,
    ):
        self.height, self.width = height, width
        self.where = {domain: listing.where for domain, listing in listings.items()}
        self._doubtful = doubts.Doubts()
        self._images = {}
        for domain, listing in listings.items():
            count = listing.count if most is None else min(most, listing.count)
            self._images[domain] = _Images(
                listing, count, (height, width), on_bad_image, self._doubtful
            )
        sizes = {domain: found.count for domain, found in self._images.items()}
        gib = sum(sizes.values()) * height * width * 3 / GIB
        share = min(1.0, cache_gib / gib)
        for found in self._images.values():
            shape = (height, width, 3)
            found.keep(int(share * found.count))
            if cache_dir:
                home, count = found.listing.home, found.count
                found.cache = PixelCache(cache_dir, home, count, shape)
        if share < 1.0:
            logging.info(
                "%.1f GiB of pixels, of which --cache_gib=%g are kept in memory; the "
                "others are %s",
                gib,
                cache_gib,
                "read from --cache_dir"
                if cache_dir
                else "decoded each time; --cache_dir keeps them on disk",
            )

    def size(self, domain):
        """How many images an epoch of a domain has."""
        return self._images[domain].count

    def fingerprint(self):
        """A digest of what `inventory` gives, and of the size."""
        digest = hashlib.sha256(f"{self.height} {self.width}".encode())
        for domain in sorted(self._images):
            for part in self.inventory(domain):
                digest.update(f"{domain} {len(part)}".encode())
                digest.update(part.tobytes())
        return digest.hexdigest()[:16]

    def inventory(self, domain):
        """The inventory.Inventory of a domain, for which no image is opened."""
        return self._images[domain].inventory

    def index(self, domain, index):
        """Which image stands at a place: the next good one, where its own was asked for
        and is bad."""
        return self._images[domain].index(index)

    def name(self, domain, index):
        """The name of the image at a place, see `index`."""
        return self._images[domain].listing.name(self.index(domain, index))

    def bad(self, domain):
        """{index: message} of the images that came up and are left out."""
        return dict(self._images[domain].bad)

    def pixels(self, domain, index):
        """[H, W, 3] uint8 of an image. Not to be written to."""
        return self._images[domain].pixels(int(index))

    def image(self, domain, index, seed):
        """[H, W, 3] uint8 as a tensor; `seed` is not used: a file has one look."""
        del seed
        # Not a variable of TensorFlow, which would need no Python: where operations are
        # deterministic, tf.data would take one image after the other.
        pixels = python_op.call(lambda i: self.pixels(domain, i), [index], tf.uint8)
        return tf.ensure_shape(pixels, [self.height, self.width, 3])

    def tell(self):
        """Says how many images were left out and are doubtful, of those that came up
        until now; nothing where that was said before."""
        found = self._images.values()
        came_up = sum(x.came_up for x in found)
        if any(len(x.bad) > x.told for x in found):
            bad = sum(len(x.bad) for x in found)
            logging.warning("left out %d of %d images", bad, came_up)
            for x in found:
                x.told = len(x.bad)
        self._doubtful.tell(came_up)


class _Images:
    """The images of one listing. For any threads.

    Attributes:
      cache: None, or their PixelCache.
      bad: {index: message} of those that came up and do not decode.
      told: how many of them were counted in the log.
    """

    def __init__(self, listing, count, size, on_bad_image, doubtful):
        self.listing, self.count = listing, count
        self.cache, self.bad, self.told = None, {}, 0
        self._size, self._stops = size, on_bad_image == "stop"
        self._doubtful = doubtful
        self._seen = np.zeros(count, bool)
        self.keep(0)
        self._lock = threading.Lock()
        self._require(count)

    def keep(self, count):
        """Keeps the first images in memory, as they come up."""
        # Not zeros: the system gives memory to what is written only.
        self._kept = np.empty((count, *self._size, 3), np.uint8)
        self._is_kept = np.zeros(count, bool)

    @property
    def came_up(self):
        return int(self._seen.sum())

    @functools.cached_property
    def inventory(self):
        names, place = self.listing.name, self.listing.place
        return inventory.of(
            (names(i).removeprefix(place) for i in range(self.count)),
            map(self.listing.mark, range(self.count)),
        )

    def index(self, index):
        with self._lock:
            self._require(self.count - len(self.bad))
            while index in self.bad:
                index = (index + 1) % self.count
        return index

    def pixels(self, index):
        """[H, W, 3] uint8 of the image at a place, see Decoded.index."""
        if index >= len(self._kept):
            return self._good(index)
        if not self._is_kept[index]:
            self._kept[index] = self._good(index)
            self._is_kept[index] = True  # the pixels are there for all threads
        return self._kept[index]

    def _good(self, index):
        while True:
            index = self.index(index)
            try:
                return self._read(index)
            except images.BadImage as error:
                if self._stops:
                    raise images.BadImage(
                        f"{error}; a run with --on_bad_image=skip leaves it out",
                        error.kind,
                    ) from error
                self._leave_out(index, str(error))

    def _read(self, index):
        version = self.listing.version(index) if self.cache else ""
        pixels = self.cache.get(index, version) if self.cache else None
        if pixels is None:
            picture = self.listing.read(index)
            pixels = images.resize(picture.pixels, *self._size)
            if not self._seen[index]:
                self._doubtful.add(self.listing.name(index), doubts.of(picture))
            if self.cache:
                self.cache.put(index, version, pixels)
        self._seen[index] = True
        return pixels

    def _leave_out(self, index, message):
        with self._lock:
            if index in self.bad:
                return
            self.bad[index], self._seen[index] = message, True
            if len(self.bad) <= NAMED:
                logging.warning("left out: %s", message)

    def _require(self, usable):
        if usable < FEWEST:
            raise UserError(
                f"{self.listing.where}: expected at least {FEWEST} usable images, "
                f"found {usable}{' at most' if self.bad else ''}"
            )
