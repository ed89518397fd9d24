"""Two folders of unpaired images: trainA, trainB, testA, testB under one folder."""

import functools
import os

from egsc_tf.data import folders, images
from egsc_tf.data.decoded import Listing
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError


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
    found = {}
    for domain in DOMAINS:
        folder = os.path.join(data_dir, split + domain.upper())
        paths = folders.list_images(folder, recursive)
        items = [(path, functools.partial(images.read_picture, path)) for path in paths]
        found[domain] = Listing(folder, len(items), items, os.path.join(folder, ""))
    return found
