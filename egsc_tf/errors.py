"""The errors that end a program in one line, each with an exit code of its own."""


class UserError(ValueError):
    """Bad flags, paths or images. The message names the flag or path, says what was
    expected and what was found; programs print it without a traceback."""


class Diverged(ArithmeticError):
    """A value is NaN or infinite; the message names it and the step."""


class Interrupted(Exception):
    """A signal ended the training; the message says at which step it was saved."""


class LostWorker(Interrupted):
    """Another worker of the run is gone, or did not come."""


class NoSpace(UserError):
    """The disk is full."""


class OtherNetworks(UserError):
    """A checkpoint is not of the networks that the flags describe."""


def is_no_space(error):
    """Whether an exception says that the disk is full, or a quota used up."""
    text = str(error).lower()
    return any(
        words in text
        for words in ("no space left", "disk quota", "file too large", "enospc")
    )
