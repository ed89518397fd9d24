"""A small network that finds the classes of a scene, trained on label maps.

It judges translations, and it is what a domain adaptation trains. It is no rival of
published networks: one form with skips (Ronneberger et al. 2015), trained in minutes on
a CPU, on a few hundred small frames.
"""

import os

import numpy as np
import tensorflow as tf

from egsc_tf.data import augmentation
from egsc_tf.metrics.segmentation import Confusion
from egsc_tf.runtime.keras import keras

WIDTHS = (24, 48, 96)  # channels at a half, a quarter and an eighth of the size
BATCH = 16
LEARNING_RATE = 2e-3
FOUND_AT_ONCE = 64


class SegmentationNetwork(keras.Model):
    """[B, H, W, 3] in [-1, 1] -> logits [B, H, W, classes], of any H and W.

    Args:
      classes: how many.
    """

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.down = [_block(width, stride=2) for width in WIDTHS]
        self.deepest = _block(WIDTHS[-1], dilation=2)
        self.up = [_block(width) for width in WIDTHS[-2::-1]]
        self.logits = keras.layers.Conv2D(classes, 1)

    def call(self, x, training=False):
        size, skips = tf.shape(x)[1:3], []
        h = x
        for block in self.down:
            h = block(h, training=training)
            skips.append(h)
        h = self.deepest(h, training=training)
        for block, skip in zip(self.up, skips[-2::-1]):
            h = tf.image.resize(h, tf.shape(skip)[1:3])
            h = block(tf.concat([h, skip], axis=-1), training=training)
        return tf.image.resize(self.logits(h), size)


def _block(width, stride=1, dilation=1):
    """Two convolutions of 3x3, each with batch norm and ReLU."""
    layers = []
    for strides in (stride, 1):
        layers += [
            keras.layers.Conv2D(
                width,
                3,
                strides=strides,
                padding="same",
                dilation_rate=dilation,
                use_bias=False,
            ),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    return keras.Sequential(layers)


def train(
    images,
    labels,
    classes,
    ignore,
    seed,
    steps,
    colour_jitter=0.0,
    recoloured=False,
    verbose=0,
):
    """A SegmentationNetwork that was trained on frames, half of them mirrored.

    Args:
      images: [N, H, W, 3] uint8; labels: [N, H, W] integers below `classes`.
      classes: how many; ignore: the label that counts nowhere.
      seed: of weights, order and augmentation; steps: updates, of BATCH frames each.
      colour_jitter: see egsc_tf.data.augmentation.draw_colours; 0: none.
      recoloured: whether half of the frames are egsc_tf.data.augmentation.recolour's
        views.
      verbose: of Keras' fit.
    """
    keras.utils.set_random_seed(seed)
    model = SegmentationNetwork(classes)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def prepare(n, image, label):
        mirrored = tf.random.stateless_uniform([], [seed, n]) < 0.5
        image = tf.cast(image, tf.float32) / 127.5 - 1.0
        image = tf.where(mirrored, image[:, ::-1], image)
        if colour_jitter > 0:
            colours = augmentation.draw_colours(colour_jitter, tf.stack([seed + 1, n]))
            image = augmentation.jitter_colours(image, colours)
        if recoloured:
            view = augmentation.draw_view(tf.stack([seed + 4, n]))
            chosen = tf.random.stateless_uniform([], [seed + 7, n]) < 0.5
            image = tf.where(chosen, augmentation.recolour(image, view), image)
        label = tf.where(mirrored, label[:, ::-1], label)
        counts = tf.cast(label != ignore, tf.float32)
        return image, tf.where(label == ignore, 0, label), counts

    data = tf.data.Dataset.from_tensor_slices((images, labels.astype(np.int32)))
    data = data.shuffle(len(images), seed).repeat().enumerate()
    data = data.map(lambda n, x: prepare(n, *x), num_parallel_calls=tf.data.AUTOTUNE)
    data = data.batch(BATCH, drop_remainder=True).prefetch(2)
    model.fit(data, steps_per_epoch=steps, verbose=verbose)
    return model


def find(model, images):
    """[N, H, W]: the classes that a network finds in [N, H, W, 3] uint8."""
    found = []
    for n in range(0, len(images), FOUND_AT_ONCE):
        some = np.asarray(images[n : n + FOUND_AT_ONCE], np.float32) / 127.5 - 1.0
        found.append(model(some, training=False).numpy().argmax(axis=-1))
    return np.concatenate(found)


def scores(model, images, labels, classes, ignore):
    """What Confusion.scores says of a network on labelled frames, as in `train`."""
    confusion = Confusion(classes, ignore)
    confusion.add(labels, find(model, images))
    return confusion.scores()


def save(model, path):
    """Writes a SavedModel that egsc_tf.metrics.segmentation.load_model reads."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    def serve(image):
        return {"logits": model(image, training=False)}

    module = tf.Module()
    module.weights = model.weights  # not the model: no optimizer, no Keras metadata
    os.makedirs(path, exist_ok=True)
    tf.saved_model.save(module, path, signatures={"serving_default": serve})
