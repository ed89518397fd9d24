"""Records of TFRecord files, each read on its own.

A record is its length (8 bytes), a checksum of that (4), its data, and a checksum of
the data (4). To find the records, only lengths are read, and the checksums beside them.
"""

import array
import contextlib
import struct

import numpy as np
import tensorflow as tf

from egsc_tf.errors import UserError
from egsc_tf.runtime import paths

HEADER = struct.Struct("<QI")
END = 4  # bytes of the checksum behind the data


class Records:
    """The records of files, in order.

    Args:
      parts: [(path, first, count)]: which records of which file; count None: the rest.
        Paths may be those of a remote store, as gs://.

    Attributes:
      marks: [N] uint64, of each record's length and checksum.

    Raises:
      UserError: where a file cannot be read, is cut off or holds something else.
    """

    def __init__(self, parts):
        self._paths, self._versions, found = [], [], array.array("q")
        for number, (path, first, count) in enumerate(parts):
            with _reading(path), _open(path) as file:
                stat = tf.io.gfile.stat(path)
                for record in _index(file, path, stat.length, first, count):
                    found.extend((number, *record))
            self._paths.append(path)
            self._versions.append(f"{path} {stat.length} {stat.mtime_nsec}")
        columns = np.array(found, np.int64).reshape(-1, 5).T.copy()
        self._part, self._number, self._starts, self._lengths, checksums = columns
        self.marks = (self._lengths << 32 | checksums).astype(np.uint64)

    def __len__(self):
        return len(self._starts)

    def place(self, index):
        """(path of the file of a record, which of the file's records it is)."""
        return self._paths[self._part[index]], int(self._number[index])

    def version(self, index):
        """Path, size and modification time of a record's file, and where it begins."""
        return f"{self._versions[self._part[index]]} {self._starts[index]}"

    def read(self, index):
        """The bytes of a record. Raises UserError where they cannot be read."""
        path, length = self._paths[self._part[index]], int(self._lengths[index])
        with _reading(path), _open(path) as file:
            file.seek(int(self._starts[index]))
            data = file.read(length)
        if len(data) < length:
            raise _broken(path)
        return data


def _index(file, path, size, first, count):
    """Yields (number, where its data begin, their length, their checksum) of records.

    size: of the file, bytes; first, count: see Records.
    """
    number, begin, header = 0, 0, file.read(HEADER.size)
    while begin < size and (count is None or number < first + count):
        if len(header) < HEADER.size:
            raise _broken(path)
        start, length = begin + HEADER.size, HEADER.unpack(header)[0]
        end = start + length + END
        if end > size:
            raise _broken(path)
        file.seek(end - END)
        after = file.read(END + HEADER.size)
        if number >= first:
            yield number, start, length, int.from_bytes(after[:END], "little")
        number, begin, header = number + 1, end, after[END:]
    if count is not None and number < first + count:
        raise UserError(
            f"{path}: expected at least {first + count} TFRecords, found {number}"
        )


def _open(path):
    """A file to seek and read in, without reading ahead where that can be."""
    if paths.is_remote(path):
        return tf.io.gfile.GFile(path, "rb")
    return open(path, "rb", buffering=0)


@contextlib.contextmanager
def _reading(path):
    """Within it, what cannot be read of a file is a UserError."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        raise UserError(f"{path}: expected TFRecords: {reason}") from error


def _broken(path):
    return UserError(
        f"{path}: expected whole TFRecords, found one that is cut off or changed"
    )
