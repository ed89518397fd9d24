"""Files that are never seen half written: written beside, then renamed."""

import contextlib
import os
from collections.abc import Iterator
from typing import Union


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[str]:
    """Gives the path to write to; it takes the name `path` when the block has ended.

    Where the block raises, `path` stays as it was and nothing is left beside it; errors
    of the operating system name it.
    """
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    part = path + ".part"
    try:
        yield part
        flush(part)
        os.replace(part, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.remove(part)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path  # that of a full disk has none
        raise


@contextlib.contextmanager
def kept_folder(path: str) -> Iterator[None]:
    """Within it there is a folder; what it made of it goes where the block raises,
    unless something else is in it by then."""
    made, above = [], os.path.abspath(path)
    while not os.path.isdir(above):
        made.append(above)
        above = os.path.dirname(above)
    os.makedirs(path, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made:
                os.rmdir(folder)
        raise


def write_whole(path: str, content: Union[str, bytes]) -> None:
    """Writes bytes, or text as UTF-8, to a file that is never seen half written."""
    data = content.encode() if isinstance(content, str) else content
    with whole_file(path) as part, open(part, "wb") as file:
        file.write(data)


def flush(path: str) -> None:
    """Waits until the disk has a file, which a machine that dies loses otherwise."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
