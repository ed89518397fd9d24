"""The errors that end a program in one line, each with an exit code of its own."""

from collections.abc import Callable

DONE, FAILED, REFUSED, DIVERGED, STOPPED, INTERRUPTED = 0, 1, 2, 3, 75, 130
# What a caller learns from each; docs/hooks/reference.py makes a page of it.
EXIT_CODES = {
    DONE: "Done.",
    FAILED: "An error of egsc_tf, with its traceback: please report it. "
    "`egsc_tf.export.tflite` also ends so where a file is below its quality floor.",
    REFUSED: "Bad flags, paths or files, a full disk, or too little memory. The last "
    "line names what was expected and what was found.",
    DIVERGED: "A loss, a gradient or an image is not finite. The line names it and the "
    "step.",
    STOPPED: "Stopped by a signal and saved, or another worker was lost. Start the "
    "same command again.",
    INTERRUPTED: "Interrupted while there was nothing to save.",
}


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


class OutOfMemory(UserError):
    """A device has no room for what a step computes."""


def is_out_of_memory(error: object) -> bool:
    """Whether an exception says that a device, or this process, is out of memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(
        words in text
        for words in (
            "out of memory",
            "oom when allocating",
            "failed to allocate",
            "cuda_error_out_of_memory",
            "cudnn_status_alloc_failed",
            "cublas_status_alloc_failed",
            "cannot allocate memory",
        )
    )


def telling_line(error: BaseException, says: Callable[[object], bool]) -> str:
    """The first line of an exception's text for which `says` (text -> bool) is true,
    else the first line. TensorFlow's texts are long, and begin with what matters least.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line for line in lines if says(line)), lines[0]).strip()


def is_no_space(error: object) -> bool:
    """Whether an exception says that the disk is full, or a quota used up."""
    text = str(error).lower()
    return any(
        words in text
        for words in ("no space left", "disk quota", "file too large", "enospc")
    )
