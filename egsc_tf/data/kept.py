"""Decoded images kept in memory, which is taken as they come up.

They are variables of TensorFlow, so that tf.data takes an image out without Python.
"""

import tensorflow as tf


class Kept:
    """The first images of a domain.

    Args:
      count: how many; of the others none is kept.
      shape: (H, W, 3).
    """

    def __init__(self, count, shape):
        self.count, self.shape = count, shape
        with tf.device("CPU:0"):  # a GPU's memory is for the networks
            # Not zeros: the system gives memory to what is written only.
            empty = tf.raw_ops.Empty(shape=[count, *shape], dtype=tf.uint8, init=False)
            self._pixels = tf.Variable(empty, trainable=False)
            self._here = tf.Variable(tf.zeros([count], tf.bool), trainable=False)

    def image(self, index, make):
        """[H, W, 3] uint8 of an image, which make() is asked for once."""
        if not self.count:
            return make()
        place = tf.minimum(index, self.count - 1)

        def make_and_keep():
            pixels = make()
            at = place[None]
            with tf.control_dependencies(
                [self._pixels.scatter_update(tf.IndexedSlices(pixels[None], at))]
            ):
                kept = self._here.scatter_update(tf.IndexedSlices([True], at))
            with tf.control_dependencies([kept]):
                return tf.identity(pixels)

        def make_if_beyond():
            return tf.cond(index < self.count, make_and_keep, make)

        is_here = (index < self.count) & tf.gather(self._here, place)
        return tf.cond(is_here, lambda: tf.gather(self._pixels, place), make_if_beyond)
