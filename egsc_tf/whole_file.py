"""Files that are never seen half written: written beside, then renamed."""

import contextlib
import os


@contextlib.contextmanager
def whole_file(path):
    """Gives the path to write to; it takes the name `path` when the block has ended.

    Where the block raises, `path` stays as it was.
    """
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    part = path + ".part"
    yield part
    os.replace(part, path)
