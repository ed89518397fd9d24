"""Python functions as operations of a graph, whose exceptions stay what they are.

TensorFlow makes of an exception in tf.numpy_function an error of its own, whose text is
a stack trace: a file that cannot be read would look like a fault of the program.
"""

import contextlib
import re

import tensorflow as tf

MARK = "egsc_tf: raised in Python, number"
_raised = []


def call(function, inputs, dtype):
    """function(*inputs) of NumPy values as an operation; what it gives has no shape."""

    def guarded(*values):
        try:
            return function(*values)
        except Exception as error:
            _raised.append(error)
            raise RuntimeError(f"{MARK} {_raised.index(error)}.") from error

    return tf.numpy_function(guarded, inputs, dtype, stateful=False)


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
