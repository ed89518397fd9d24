"""What a path means that a user gives, and whether it can be written: one rule for all.

`~` and `~USER` are home folders, `$NAME` and `${NAME}` variables of the environment,
wherever a path is given: on a command line, in a flagfile, in the flags of a run.
"""

import os
import re
import tempfile
from typing import Union

from egsc_tf.errors import UserError

# What becomes of a path: it is read, or a folder or a file of this name is written.
READ, FOLDER, FILE = "read", "folder", "file"
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{(\w+)\})")


def expand(path: Union[str, "os.PathLike[str]"], what: str) -> str:
    """A path as the operating system takes it.

    Args:
      path: as the user gave it; what: what messages call it.

    Raises:
      UserError: for a user or a variable that there is not. A shell would give a name
        as it is, or nothing, and all would go to a folder of that name. Also where the
        value of a variable has a $NAME in it.
    """
    path = os.fspath(path)
    for match in _VARIABLE.finditer(path):
        name = match[1] or match[2]
        if name not in os.environ:
            raise UserError(
                f"{what}: expected variables that are set, found none called {name}"
            )
    found = os.path.expanduser(os.path.expandvars(path))
    if found.startswith("~"):
        raise UserError(
            f"{what}: expected the home folder of a user, found no such user; "
            f"./{found} is a file or folder of that name"
        )
    _require_final(found, what)
    return found


def absolute(path: str, what: str) -> str:
    """The path from the root; one of a remote store, as gs://, stays as it is.

    Raises:
      UserError: calling it `what`, for a path that `expand` would change.
    """
    found = path if is_remote(path) else os.path.abspath(path)
    _require_final(found, what)
    return found


def _require_final(path: str, what: str) -> None:
    """A path may be expanded again: by the functions that programs call, from the flags
    of a run. So what comes of it must stay what it is."""
    if _VARIABLE.search(path):
        raise UserError(
            f"{what}: expected a path whose folders have no $NAME in their names, "
            f"found {path}"
        )


def is_remote(path: str) -> bool:
    return "://" in path


def require_writable(what: str, path: str, kind: str = FOLDER) -> None:
    """Raises UserError where a folder or file cannot be written; leaves no trace.

    Args:
      what: what messages call it; path: it need not be there yet, nor those above.
      kind: FOLDER or FILE.
    """
    if is_remote(path):
        return
    if kind == FILE and os.path.isdir(path):
        raise UserError(f"{what}: expected a file to write, found a folder")
    place = os.path.abspath(path)
    place = os.path.dirname(place) if kind == FILE else place
    expected = f"{what}: expected a {kind} that can be written"
    try:
        os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # too long a name, for example
        raise UserError(f"{expected}: {error.strerror}") from error
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        raise UserError(f"{expected}, found a file at {place}")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UserError(f"{expected}: {place}: {error.strerror}") from error
