"""Uniform and normal draws that are the same numbers with and without XLA.

XLA makes other uniform and normal numbers of a seed than TensorFlow's kernels do, as it
orders the bits otherwise. The bits themselves, of a named algorithm, are the same; so
the bits are drawn, and made into numbers here.
"""

import math

import tensorflow as tf

ALGORITHM = "philox"  # "auto_select" would depend on the device
MANTISSA = 23
SMALLEST = 1e-7  # of what a logarithm is taken


def standard_uniform(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws of [0, 1), float32: each the lower 23 of 32 random bits.

    Args:
      shape: [R] int32, static or not; seed: [2] int64.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.uint32, alg=ALGORITHM
    )
    mantissa = tf.bitwise.bitwise_and(bits, tf.constant(2**MANTISSA - 1, tf.uint32))
    return tf.cast(mantissa, tf.float32) * 2.0**-MANTISSA


def standard_normal(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws of N(0, 1), float32: those of tf.random.stateless_normal but for rounding.

    Box and Muller's transform of pairs of uniform numbers.

    Args:
      shape, seed: as of `standard_uniform`.
    """
    count = tf.reduce_prod(shape)
    uniform = standard_uniform([(count + 1) // 2, 2], seed)
    radius = tf.sqrt(-2.0 * tf.math.log(tf.maximum(uniform[:, 0], SMALLEST)))
    angle = 2.0 * math.pi * uniform[:, 1]
    pairs = radius[:, None] * tf.stack([tf.sin(angle), tf.cos(angle)], axis=1)
    return tf.reshape(tf.reshape(pairs, [-1])[:count], shape)
