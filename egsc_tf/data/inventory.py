"""Which images there were, by digests of their names and pixels, and what has changed.

16 bytes an image: 200,000 images are 3 MB. Pixels, at the size of training, are what a
run depends on: a file that was copied or touched is the same, and one that is decoded
otherwise, be it by another Pillow, is not.
"""

import hashlib
import os
import typing

import numpy as np

from egsc_tf.runtime.counted import counted


class Inventory(typing.NamedTuple):
    """The images of a domain, in their order: uint64 [N] each."""

    names: np.ndarray
    pixels: np.ndarray


class Changes(typing.NamedTuple):
    """How many images of a domain were added, are gone, or have other pixels."""

    before: int
    now: int
    added: int
    gone: int
    changed: int

    def __str__(self):
        return (
            f"{counted(self.before, 'image')} then, {self.now:,} now "
            f"({self.added:,} added, {self.gone:,} gone, {self.changed:,} changed)"
        )


def digest(data):
    """8 bytes of a digest of bytes, as an integer."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def of(names, pixels):
    """The Inventory of images.

    Args:
      names: as str, such that they are the same where the data lie elsewhere.
      pixels: of `digest`.
    """
    named = [digest(os.fsencode(name)) for name in names]
    return Inventory(np.array(named, np.uint64), np.array(pixels, np.uint64))


def changes(before, now):
    """The Changes between two Inventories; None where they hold the same images."""
    then = dict(zip(before.names.tolist(), before.pixels.tolist()))
    here = dict(zip(now.names.tolist(), now.pixels.tolist()))
    found = Changes(
        len(before.names),
        len(now.names),
        sum(name not in then for name in here),
        sum(name not in here for name in then),
        sum(then.get(name, pixels) != pixels for name, pixels in here.items()),
    )
    return found if any((found.added, found.gone, found.changed)) else None
