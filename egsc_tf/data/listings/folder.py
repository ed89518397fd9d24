"""Two folders of unpaired images: trainA, trainB, testA, testB under one folder."""

import os

from egsc_tf.data import folders, images
from egsc_tf.data.listing import Listing
from egsc_tf.domains import DOMAINS
from egsc_tf.errors import UserError


class Folder(Listing):
    """The images of a folder.

    Args:
      recursive: also those of its subfolders.

    Raises:
      UserError: where it is missing or empty.
    """

    def __init__(self, path, recursive=False):
        self._paths = folders.list_images(path, recursive)
        self.where, self.count = path, len(self._paths)
        self.place = os.path.join(path, "")
        self.home = f"{os.path.abspath(path)}{' and below' if recursive else ''}"

    def name(self, index):
        return self._paths[index]

    def read(self, index):
        return images.read_picture(self._paths[index])

    def mark(self, index):
        """The size of the file; 0 where it cannot be looked at."""
        try:
            return os.stat(self._paths[index]).st_size
        except OSError:
            return 0

    def version(self, index):
        path = self._paths[index]
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
    if not data_dir:
        raise UserError(
            f"--data_dir: expected a folder with {split}A and {split}B, found none"
        )
    return {
        domain: Folder(os.path.join(data_dir, split + domain.upper()), recursive)
        for domain in DOMAINS
    }
