"""Which images there were, by digests of their names and marks, and what has changed.

16 bytes an image: 200,000 images are 3 MB. No image is opened: a mark is the size of a
file, or the length and checksum of a record. A file that was copied or touched is the
same; so is one that was replaced by another of just as many bytes.
"""

import hashlib
import os
import typing

import numpy as np


class Inventory(typing.NamedTuple):
    """The images of a domain, in their order: uint64 [N] each; marks may be unknown."""

    names: np.ndarray
    marks: typing.Optional[np.ndarray]


class Changes(typing.NamedTuple):
    """How many images of a domain were added, are gone, or have another mark."""

    before: int
    now: int
    added: int
    gone: int
    changed: int

    def __str__(self):
        return (
            f"{self.before:,} images then, {self.now:,} now ({self.added:,} added, "
            f"{self.gone:,} gone, {self.changed:,} changed)"
        )


def digest(data):
    """8 bytes of a digest of bytes, as an integer."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def of(names, marks):
    """The Inventory of images.

    Args:
      names: as str, such that they are the same where the data lie elsewhere.
      marks: integers, see egsc_tf.data.listing.
    """
    named = (digest(os.fsencode(name)) for name in names)
    return Inventory(np.fromiter(named, np.uint64), np.fromiter(marks, np.uint64))


def changes(before, now):
    """The Changes between two Inventories; None where they hold the same images. Where
    marks of one are unknown, names alone are compared."""
    if before.marks is None or now.marks is None:
        before, now = (x._replace(marks=np.zeros_like(x.names)) for x in (before, now))
    then = dict(zip(before.names.tolist(), before.marks.tolist()))
    here = dict(zip(now.names.tolist(), now.marks.tolist()))
    found = Changes(
        len(before.names),
        len(now.names),
        sum(name not in then for name in here),
        sum(name not in here for name in then),
        sum(then.get(name, mark) != mark for name, mark in here.items()),
    )
    return found if any((found.added, found.gone, found.changed)) else None
