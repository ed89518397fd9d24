"""Images of noise, as a source: to measure at sizes for which there are no data."""

import tensorflow as tf


class Synthetic:
    """A source (see `egsc_tf.data.stream`) of `count` different images a domain."""

    def __init__(self, height, width, count=64):
        self.height, self.width, self.count = height, width, count

    def size(self, domain):
        """How many images an epoch has; the same for each domain."""
        del domain
        return self.count

    def image(self, domain, index, seed):
        """[H, W, 3] in [-1, 1] of smooth noise, a function of the seed."""
        del domain, index
        coarse = tf.random.stateless_uniform([8, 8, 3], seed, -1.0, 1.0)
        return tf.image.resize(coarse, [self.height, self.width])

    element = image

    def batch(self, domain, images):
        """The images [N, H, W, 3] themselves."""
        del domain
        return images
