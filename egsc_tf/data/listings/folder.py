"""Two folders of unpaired images: trainA, trainB, testA, testB under one folder."""

import functools
import os

from egsc_tf.data import folders, images
from egsc_tf.data.decoded import Listing
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError

NAMES = tuple(s + domain.upper() for s in ("train", "test") for domain in DOMAINS)


def require_above(data_dir):
    """Raises UserError for the folder of a domain in place of the one above it."""
    above, name = os.path.split(os.path.abspath(data_dir))
    if name in NAMES and not any(
        os.path.isdir(os.path.join(data_dir, each)) for each in NAMES
    ):
        raise UserError(
            f"--data_dir={images.printable(data_dir)}: expected the folder that has "
            f"{', '.join(NAMES)} in it, found one of these; --data_dir="
            f"{images.printable(above)} is above it"
        )


def listings(data_dir, split, recursive=False):
    """{"a": Listing, "b": Listing} of DIR/{split}A and DIR/{split}B.

    Args:
      recursive: also the images of subfolders.

    Raises:
      UserError: where a folder is missing or empty.
    """
    if not data_dir:
        raise UserError(
            f"--data_dir: expected a folder with {split}A and {split}B, found none"
        )
    require_above(data_dir)
    found = {}
    for domain in DOMAINS:
        folder = os.path.join(data_dir, split + domain.upper())
        paths = folders.list_images(folder, recursive)
        items = [(path, functools.partial(images.read_picture, path)) for path in paths]
        found[domain] = Listing(folder, len(items), items, os.path.join(folder, ""))
    return found
