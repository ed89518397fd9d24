"""Perceptual distances: content to the source, style to the exemplar, diversity.

All are distances in the features of a perceptual network (`egsc_tf.models.vgg`). They
are not LPIPS, whose learned weights are not used; compare only with the same network.
"""

import itertools

import numpy as np
import tensorflow as tf

from egsc_tf import losses


def distance(features, other):
    """[B]: how different the images look, from features of `vgg.PerceptualNetwork`.

    At each position the channels are scaled to L2 norm 1; squared differences are
    summed over channels, averaged over positions and over layers.
    """
    terms = []
    for x, y in zip(features, other):
        x, y = (tf.math.l2_normalize(f, axis=-1, epsilon=1e-10) for f in (x, y))
        squared = tf.reduce_sum(tf.square(x - y), axis=-1)
        terms.append(tf.reduce_mean(squared, axis=[1, 2]))
    return tf.add_n(terms) / len(terms)


def style_distances(features, other):
    """[B]: the statistics form of the style loss (see `egsc_tf.losses`), by image."""
    return style_distances_of(
        losses.style_statistics(features), losses.style_statistics(other)
    )


def style_distances_of(statistics, other):
    """As `style_distances`, from `losses.style_statistics` of the features."""
    return tf.add_n(losses.statistics_distances(statistics, other))


def rank(own, others):
    """The rank of a number among itself and others: 1 is the smallest.

    Equal numbers share the mean of their ranks.
    """
    others = np.asarray(others)
    return 1.0 + float(np.sum(others < own) + 0.5 * np.sum(others == own))


def diversity(features):
    """Scalar: mean `distance` over all pairs of K images, from their features [K, ...].

    Raises:
      ValueError: for fewer than two images.
    """
    count = features[0].shape[0]
    if count < 2:
        raise ValueError(f"features: expected 2 images or more, found {count}")
    first, second = zip(*itertools.combinations(range(count), 2))
    pick = lambda rows: [tf.gather(f, rows) for f in features]  # noqa: E731
    return tf.reduce_mean(distance(pick(first), pick(second)))
