"""The pixels of one domain: decoded when they first come up, and kept from then on.

They are kept in memory as far as --cache_gib goes, and on disk between runs with
--cache_dir. What has no room is decoded each time that it comes up.

With --on_bad_image=skip the place of an image that does not decode is taken by the next
one that does, in the listing's order and from its end on to its beginning. So which
image a step gets is a function of the files alone, whatever was read before.
"""

import concurrent.futures
import functools
import os
import threading

import numpy as np
from absl import logging

from egsc_tf.data import doubts, images, inventory
from egsc_tf.data.images import FEWEST
from egsc_tf.errors import UserError

NAMED = 20  # images left out that the log names
NOWHERE = -1  # the slot of an image that is not kept


@functools.cache
def _pool():
    return concurrent.futures.ThreadPoolExecutor(os.cpu_count())


class Store:
    """The images of one listing, resized. For any threads.

    Args:
      listing: egsc_tf.data.listing.Listing.
      count: how many of its images there are, the first ones.
      size: (H, W).
      kept: how many of them have room in memory, the first that come up.
      stops: whether a bad image is an error, or left out.
      doubtful: egsc_tf.data.doubts.Doubts.

    Attributes:
      cache: None, or a PixelCache of the same images.
      bad: {index: message} of those that came up and do not decode.

    Raises:
      UserError: where there are fewer than two images.
    """

    def __init__(self, listing, count, size, kept, stops, doubtful):
        self.listing, self.count = listing, count
        self.cache, self.bad = None, {}
        self._size, self._stops, self._doubtful = size, stops, doubtful
        self._seen = np.zeros(count, bool)
        self._looked_at = np.zeros(count, bool)
        # The system gives memory only to what is written, but 2 MiB at once: images
        # lie in the order in which they came up, so that few of many take little.
        self._kept = np.empty((kept, *size, 3), np.uint8)
        self._slots = np.full(count, NOWHERE)
        self._used = 0
        self._lock = threading.Lock()
        self._require(count)

    @property
    def came_up(self):
        """How many images were asked for until now."""
        return int(self._seen.sum())

    @property
    def decoded(self):
        """How many images were decoded until now, and not read from a cache."""
        return int(self._looked_at.sum())

    @functools.cached_property
    def inventory(self):
        """The inventory.Inventory of the images."""
        keys = map(self.listing.key, range(self.count))
        return inventory.of(keys, self.listing.mark)

    def index(self, index):
        """The place of the next image that is not known to be bad, from `index` on."""
        with self._lock:
            self._require(self.count - len(self.bad))
            while index in self.bad:
                index = (index + 1) % self.count
        return index

    def pixels(self, indices):
        """[N, H, W, 3] uint8 of the images at some places.

        Raises:
          UserError: where fewer than two images are usable.
          egsc_tf.data.images.BadImage: where one does not decode and is to stop.
        """
        indices = np.asarray(indices)
        slots = self._slots[indices]
        there, missing = np.flatnonzero(slots >= 0), np.flatnonzero(slots < 0)
        if not len(missing):
            return self._kept[slots]
        found = np.empty((len(indices), *self._size, 3), np.uint8)
        found[there] = self._kept[slots[there]]

        def fill(places):
            for place in places:
                found[place] = self._one(int(indices[place]))

        # A call of the pool for each image would cost as much as a small image.
        parts = min(len(missing), os.cpu_count())
        first, *others = (missing[i::parts] for i in range(parts))
        waiting = [_pool().submit(fill, part) for part in others]
        fill(first)
        for part in waiting:
            part.result()
        return found

    def _one(self, index):
        """[H, W, 3] of the image at a place; kept where there is room."""
        pixels = self._good(index)
        with self._lock:
            if self._slots[index] < 0 and self._used < len(self._kept):
                self._kept[self._used] = pixels
                self._slots[index] = self._used  # from here on others may take it
                self._used += 1
        return pixels

    def _good(self, index):
        while True:
            index = self.index(index)
            try:
                return self._read(index)
            except images.BadImage as error:
                if self._stops:
                    raise images.naming_skip(error) from error
                self._leave_out(index, str(error))

    def _read(self, index):
        version = self.listing.version(index) if self.cache else ""
        pixels = self.cache.get(index, version) if self.cache else None
        if pixels is None:
            picture = self.listing.read(index)
            pixels = images.resize(picture.pixels, *self._size)
            self._look_at(index, picture)
            if self.cache:
                self.cache.put(index, version, pixels)
        self._seen[index] = True
        return pixels

    def _look_at(self, index, picture):
        """Says what is doubtful about a picture, once."""
        with self._lock:
            first = not self._looked_at[index]
            self._looked_at[index] = True
        if first:
            self._doubtful.add(self.listing.name(index), doubts.of(picture))

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
