"""What this machine can do at most, in this process: convolutions and matmuls.

The rates of everything else are given as fractions of the largest found here. No single
shape is the fastest on every machine, so several are tried.
"""

import tensorflow as tf

from egsc_tf.benchmarks import clock

MATMULS = (1024, 2048)
# batch, side, channels in and out, of 3x3 convolutions as encoders and decoders have.
CONVOLUTIONS = ((1, 64, 256), (4, 32, 256), (1, 128, 128), (1, 256, 64))
SECONDS = 1.0


def machine_peak():
    """{"convolution_gflops", "matmul_gflops", "peak_gflops"}: of the fastest call."""
    convolution = max(_convolution(*shape) for shape in CONVOLUTIONS)
    matmul = max(_matmul(size) for size in MATMULS)
    return {
        "convolution_gflops": convolution,
        "matmul_gflops": matmul,
        "peak_gflops": max(convolution, matmul),
    }


def _rate(function, flops):
    times = clock.measure(lambda: function().numpy(), SECONDS)
    return flops / min(times.seconds) / 1e9


def _convolution(batch, side, channels):
    x = tf.fill([batch, side, side, channels], 0.5)
    kernel = tf.Variable(tf.fill([3, 3, channels, channels], 0.5))

    @tf.function
    def convolve():
        return tf.nn.conv2d(x + kernel[0, 0, 0, 0], kernel, 1, "SAME")[0, 0, 0, 0]

    return _rate(convolve, 2 * 9 * channels**2 * batch * side**2)


def _matmul(size):
    a = tf.Variable(tf.fill([size, size], 0.5))

    @tf.function
    def multiply():
        return tf.matmul(a, a)[0, 0]

    return _rate(multiply, 2 * size**3)
