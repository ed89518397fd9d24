"""Reads digits: the judge of content accuracy, trained on real images of one domain."""

import tensorflow as tf
from tensorflow import keras

STEPS = 1200
BATCH = 64
LEARNING_RATE = 1e-3


def train(source, domain, seed=0):
    """A small convolutional classifier of real training images of a domain.

    Args:
      source: an egsc_tf.data.digits.DigitsSingle of the training split.
      domain: "a" or "b".
      seed: of the weights and of the looks and order of the images.

    Returns:
      A keras.Model: [B, H, W, 3] in [-1, 1] -> [B, 10] logits.
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
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    size = source.size(domain)

    def example(n):
        index = tf.random.stateless_uniform([], [seed, n], 0, size, tf.int64)
        look_seed = tf.stack([seed, n]) + 1  # not the index' own: they would go along
        return source.image(domain, index, look_seed), source.labels[index]

    data = tf.data.Dataset.range(STEPS * BATCH).map(
        example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    model.fit(data.batch(BATCH), verbose=0)
    return model


def reads(model, images, labels):
    """[N] bool: whether the model reads [N, H, W, 3] in [-1, 1] as labels [N]."""
    return model.predict_on_batch(images).argmax(axis=-1) == labels
