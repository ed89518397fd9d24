"""phi: the fixed network of the perceptual losses, VGG-19 up to conv5_1 (paper, 3.2).

Takes images in [-1, 1] and does its own preprocessing. Frozen: no variable of it is
ever trained. Its features are float32; in between it computes in float32 too, but for
"mixed_bfloat16". Never in float16, whose range they leave.
"""

import os

import numpy as np
import tensorflow as tf

from egsc_tf.config import EMBEDDED, IMAGENET
from egsc_tf.errors import UserError
from egsc_tf.runtime import xla
from egsc_tf.runtime.keras import keras

VGG19_WIDTHS = (64, 128, 256, 512, 512)
EMBEDDED_WIDTHS = (16, 32, 48, 64, 64)
CONVS_PER_BLOCK = (2, 2, 4, 4, 1)
LAYERS = len(CONVS_PER_BLOCK)
# Means of ImageNet's BGR channels, in [0, 255], as every VGG-19 release subtracts them.
IMAGENET_BGR_MEANS = (103.939, 116.779, 123.68)


class PerceptualNetwork(keras.Model):
    """VGG-shaped features phi_1 ... phi_5, the ReLU outputs of conv{1..5}_1.

    Args:
      widths: channels of the five blocks. Nothing behind conv5_1 is built.
      policy: of Keras, of the layers: "float32" or "mixed_bfloat16".
    """

    def __init__(self, widths=VGG19_WIDTHS, policy="float32", **kwargs):
        super().__init__(trainable=False, dtype="float32", name="phi", **kwargs)
        self.blocks = [
            [
                keras.layers.Conv2D(
                    width,
                    3,
                    padding="same",
                    activation="relu",
                    dtype=policy,
                    name=f"block{i + 1}_conv{j + 1}",
                )
                for j in range(count)
            ]
            for i, (width, count) in enumerate(zip(widths, CONVS_PER_BLOCK))
        ]
        self.pool = keras.layers.MaxPool2D(2, padding="same", dtype=policy)

    def call(self, x, layers=LAYERS, shrink=1):
        """[B, H, W, 3] in [-1, 1] -> list of [B, h_i, w_i, C_i], float32.

        Args:
          layers: how many features, from phi_1 on. Nothing behind the last is computed.
          shrink: squares of shrink x shrink pixels are averaged first. It divides H and
            W.
        """
        x = (tf.cast(_averaged(x, shrink), tf.float32) + 1.0) * 127.5
        x = x[..., ::-1] - tf.constant(IMAGENET_BGR_MEANS)
        features = []
        for i, block in enumerate(self.blocks[:layers]):
            if i > 0:
                x = xla.max_pool(x) if xla.compiling() else self.pool(x)
            for j, conv in enumerate(block):
                x = conv(x)
                if j == 0:
                    features.append(tf.cast(x, tf.float32))
                    if len(features) == layers:
                        break
        return features


def _averaged(x, size):
    """[B, H, W, C] -> [B, H / size, W / size, C]: means of squares of pixels."""
    if size == 1:
        return x
    height, width, channels = x.shape[1:]
    squares = [-1, height // size, size, width // size, size, channels]
    return tf.reduce_mean(tf.reshape(x, squares), axis=[2, 4])


def load(name, mixed_precision="float32"):
    """The perceptual network of a flag value, frozen, with its weights.

    Args:
      name: "imagenet" (VGG-19; Keras downloads the weights), a path to a Keras VGG-19
        .h5 file, or "embedded" (small, fixed pseudo-random features: no download).
      mixed_precision: as of the Config; of "mixed_float16" it computes in float32.

    Raises:
      UserError: for a path that does not exist, a file that is no VGG-19, and where the
        download fails.
    """
    policy = "float32" if mixed_precision == "mixed_float16" else mixed_precision
    if name == EMBEDDED:
        network = PerceptualNetwork(EMBEDDED_WIDTHS, policy)
        network(tf.zeros([1, 32, 32, 3]))
        _fill_embedded(network)
        return network
    check(name)
    try:
        vgg19 = keras.applications.VGG19(include_top=False, weights=name)
    except Exception as error:  # Keras and h5py raise many kinds here.
        raise UserError(
            f"--perceptual_network={name}: expected VGG-19 weights, found: {error}. "
            "The path of a Keras VGG-19 .h5 file needs no network; 'embedded' needs "
            "none either, and is for digits and trials"
        ) from error
    network = PerceptualNetwork(VGG19_WIDTHS, policy)
    network(tf.zeros([1, 32, 32, 3]))
    for block in network.blocks:
        for conv in block:
            conv.set_weights(vgg19.get_layer(conv.name).get_weights())
    return network


def check(name):
    """Raises UserError for a flag value that names a file that there is not."""
    if name not in (IMAGENET, EMBEDDED) and not os.path.isfile(name):
        raise UserError(
            f"--perceptual_network={name}: expected 'imagenet', 'embedded' or a Keras "
            "VGG-19 .h5 file, found no such file"
        )


def is_needed(config):
    """Whether the losses of a Config have a perceptual network."""
    return config.style_weight > 0 or config.content_weight > 0


def of_config(config):
    """The perceptual network that the losses of a Config need, or None."""
    if is_needed(config):
        return load(config.perceptual_network, config.mixed_precision)
    return None


def _fill_embedded(network):
    """He-scaled normal kernels from NumPy's frozen generator: the same everywhere."""
    random = np.random.RandomState(19)
    for block in network.blocks:
        for conv in block:
            shape = conv.kernel.shape
            scale = np.sqrt(2.0 / np.prod(shape[:3]))
            conv.kernel.assign(scale * random.standard_normal(shape))
