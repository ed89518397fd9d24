"""Reads digits: the judge of content accuracy, and FID's extractor for digits."""

import tensorflow as tf

from egsc_tf.data.digits.sources import CLASSES
from egsc_tf.runtime.keras import keras

STEPS = 1200
BATCH = 64
LEARNING_RATE = 1e-3


def train(data, seed, steps):
    """A small convolutional classifier.

    Args:
      data: a tf.data.Dataset of ([H, W, 3] in [-1, 1], class), endless, shuffled.
      seed: of the weights.
      steps: updates, of 64 images each.

    Returns:
      A keras.Model: [B, H, W, 3] in [-1, 1] -> [B, 10] logits; the layer before the
      last gives [B, 64] features.
    """
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPool2D(2),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPool2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.25),
            keras.layers.Dense(CLASSES),
        ]
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(data.batch(BATCH), steps_per_epoch=steps, verbose=0)
    return model


def reads(model, images, labels):
    """[N] bool: whether the model reads [N, H, W, 3] in [-1, 1] as labels [N]."""
    return model.predict_on_batch(images).argmax(axis=-1) == labels


def features(model):
    """The model up to its last hidden layer: [B, H, W, 3] -> [B, 64]."""
    return tf.function(lambda x: _hidden(model, x))


def _hidden(model, x):
    for layer in model.layers[:-2]:
        x = layer(x)
    return x
