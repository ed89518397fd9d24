"""A feature mask as colours over its source."""

import matplotlib
import numpy as np

from egsc_tf.data import images

MAP = "viridis"
LOW, HIGH = 0.5, 1.0  # what a mask can be: (1 + sigmoid) / 2


def over_source(pixels, mask, opacity=0.7):
    """A mask over its source in grey: dark is LOW, yellow is HIGH.

    Args:
      pixels: [H, W, 3] uint8, the source.
      mask: [h, w], one channel of a mask, or the mean of its channels.

    Returns:
      [H, W, 3] uint8.
    """
    height, width = pixels.shape[:2]
    share = np.clip((np.asarray(mask) - LOW) / (HIGH - LOW), 0.0, 1.0)
    colours = matplotlib.colormaps[MAP](share)[..., :3]
    colours = np.rint(255.0 * colours).astype(np.uint8)
    # A mask is padded to whole strides and may so be a little larger: not visible.
    colours = images.resize(colours, height, width).astype(np.float32)
    grey = pixels.mean(axis=-1, keepdims=True)
    return np.rint(opacity * colours + (1.0 - opacity) * grey).astype(np.uint8)
