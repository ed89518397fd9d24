"""Tells kinds of images apart, as day and night, by their colours and textures."""

import numpy as np
import tensorflow as tf

from egsc_tf.runtime.keras import keras

STEPS = 300
BATCH = 32
LEARNING_RATE = 2e-3


def train(images, kinds, count, seed, steps):
    """A small convolutional classifier; kinds weigh the same, however many there are.

    Args:
      images: [N, H, W, 3] uint8; kinds: [N] integers below `count`.
      seed: of weights and order; steps: updates, of BATCH images each.

    Returns:
      A keras.Model: [B, H, W, 3] in [-1, 1] -> [B, count] logits.
    """
    keras.utils.set_random_seed(seed)
    layers = []
    for width in (16, 32, 48):
        layers += [
            keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    model = keras.Sequential(
        [*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(count)]
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    weights = 1.0 / np.maximum(np.bincount(kinds, minlength=count), 1)
    weights = (weights / weights[kinds].mean())[kinds].astype(np.float32)

    def prepare(image, kind, weight):
        return tf.cast(image, tf.float32) / 127.5 - 1.0, kind, weight

    data = tf.data.Dataset.from_tensor_slices((images, kinds, weights))
    data = data.shuffle(len(images), seed).repeat().map(prepare)
    data = data.batch(BATCH, drop_remainder=True).prefetch(2)
    model.fit(data, steps_per_epoch=steps, verbose=0)
    return model
