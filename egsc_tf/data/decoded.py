"""A source of decoded images, wherever they come from: files, records, TFDS."""

import hashlib

import tensorflow as tf
from absl import logging

from egsc_tf.data import doubts, pixel_cache, python_op
from egsc_tf.data.pixel_cache import PixelCache
from egsc_tf.data.store import Store
from egsc_tf.runtime.counted import counted

GIB = 2**30


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
        self._doubtful, self._told = doubts.Doubts(), 0
        counts = {
            domain: listing.count if most is None else min(most, listing.count)
            for domain, listing in listings.items()
        }
        gib = max(1, sum(counts.values())) * height * width * 3 / GIB
        share = min(1.0, cache_gib / gib)
        self._stores = {
            domain: Store(
                listing,
                counts[domain],
                (height, width),
                int(share * counts[domain]),
                on_bad_image == "stop",
                self._doubtful,
            )
            for domain, listing in listings.items()
        }
        if cache_dir:
            for store in self._stores.values():
                shape = (height, width, 3)
                home = store.listing.home
                store.cache = PixelCache(cache_dir, home, store.count, shape)
            caches = [store.cache for store in self._stores.values()]
            pixel_cache.require_room(cache_dir, caches)
        if share < 1.0:
            logging.info(
                "%.1f GiB of pixels, of which --cache_gib=%g are kept in memory; the "
                "others are %s",
                gib,
                cache_gib,
                "read from --cache_dir"
                if cache_dir
                else "decoded each time; in training, --cache_dir keeps them on disk",
            )

    def size(self, domain):
        """How many images an epoch of a domain has."""
        return self._stores[domain].count

    def fingerprint(self):
        """A digest of what `inventory` gives, and of the size."""
        digest = hashlib.sha256(f"{self.height} {self.width}".encode())
        for domain in sorted(self._stores):
            for part in self.inventory(domain):
                digest.update(f"{domain} {len(part)}".encode())
                digest.update(part.tobytes())
        return digest.hexdigest()[:16]

    def inventory(self, domain):
        """The inventory.Inventory of a domain, for which no image is opened."""
        return self._stores[domain].inventory

    def index(self, domain, index):
        """Which image stands at a place: the next good one, where its own was asked for
        and is bad."""
        return self._stores[domain].index(index)

    def name(self, domain, index):
        """The name of the image at a place, see `index`."""
        return self._stores[domain].listing.name(self.index(domain, index))

    def bad(self, domain):
        """{index: message} of the images that came up and are left out."""
        return dict(self._stores[domain].bad)

    def pixels(self, domain, indices):
        """[N, H, W, 3] uint8 of the images at some places."""
        return self._stores[domain].pixels(indices)

    def element(self, domain, index, seed):
        """The place of an image, which has one look."""
        del domain, seed
        return index

    def batch(self, domain, indices):
        """`pixels` as a tensor."""
        return python_op.call(
            lambda some: self.pixels(domain, some),
            [indices],
            tf.uint8,
            [indices.shape[0], self.height, self.width, 3],
        )

    def tell(self):
        """Says how many images were left out and are doubtful, of those that came up
        until now; nothing where that was said before."""
        stores = self._stores.values()
        came_up = sum(store.came_up for store in stores)
        decoded = sum(store.decoded for store in stores)
        bad = sum(len(store.bad) for store in stores)
        if bad > self._told:
            logging.warning("left out %d of %s", bad, counted(came_up, "image"))
        self._told = bad
        self._doubtful.tell(decoded)
