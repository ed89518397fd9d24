"""The paper's two toy data sets, drawn from handwritten digits (paper, section 4.1).

digits_single: domain A black on white or white on black; domain B foreground and
background two different ones of red, green and blue.
digits_multi: a 4x4 board of cells with the ten classes once each; domain A as above;
domain B hue = class / 10 on a black or a white ground.

An image is a stroke mask coloured by a *look*; the look of an exemplar put on the mask
of a source is the known right answer of a translation. Masks are [h, w] in {0, 1},
images [H, W, 3] in [-1, 1].
"""

import numpy as np
import tensorflow as tf

from egsc_tf.data import handwriting

CELLS = 4
CLASSES = 10
JITTER = 0.4
# Red, green, blue.
COLOURS = tf.constant([[1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
# Domain B of digits_single: the (foreground, background) pairs by kind.
PAIRS = tf.constant([[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]])
RED_ON_GREEN = 0
POLARITIES = {"black_on_white": 0, "white_on_black": 1}


class _Digits:
    """What both data sets share: the handwriting, binarised at mid-grey.

    Args:
      images: [N, 28, 28] uint8, bright ink.
      labels: [N] classes.
      height, width: of the images that come out.
      polarity: "both", "black_on_white" or "white_on_black": domain A.
    """

    def __init__(self, images, labels, height, width, polarity="both"):
        self.images = tf.constant(images)
        self.labels = tf.constant(labels)
        self.height, self.width = height, width
        self.polarity = polarity

    def size(self, domain):
        """How many images an epoch of a domain has."""
        del domain
        return int(self.labels.shape[0])

    def binary(self, grey, height, width):
        """Grey [h, w] in [0, 255] -> mask [height, width] in {0, 1}."""
        grey = tf.cast(grey, tf.float32)
        if tuple(grey.shape) != (height, width):
            grey = tf.image.resize(grey[..., None], (height, width))[..., 0]
        return tf.cast(grey > 127.5, tf.float32)

    def draw_polarity(self, seed):
        """0, black on white, or 1, white on black."""
        if self.polarity != "both":
            return tf.constant(POLARITIES[self.polarity])
        return tf.random.stateless_uniform([], seed, 0, 2, tf.int32)


class DigitsSingle(_Digits):
    """One digit an image. A look is a kind: polarity in A, an index of PAIRS in B.

    unseen_pairs: classes above 4 of domain B are always red on green.
    """

    def __init__(self, *args, unseen_pairs=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.unseen_pairs = unseen_pairs

    def mask(self, index):
        """[H, W] in {0, 1}: where the stroke of digit `index` is."""
        return self.binary(self.images[index], self.height, self.width)

    def kind(self, domain, index, seed):
        """The random look of an image."""
        if domain == "a":
            return self.draw_polarity(seed)
        kind = tf.random.stateless_uniform([], seed, 0, len(PAIRS), tf.int32)
        if self.unseen_pairs and self.labels[index] > 4:
            return tf.constant(RED_ON_GREEN)
        return kind

    def colours(self, domain, kind):
        """(foreground, background) [3] in [-1, 1] of a kind."""
        if domain == "a":
            foreground = tf.ones(3) * (2.0 * tf.cast(kind, tf.float32) - 1.0)
            return foreground, -foreground
        pair = tf.gather(PAIRS, kind)
        return tf.gather(COLOURS, pair[0]), tf.gather(COLOURS, pair[1])

    def paint(self, mask, domain, kind):
        """[H, W, 3]: the mask in the look `kind` of a domain."""
        foreground, background = self.colours(domain, kind)
        mask = mask[..., None]
        return mask * foreground + (1.0 - mask) * background

    def image(self, domain, index, seed):
        """The image of digit `index` with the look that `seed` [2] draws."""
        return self.paint(self.mask(index), domain, self.kind(domain, index, seed))


class DigitsMulti(_Digits):
    """A board of 4x4 cells; each class stands once, in a random cell.

    Raises:
      ValueError: where a class has no digit.
    """

    def __init__(self, images, labels, *args, **kwargs):
        super().__init__(images, labels, *args, **kwargs)
        counts = np.bincount(labels, minlength=CLASSES)
        if counts.min() == 0:
            raise ValueError(f"digits: expected some of each class, found {counts}")
        self.by_class = tf.constant(np.argsort(labels, kind="stable"))
        self.starts = tf.constant(np.cumsum(counts) - counts, tf.int32)
        self.counts = tf.constant(counts, tf.int32)

    def size(self, domain):
        """As many boards an epoch as digits fill."""
        return super().size(domain) // CLASSES

    def board(self, seed):
        """[H, W] mask in {0, 1}; [H, W] int32 class of the cell, 10 or more: empty."""
        order = tf.argsort(tf.random.stateless_uniform([CELLS * CELLS], seed))
        filled = order < CLASSES
        slot = tf.minimum(order, CLASSES - 1)
        draw = tf.random.stateless_uniform([CELLS * CELLS], seed + 1)
        count = tf.gather(self.counts, slot)
        nth = tf.minimum(
            tf.cast(draw * tf.cast(count, tf.float32), tf.int32), count - 1
        )
        picks = tf.gather(self.by_class, tf.gather(self.starts, slot) + nth)
        grey = tf.cast(tf.gather(self.images, picks), tf.float32)
        grey = self._assemble(grey * tf.cast(filled, tf.float32)[:, None, None])
        side = handwriting.SIZE
        classes = self._assemble(tf.tile(order[:, None, None], [1, side, side]))
        classes = tf.image.resize(
            classes[..., None], (self.height, self.width), method="nearest"
        )
        return self.binary(grey, self.height, self.width), classes[..., 0]

    @staticmethod
    def _assemble(cells):
        """[16, h, w] -> [4 h, 4 w], row by row."""
        side = handwriting.SIZE
        grid = tf.reshape(cells, [CELLS, CELLS, side, side])
        return tf.reshape(tf.transpose(grid, [0, 2, 1, 3]), [CELLS * side] * 2)

    def image(self, domain, index, seed):
        """The board and the look that `seed` [2] draws; boards have no index."""
        del index
        mask, classes = self.board(seed + 8)
        return self.paint(mask, classes, domain, seed)

    def paint(self, mask, classes, domain, seed):
        """[H, W, 3]: a board in the look that `seed` draws."""
        mask = mask[..., None]
        polarity = tf.cast(self.draw_polarity(seed), tf.float32)
        if domain == "a":
            white = tf.ones([1, 1, 3])
            image = mask * polarity * white + (1.0 - mask) * (1.0 - polarity) * white
            return 2.0 * image - 1.0
        jitter = tf.random.stateless_uniform(
            [2, CLASSES], seed + 2, 1 - JITTER, 1 + JITTER
        )
        slot = tf.minimum(classes, CLASSES - 1)
        hue = tf.cast(slot, tf.float32) / CLASSES
        saturation, value = (tf.gather(0.5 * jitter[i], slot) for i in (0, 1))
        colour = tf.image.hsv_to_rgb(tf.stack([hue, saturation, value], axis=-1))
        image = mask * colour + (1.0 - mask) * (1.0 - polarity)
        return 2.0 * image - 1.0
