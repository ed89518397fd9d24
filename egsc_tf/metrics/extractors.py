"""What FID and KID take their features from, by name.

inception       Inception-v3 of keras.applications, average-pooled to 2048; Keras
                downloads it. Not the network of the original FID, whose numbers need
                its own weights and resizing: compare only with the same extractor.
PATH.h5         the same, from a local file.
perceptual      the run's own perceptual network: conv5_1, averaged over space, divided
                by 127.5, since VGG takes [0, 255] and KID's kernel wants small numbers.
digits          a small classifier of digits, trained here on real images.
"""

import os

import tensorflow as tf

from egsc_tf.errors import UserError
from egsc_tf.metrics import digit_classifier
from egsc_tf.runtime.keras import keras

INCEPTION, PERCEPTUAL, CLASSIFIER = NAMES = ("inception", "perceptual", "digits")
INCEPTION_SIDE = 299


def load(name, phi=None, classifier=None):
    """(what to call it, [B, H, W, 3] in [-1, 1] -> [B, D]).

    Args:
      name: see above; phi: () -> the PerceptualNetwork of the run; classifier: () -> a
        classifier of digits. Each is called only where it is needed.

    Raises:
      UserError: for another name, and where the weights cannot be had.
    """
    if name == CLASSIFIER:
        return "digits classifier", digit_classifier.features(classifier())
    if name == PERCEPTUAL:
        network = phi()
        return (
            "conv5_1 of --perceptual_network, / 127.5",
            lambda x: tf.reduce_mean(network(x)[-1], axis=[1, 2]) / 127.5,
        )
    check(name)
    try:
        network = keras.applications.InceptionV3(
            include_top=False,
            weights="imagenet" if name == INCEPTION else name,
            input_shape=(INCEPTION_SIDE, INCEPTION_SIDE, 3),
            pooling="avg",
        )
    except Exception as error:  # Keras and h5py raise many kinds here.
        raise UserError(
            f"--extractor={name}: expected weights of Inception-v3, found: {error}. "
            "Offline: --extractor=perceptual, or the path of an .h5 file"
        ) from error

    def features(x):
        # Inception-v3 of Keras takes [-1, 1].
        x = tf.image.resize(x, [INCEPTION_SIDE] * 2, "bicubic", antialias=True)
        return network(tf.clip_by_value(x, -1.0, 1.0), training=False)

    return f"keras.applications.InceptionV3 ({name})", features


def check(name):
    """Raises UserError for a name that is neither one of the above nor of a file."""
    if name not in NAMES and not os.path.isfile(name):
        raise UserError(
            f"--extractor={name}: expected {', '.join(NAMES)} or an .h5 file of "
            "Inception-v3 without top, found no such file"
        )
