"""One run at a time in a workdir; on Linux and macOS, whose locks these are.

WORKDIR/run.lock holds the owner's host and pid, and the owner holds a lock of the
operating system on it. That lock ends with its process, however it ends: what a dead
owner left is taken over.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from typing import TextIO

from egsc_tf.errors import UserError

if sys.platform != "win32":
    import fcntl

NAME = "run.lock"


def require_locks() -> None:
    """Raises UserError where the operating system has no such locks."""
    if sys.platform == "win32":
        raise UserError(
            "egsc_tf.train: expected Linux or macOS, found Windows, which lacks the "
            "lock of a run's folder; Windows' Linux (WSL) has it"
        )


@contextlib.contextmanager
def run_lock(workdir: str) -> Iterator[None]:
    """Holds the lock of a run's folder.

    Raises:
      UserError: where another process has it, naming its host and pid.
    """
    path = os.path.join(workdir, NAME)
    file = _locked(path)
    try:
        file.truncate(0)
        file.write(f"{socket.gethostname()} {os.getpid()}\n")
        file.flush()
        yield
    finally:
        # While it is still locked: nobody else can have it, if it is still ours.
        if _is_at(file, path):
            os.remove(path)
        file.close()


def _locked(path: str) -> TextIO:
    while True:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            host, _, pid = file.read().strip().partition(" ")
            file.close()
            raise UserError(
                f"{path}: expected no other run in this folder, found one on host "
                f"{host or '(starting)'}, pid {pid or '(starting)'}"
            ) from error
        except OSError as error:
            file.close()
            raise UserError(
                f"{path}: expected a file that can be locked: {error.strerror}"
            ) from error
        # The owner before may have removed the file between our two calls.
        if _is_at(file, path):
            return file
        file.close()


def _is_at(file: TextIO, path: str) -> bool:
    """Whether an open file is the one that has this path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
