"""Two folders of unpaired images: trainA, trainB, testA, testB under one folder."""

import array
import itertools
import os

from egsc_tf.data import folders, images
from egsc_tf.data.listing import Listing
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


class Folder(Listing):
    """The images of a folder.

    Args:
      recursive: also those of its subfolders.

    Raises:
      UserError: where it is missing or empty.
    """

    def __init__(self, path, recursive=False):
        names = [os.fsencode(name) for name in folders.list_names(path, recursive)]
        # Half a million strings would take 50 MB.
        self._names = b"".join(names)
        lengths = map(len, names)
        self._ends = array.array("q", itertools.accumulate(lengths, initial=0))
        self.where, self.count = path, len(names)
        self.home = f"{os.path.abspath(path)}{' and below' if recursive else ''}"

    def key(self, index):
        return self._names[self._ends[index] : self._ends[index + 1]]

    def name(self, index):
        return os.path.join(self.where, os.fsdecode(self.key(index)))

    def read(self, index):
        return images.read_picture(self.name(index))

    def mark(self, index):
        """The size of the file; 0 where it cannot be looked at."""
        try:
            return os.stat(self.name(index)).st_size
        except OSError:
            return 0

    def version(self, index):
        path = self.name(index)
        try:
            stat = os.stat(path)
        except OSError as error:
            raise images.refused(path, error) from error
        return f"{os.path.abspath(path)} {stat.st_size} {stat.st_mtime_ns}"


def listings(data_dir, split, recursive=False):
    """{"a": Listing, "b": Listing} of DIR/{split}A and DIR/{split}B.

    Args:
      recursive: also the images of subfolders.

    Raises:
      UserError: where a folder is missing or empty.
    """
    return {
        domain: Folder(place, recursive)
        for domain, place in _places(data_dir, split).items()
    }


def check(data_dir, split, recursive=False):
    """Raises UserError as `listings` does, without listing folders that have images."""
    for place in _places(data_dir, split).values():
        folders.require_images(place, recursive)


def _places(data_dir, split):
    """{"a": DIR/{split}A, "b": DIR/{split}B}."""
    if not data_dir:
        raise UserError(
            f"--data_dir: expected a folder with {split}A and {split}B, found none"
        )
    require_above(data_dir)
    return {
        domain: os.path.join(data_dir, split + domain.upper()) for domain in DOMAINS
    }
