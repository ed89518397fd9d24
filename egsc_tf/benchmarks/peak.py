"""What this machine can do at most, in this process: convolutions and matmuls.

No single shape is the fastest on every machine, so several are tried; the fastest is
measured again beside whatever is given as a fraction of the peak (see `clock`).
"""

import tensorflow as tf

from egsc_tf.benchmarks import clock

MATMULS = (1024, 2048)
# batch, side, channels in and out, of 3x3 convolutions as encoders and decoders have.
CONVOLUTIONS = ((1, 64, 256), (4, 32, 256), (1, 128, 128), (1, 256, 64))
SECONDS = 0.5


class Peak:
    """The fastest call of this machine; () -> its GFLOP/s at this moment."""

    def __init__(self):
        convolutions = [_Call(*_convolution(*shape)) for shape in CONVOLUTIONS]
        matmuls = [_Call(*_matmul(size)) for size in MATMULS]
        # Only the fastest is kept: the tensors of all would count as memory.
        found = {call: call.gflops() for call in convolutions + matmuls}
        self._fastest = max(found, key=found.get)
        self._convolution = max(found[call] for call in convolutions)
        self._matmul = max(found[call] for call in matmuls)

    def __call__(self):
        return self._fastest.gflops()

    def report(self):
        """{"convolution_gflops", "matmul_gflops"}: the fastest, when this was made."""
        return {
            "convolution_gflops": self._convolution,
            "matmul_gflops": self._matmul,
        }


class _Call:
    def __init__(self, function, flops):
        self._function, self._flops = function, flops

    def gflops(self):
        times = clock.measure(lambda: self._function().numpy(), SECONDS)
        return self._flops / times.median / 1e9


def _convolution(batch, side, channels):
    x = tf.fill([batch, side, side, channels], 0.5)
    kernel = tf.Variable(tf.fill([3, 3, channels, channels], 0.5))

    @tf.function
    def convolve():
        return tf.nn.conv2d(x + kernel[0, 0, 0, 0], kernel, 1, "SAME")[0, 0, 0, 0]

    return convolve, 2 * 9 * channels**2 * batch * side**2


def _matmul(size):
    a = tf.Variable(tf.fill([size, size], 0.5))

    @tf.function
    def multiply():
        return tf.matmul(a, a)[0, 0]

    return multiply, 2 * size**3
