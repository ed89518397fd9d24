"""Functions compiled by XLA, inside which two operations take another form.

TensorFlow's max-pooling and bilinear resizing are fast on CPUs. XLA has no
deterministic gradient of either on GPUs. It fuses the simpler operations that these are
made of here; on a CPU its own pooling took twelve times as long.
"""

import contextvars
import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

_compiling = contextvars.ContextVar("XLA compiles what is being traced", default=False)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A tf.function that XLA compiles, in whose trace `compiling` is true."""

    @functools.wraps(function)
    def traced(*inputs: Any) -> Any:
        token = _compiling.set(True)
        try:
            return function(*inputs)
        finally:
            _compiling.reset(token)

    return tf.function(traced, jit_compile=True, autograph=False)


def compiling() -> bool:
    """Whether what is being traced belongs to a function of `compiled`."""
    return _compiling.get()


def max_pool(x: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] -> [B, ceil(H / 2), ceil(W / 2), C]: max-pooling of 2x2 made of
    slices; of equal ones the first gets the gradient, as in TensorFlow."""
    odd = [[0, side % 2] for side in x.shape[1:3]]
    x = tf.pad(x, [[0, 0], *odd, [0, 0]], constant_values=x.dtype.min)
    of_row = tf.maximum(x[:, :, ::2], x[:, :, 1::2])
    return tf.maximum(of_row[:, ::2], of_row[:, 1::2])


def double(x: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] -> [B, 2 H, 2 W, C], bilinearly, as UpSampling2D: each new pixel is
    3/4 of its own old one and 1/4 of the nearest neighbour, borders repeated. float32,
    whatever x is, again as UpSampling2D."""
    return _double(_double(tf.cast(x, tf.float32), axis=1), axis=2)


def _double(x: tf.Tensor, axis: int) -> tf.Tensor:
    side = x.shape[axis]
    first, without_first = tf.split(x, [1, side - 1], axis)
    without_last, last = tf.split(x, [side - 1, 1], axis)
    before = tf.concat([first, without_last], axis)
    after = tf.concat([without_first, last], axis)
    pairs = tf.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
    shape = [-1, *x.shape[1:]]
    shape[axis] = 2 * side
    return tf.reshape(pairs, shape)
