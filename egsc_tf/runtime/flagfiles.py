"""Flagfiles, by path or by name: `--flagfile=egsc_tf:demo` is experiments/demo.flags.

absl opens flagfiles by path only, and an installed copy has its flagfiles deep in
site-packages. So each --flagfile is replaced by its lines before absl parses, on the
command line and inside other flagfiles.
"""

from collections.abc import Sequence
from pathlib import Path

from egsc_tf.errors import UserError
from egsc_tf.runtime import paths

PREFIX = "egsc_tf:"
ENDING = ".flags"
FLAGS = ("--flagfile", "-flagfile")
PACKAGE = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """Where the flagfiles are: in an installed copy, or beside the package."""
    installed = PACKAGE / "experiments"
    return installed if installed.is_dir() else PACKAGE.parent / "experiments"


def names() -> list[str]:
    """The names that may follow `egsc_tf:`, sorted."""
    return sorted(path.stem for path in folder().glob(f"*{ENDING}"))


def path_of(flagfile: str) -> str:
    """The path of a flagfile that is given by path or as egsc_tf:NAME.

    Raises:
      UserError: for a NAME that there is not, with those that there are; and for a
        path with a user or variable that there is not.
    """
    if not flagfile.startswith(PREFIX):
        return paths.expand(flagfile, flagfile)
    name = flagfile[len(PREFIX) :]
    if name not in names():
        raise UserError(
            f"{flagfile}: expected {PREFIX} and one of {', '.join(names())}; found "
            f"{name!r}"
        )
    return str(folder() / f"{name}{ENDING}")


def expand(arguments: Sequence[str]) -> list[str]:
    """Puts the lines of each --flagfile in its place.

    Args:
      arguments: of a command line, without the program's name.

    Returns:
      The arguments with the lines of all flagfiles, as absl's own reading of flagfiles
      gives them: without comments and empty lines. Nothing behind `--` is touched.

    Raises:
      UserError: for a flagfile that is missing, is not UTF-8, names none, or includes
        itself.
    """
    rest = list(arguments)
    expanded: list[str] = []
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*expanded, argument, *rest]
        flag, _, value = argument.partition("=")
        if flag not in FLAGS:
            expanded.append(argument)
            continue
        if flag == argument:
            if not rest:
                raise UserError("--flagfile: expected a path or a name, found nothing")
            value = rest.pop(0)
        expanded.extend(_named(value, ()))
    return expanded


def read(path: str) -> list[str]:
    """The flags of a flagfile: a list of its lines, as `expand` puts them."""
    return _read(path, path, ())


def _named(flagfile: str, including: tuple[str, ...]) -> list[str]:
    if not flagfile:  # as absl
        return []
    try:
        path = path_of(flagfile)
    except UserError as error:
        raise UserError(f"--flagfile={error}") from error
    return _read(path, flagfile, including)


def _read(path: str, flagfile: str, including: tuple[str, ...]) -> list[str]:
    """The flags of a file.

    Args:
      path: of the file.
      flagfile: what the user calls it, for messages.
      including: the paths of the files that include it.
    """
    if path in including:
        raise UserError(
            f"--flagfile={flagfile}: expected a flagfile that does not include itself, "
            f"found it again in {including[-1]}"
        )
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except OSError as error:
        raise UserError(
            f"--flagfile={flagfile}: expected a flagfile, found: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"--flagfile={flagfile}: expected text in UTF-8, found: {error.reason} at "
            f"byte {error.start}"
        ) from error
    found: list[str] = []
    for line in lines:
        if line.isspace() or line.startswith(("#", "//")):
            continue
        flag, _, value = line.strip().partition("=")
        if flag in FLAGS:
            found.extend(_named(value.strip(), (*including, path)))
        else:
            found.append(line.strip())
    return found
