"""Which images there were, by digests of their names and marks, and what has changed.

16 bytes an image: 200,000 images are 3 MB. No image is opened: a mark is the size of a
file, or the length and checksum of a record. A file that was copied or touched is the
same; so is one that was replaced by another of just as many bytes.

Where there are many images, the marks of some are looked up: on a file server, to ask
for the size of each could take minutes.
"""

import hashlib
import os
import typing

import numpy as np

from egsc_tf.runtime.counted import counted

MARKED = 10_000  # images of a domain whose marks are looked up
UNKNOWN = 0  # the mark of the others


class Inventory(typing.NamedTuple):
    """The images of a domain, in their order: uint64 [N] each."""

    names: np.ndarray
    marks: np.ndarray


class Changes(typing.NamedTuple):
    """How many images of a domain were added, are gone, or have another mark."""

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


def of(names, mark):
    """The Inventory of images.

    Args:
      names: str or bytes, such that they are the same where the data lie elsewhere.
      mark: (index) -> an integer, see egsc_tf.data.listing; looked up of MARKED images
        with the least digests: mostly the same ones where images were added.
    """
    named = np.fromiter((digest(os.fsencode(name)) for name in names), np.uint64)
    marks = np.full(len(named), UNKNOWN, np.uint64)
    for index in np.argsort(named)[:MARKED].tolist():
        marks[index] = mark(index)
    return Inventory(named, marks)


def changes(before, now):
    """The Changes between two Inventories; None where they hold the same images. Marks
    count where both are known."""
    then = dict(zip(before.names.tolist(), before.marks.tolist()))
    here = dict(zip(now.names.tolist(), now.marks.tolist()))

    def differ(name, mark):
        earlier = then.get(name, UNKNOWN)
        return earlier != mark and UNKNOWN not in (earlier, mark)

    found = Changes(
        len(before.names),
        len(now.names),
        sum(name not in then for name in here),
        sum(name not in here for name in then),
        sum(differ(name, mark) for name, mark in here.items()),
    )
    return found if any((found.added, found.gone, found.changed)) else None
