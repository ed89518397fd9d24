"""Python functions as operations of a graph, whose exceptions stay what they are.

TensorFlow makes of an exception in tf.numpy_function an error of its own, whose text is
a stack trace: a file that cannot be read would look like a fault of the program.

At the end of the process no such operation may be under way. tf.data reads ahead in
threads of its own; one that asks for Python's lock while Python shuts down never gets
it, and who then deletes its iterator waits for ever.
"""

import atexit
import contextlib
import re
import threading
import time

import numpy as np
import tensorflow as tf

MARK = "egsc_tf: raised in Python, number"
QUIET = 0.1  # seconds without a call, after which tf.data has filled its buffers
_raised = []


class _Calls:
    """Which calls are under way, over all threads."""

    def __init__(self):
        self._changed = threading.Condition()
        self._running, self._last = 0, -np.inf
        self.ending = False

    @contextlib.contextmanager
    def one(self):
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._last = time.monotonic()
                self._changed.notify_all()

    def end(self):
        """Returns when none is under way, and none will come: further ones are empty,
        so that what reads ahead is soon full."""
        self.ending = True
        with self._changed:
            while self._running or time.monotonic() < self._last + QUIET:
                self._changed.wait(QUIET)


_calls = _Calls()
atexit.register(_calls.end)


def call(function, inputs, dtype, shape=()):
    """function(*inputs) of NumPy values as an operation, for any threads.

    Args:
      dtype, shape: of the array that it gives; where None stands, any number.
    """

    def guarded(*values):
        with _calls.one():
            if _calls.ending:
                return np.zeros([side or 0 for side in shape], dtype.as_numpy_dtype)
            try:
                return function(*values)
            except Exception as error:
                _raised.append(error)
                raise RuntimeError(f"{MARK} {_raised.index(error)}.") from error

    # Not stateful: where operations are deterministic, tf.data would do one call after
    # the other.
    found = tf.numpy_function(guarded, inputs, dtype, stateful=False)
    return tf.ensure_shape(found, shape)


def original(error):
    """The exception of the function behind a tf.errors.OpError; None: there is none."""
    match = re.search(rf"{MARK} (\d+)\.", error.message)
    return _raised[int(match.group(1))] if match else None


@contextlib.contextmanager
def errors_as_raised():
    """Within it, such an error is raised as the exception that the function raised."""
    try:
        yield
    except tf.errors.OpError as error:
        raised = original(error)
        if raised is None:
            raise
        raise raised from None
