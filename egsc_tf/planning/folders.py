"""What two folders of images are like, from a sample of each."""

import dataclasses
import functools
import os
import time
import typing

import numpy as np

from egsc_tf.data import images
from egsc_tf.data.listings import folder
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError
from egsc_tf.runtime.threads import in_order

SAMPLED = 64  # images of a folder, evenly over it
THUMBNAIL = 16  # pixels a side
GREY = 3  # the largest mean difference of two channels, of 255


@dataclasses.dataclass(frozen=True)
class Domain:
    """One folder.

    Attributes:
      folder: its path.
      count: how many images it lists.
      sample: paths of usable images.
      height, width: in pixels, medians of the sample.
      grey: whether no image of the sample has a colour.
      bad: what is wrong with those of the sample that cannot be used.
    """

    folder: str
    count: int
    sample: list
    height: int
    width: int
    grey: bool
    bad: tuple = ()


@dataclasses.dataclass(frozen=True)
class Look:
    """Two folders.

    Attributes:
      domains: {"a": Domain, "b": Domain}.
      difference: of the two mean images, in standard deviations of the images around
        them. 0: alike.
      seconds_per_image: to read and decode one.
    """

    domains: dict
    difference: float
    seconds_per_image: float


def look(data_dir, recursive=False):
    """The Look of DIR/trainA and DIR/trainB; recursive: with their subfolders.

    Raises:
      UserError: where a folder is missing, or fewer than two images of its sample
        can be used.
    """
    listings = folder.listings(data_dir, "train", recursive)
    began = time.perf_counter()
    found = {domain: _sample(listings[domain]) for domain in DOMAINS}
    seconds = time.perf_counter() - began
    domains = {name: _domain(listings[name], *some) for name, some in found.items()}
    thumbnails = [[each.thumbnail for each in sample] for sample, _ in found.values()]
    read = sum(len(sample) for sample, _ in found.values())
    return Look(domains, difference(*thumbnails), seconds / read)


def difference(a, b):
    """How far two sets of images are apart, as `Look.difference` says.

    a, b: [n, h, w, 3] of at least two images each. What chance alone makes of so few
    images is taken off.
    """
    a, b = (np.asarray(each, np.float64) for each in (a, b))
    within = [each.var(axis=0, ddof=1) for each in (a, b)]
    chance = within[0] / len(a) + within[1] / len(b)
    apart = np.mean((a.mean(axis=0) - b.mean(axis=0)) ** 2 - chance)
    spread = np.mean(within)
    return float(np.sqrt(max(apart, 0.0) / max(spread, 1.0)))


class _Image(typing.NamedTuple):
    """An image of the sample; thumbnail: [THUMBNAIL, THUMBNAIL, 3] uint8."""

    path: str
    height: int
    width: int
    thumbnail: np.ndarray


def _sample(listing):
    """(the _Images of the sample that decode, what is wrong with the others)."""
    step = max(1.0, listing.count / SAMPLED)
    some = [int(n * step) for n in range(min(listing.count, SAMPLED))]
    read_one = functools.partial(_read, listing)
    read = [one for _, one in in_order(read_one, some, os.cpu_count())]
    found = [one for one in read if isinstance(one, _Image)]
    if len(found) < images.FEWEST:
        raise UserError(
            f"{images.printable(listing.where)}: expected at least {images.FEWEST} "
            f"usable images, found {len(found)} in a sample of {len(some)}; python -m "
            "egsc_tf.check_dataset says what is wrong"
        )
    return found, tuple(one for one in read if isinstance(one, str))


def _read(listing, index):
    try:
        pixels = listing.read(index).pixels
    except images.BadImage as error:
        return str(error)
    thumbnail = images.resize(pixels, THUMBNAIL, THUMBNAIL)
    return _Image(listing.name(index), *pixels.shape[:2], thumbnail)


def _domain(listing, sample, bad):
    height, width = np.median([(one.height, one.width) for one in sample], axis=0)
    spread = [np.ptp(one.thumbnail, axis=-1).mean() for one in sample]
    return Domain(
        listing.where,
        listing.count,
        [one.path for one in sample],
        int(height),
        int(width),
        bool(max(spread) < GREY),
        bad,
    )
