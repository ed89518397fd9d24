"""Whole files through Beam's file systems: paths of this machine, gs://, s3://, hdfs://."""

import hashlib
import os

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.runtime.files import write_whole


def is_local(path):
    return "://" not in path


def folder(path):
    """A folder's path, the same however it is written."""
    return os.path.realpath(path or ".") if is_local(path) else path.rstrip("/")


def folder_of(path):
    return folder(os.path.dirname(path))


def read(path):
    """The bytes of a file. Raises OSError, or BadImage for what is no file."""
    if is_local(path):
        with images.open_file(path) as file:  # a pipe would make FileSystems wait
            return file.read()
    # What is called x.gz is to be refused, not unpacked.
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        return file.read()


def write(path, data):
    """Writes bytes; on this machine beside and then renamed. An object store shows a
    file only when it is closed."""
    if is_local(path):
        write_whole(path, data)
    else:
        with FileSystems.create(
            path, compression_type=CompressionTypes.UNCOMPRESSED
        ) as file:
            file.write(data)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def matching(pattern, flag, most=None):
    """Sorted paths that match a pattern, at most `most`. Raises UserError."""
    if is_local(pattern) and os.path.isdir(pattern):
        raise UserError(
            f"{flag}={pattern}: expected a pattern, such as "
            f"'{os.path.join(pattern, '*')}', found a folder"
        )
    limits = None if most is None else [most]
    (found,) = FileSystems.match([pattern], limits)
    if not found.metadata_list:
        raise UserError(f"{flag}={pattern}: expected files, found none")
    return sorted(each.path for each in found.metadata_list)
