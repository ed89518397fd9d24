"""What this machine can do at most, in this process: convolutions and matmuls, in the
type that the global policy of keras.mixed_precision computes in.

No single shape is the fastest on every machine, so several are tried; the fastest is
measured again beside whatever is given as a fraction of the peak (see `clock`).
"""

import functools

import tensorflow as tf

from egsc_tf.benchmarking import clock
from egsc_tf.runtime.keras import keras

MATMULS = (1024, 2048)
# batch, side, channels in and out, of 3x3 convolutions as encoders and decoders have.
CONVOLUTIONS = ((1, 64, 256), (4, 32, 256), (1, 128, 128), (1, 256, 64))
SECONDS = 0.5


class Peak:
    """The fastest call of this machine; () -> its GFLOP/s at this moment.

    Attributes:
      rates: {"convolution_gflops", "matmul_gflops"}: the fastest, when this was made;
        "dtype": what they computed in.
    """

    def __init__(self):
        dtype = keras.mixed_precision.global_policy().compute_dtype
        convolutions = [_convolution(*shape, dtype) for shape in CONVOLUTIONS]
        matmuls = [_matmul(size, dtype) for size in MATMULS]
        found = {call: call() for call in convolutions + matmuls}
        self.rates = {
            "convolution_gflops": max(found[call] for call in convolutions),
            "matmul_gflops": max(found[call] for call in matmuls),
            "dtype": dtype,
        }
        # Only the fastest is kept: the tensors of all would count as memory.
        self._fastest = max(found, key=found.get)

    def __call__(self):
        return self._fastest()


def _gflops(function, flops):
    times = clock.measure(lambda: function().numpy(), SECONDS)
    return flops / times.median / 1e9


def _halves(shape, dtype):
    return tf.fill(shape, tf.constant(0.5, dtype))


def _convolution(batch, side, channels, dtype):
    x = _halves([batch, side, side, channels], dtype)
    kernel = tf.Variable(_halves([3, 3, channels, channels], dtype))

    @tf.function
    def convolve():
        return tf.nn.conv2d(x + kernel[0, 0, 0, 0], kernel, 1, "SAME")[0, 0, 0, 0]

    return functools.partial(_gflops, convolve, 2 * 9 * channels**2 * batch * side**2)


def _matmul(size, dtype):
    a = tf.Variable(_halves([size, size], dtype))

    @tf.function
    def multiply():
        return tf.matmul(a, a)[0, 0]

    return functools.partial(_gflops, multiply, 2 * size**3)
