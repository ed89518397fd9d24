"""Files inside .zip and .tar archives, which are read where they lie."""

import functools
import re
import tarfile
import zipfile

import tensorflow as tf

from egsc_tf.errors import UserError


class Members:
    """The files of archives whose path in the archive matches a pattern.

    Args:
      paths: of the archives; pattern: of whole paths in them, with one group.

    Attributes:
      places: {what the group found: (archive, path in it)}, for `read`.
    """

    def __init__(self, paths, pattern):
        self.places = {}
        for path in paths:
            for name in _names(str(path)):
                if match := re.fullmatch(pattern, name):
                    self.places[match.group(1)] = (str(path), name)


def read(place):
    """The bytes of a file, by its place in `Members`."""
    with open_member(place) as file:
        return file.read()


def open_member(place):
    """A file in an archive, by its place in `Members`, open for reading bytes."""
    path, name = place
    archive = _open(path)
    return (archive.extractfile if _is_tar(path) else archive.open)(name)


def existing(folder, names):
    """The archives of these names that are in a folder, as paths.

    Raises:
      UserError: where there is none.
    """
    paths = [folder / name for name in names if (folder / name).exists()]
    if not paths:
        raise UserError(f"{folder}: expected {' or '.join(names)}, found no such file")
    return paths


@functools.cache
def _names(path):
    if not _is_tar(path):
        return _open(path).namelist()
    return [member.name for member in _open(path) if member.isfile()]


@functools.cache
def _open(path):
    """An archive, open as long as the process lives."""
    file = tf.io.gfile.GFile(path, "rb")
    try:
        return tarfile.open(fileobj=file) if _is_tar(path) else zipfile.ZipFile(file)
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: expected a whole archive, found: {error}") from error


def _is_tar(path):
    return path.endswith(".tar")
