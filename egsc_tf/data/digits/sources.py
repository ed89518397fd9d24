"""The paper's two toy data sets, drawn from handwritten digits (paper, section 4.1).

digits_single: domain A black on white or white on black; domain B foreground and
background two different ones of red, green and blue.
digits_multi: a 4x4 board of cells with the ten classes once each; domain A as above;
domain B hue = class / 10 on a black or a white ground.

An image is a *content* (where the strokes are) painted in a *look* (which colours): the
look of an exemplar put on the content of a source is the known right answer of a
translation. A content is {"mask": [H, W] in {0, 1}, "classes": [H, W]}, the class that
a pixel belongs to; images are [H, W, 3] in [-1, 1].
"""

import hashlib

import numpy as np
import tensorflow as tf

from egsc_tf.data import inventory
from egsc_tf.data.digits import handwriting
from egsc_tf.domains import DOMAINS

CELLS = 4
CLASSES = 10
JITTER = 0.4
# Red, green, blue. NumPy arrays, as a tensor made at import would initialise TensorFlow
# before MultiWorkerMirroredStrategy exists.
COLOURS = 2 * np.eye(3, dtype=np.float32) - 1
# Palettes have room for the ten colours of a look, black and white.
PALETTE = CLASSES + 2
BLACK_AND_WHITE = np.array([[-1] * 3, [1] * 3] * (PALETTE // 2), np.float32)
# Domain B of digits_single: the (foreground, background) pairs by kind.
PAIRS = np.array([[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]])
RED_ON_GREEN = 0
POLARITIES = {"black_on_white": 0, "white_on_black": 1}


class _Digits:
    """What both data sets share: the handwriting, binarised at mid-grey, and painting.

    A subclass has `content(index, seed)`, `look(domain, index, seed)`, `looks(domain,
    seed)`, `colours(domain, look)` and `palette(domain, look)`; seeds are [2] int64.

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

    def fingerprint(self):
        """A digest of the handwriting; all else are flags."""
        digest = hashlib.sha256(self.images.numpy().tobytes())
        digest.update(self.labels.numpy().tobytes())
        return digest.hexdigest()[:16]

    @property
    def where(self):
        return {domain: f"handwriting of domain {domain}" for domain in DOMAINS}

    def inventory(self, domain):
        """The Inventory of the handwriting, of which both domains are made."""
        del domain
        pairs = zip(self.images.numpy(), self.labels.numpy())
        digests = [inventory.digest(x.tobytes() + y.tobytes()) for x, y in pairs]
        return inventory.of(map(str, range(len(digests))), digests.__getitem__)

    def tell(self):
        """Nothing: all of the handwriting is good."""

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

    def polarities(self):
        """All that draw_polarity gives."""
        both = self.polarity == "both"
        return sorted(POLARITIES.values()) if both else [POLARITIES[self.polarity]]

    def paint(self, content, domain, look):
        """[H, W, 3]: a content in a look of a domain."""
        strokes, ground = self.colours(domain, look)
        strokes = tf.gather(strokes, tf.minimum(content["classes"], CLASSES - 1))
        mask = content["mask"][..., None]
        return mask * strokes + (1.0 - mask) * ground

    def image(self, domain, index, seed):
        """The content of `index` in the look that `seed` [2] draws."""
        content = self.content(index, seed)
        return self.paint(content, domain, self.look(domain, index, seed))

    element = image

    def batch(self, domain, images):
        """The images [N, H, W, 3] themselves."""
        del domain
        return images


class DigitsSingle(_Digits):
    """One digit an image. A look is a kind: polarity in A, an index of PAIRS in B.

    unseen_pairs: classes above 4 of domain B are always red on green.
    """

    def __init__(self, *args, unseen_pairs=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.unseen_pairs = unseen_pairs

    def content(self, index, seed):
        """The digit `index`; nothing about it is drawn."""
        del seed
        mask = self.binary(self.images[index], self.height, self.width)
        label = tf.cast(self.labels[index], tf.int32)
        return {"mask": mask, "classes": tf.fill(tf.shape(mask), label)}

    def look(self, domain, index, seed):
        """The random look of an image."""
        if domain == "a":
            return self.draw_polarity(seed)
        kind = tf.random.stateless_uniform([], seed, 0, len(PAIRS), tf.int32)
        if self.unseen_pairs and self.labels[index] > 4:
            return tf.constant(RED_ON_GREEN)
        return kind

    def looks(self, domain, seed):
        """All looks of a domain."""
        del seed
        return list(range(len(PAIRS))) if domain == "b" else self.polarities()

    def palette(self, domain, look):
        """[12, 3]: the colours that an image of a domain may have, repeated."""
        del look
        if domain == "a":
            return BLACK_AND_WHITE
        return tf.tile(COLOURS, [PALETTE // len(COLOURS), 1])

    def colours(self, domain, look):
        """(strokes' [10, 3] by class, ground's [3]) in [-1, 1] of a look."""
        if domain == "a":
            foreground = tf.ones(3) * (2.0 * tf.cast(look, tf.float32) - 1.0)
            background = -foreground
        else:
            pair = tf.gather(PAIRS, look)
            foreground, background = tf.unstack(tf.gather(COLOURS, pair))
        return tf.tile(foreground[None], [CLASSES, 1]), background


class DigitsMulti(_Digits):
    """A board of 4x4 cells; each class stands once, in a random cell.

    A look is {"polarity", "saturation", "value"}, the latter two [10] by class.

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

    def content(self, index, seed):
        """The board that `seed` [2] draws; no index. Class 10: an empty cell."""
        del index
        seed = seed + 8
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
        classes = tf.minimum(order, CLASSES)
        classes = self._assemble(tf.tile(classes[:, None, None], [1, side, side]))
        classes = tf.image.resize(
            classes[..., None], (self.height, self.width), method="nearest"
        )
        return {
            "mask": self.binary(grey, self.height, self.width),
            "classes": classes[..., 0],
        }

    @staticmethod
    def _assemble(cells):
        """[16, h, w] -> [4 h, 4 w], row by row."""
        side = handwriting.SIZE
        grid = tf.reshape(cells, [CELLS, CELLS, side, side])
        return tf.reshape(tf.transpose(grid, [0, 2, 1, 3]), [CELLS * side] * 2)

    def look(self, domain, index, seed):
        """The look that `seed` [2] draws; A has no use for its colours."""
        del domain, index
        return self._look(self.draw_polarity(seed), seed)

    def looks(self, domain, seed):
        """One look on each ground of a domain, its colours drawn by `seed`."""
        grounds = self.polarities() if domain == "a" else sorted(POLARITIES.values())
        return [self._look(ground, seed) for ground in grounds]

    @staticmethod
    def _look(polarity, seed):
        jitter = tf.random.stateless_uniform(
            [2, CLASSES], seed + 2, 1 - JITTER, 1 + JITTER
        )
        saturation, value = tf.unstack(0.5 * jitter)
        return {"polarity": polarity, "saturation": saturation, "value": value}

    def palette(self, domain, look):
        """[12, 3]: black, white, and in B the ten colours of the look."""
        if domain == "a":
            return BLACK_AND_WHITE
        return tf.concat([self.colours(domain, look)[0], BLACK_AND_WHITE[:2]], axis=0)

    def colours(self, domain, look):
        """(strokes' [10, 3] by class, ground's [3]) in [-1, 1] of a look."""
        ink = tf.cast(look["polarity"], tf.float32)
        if domain == "a":
            strokes = tf.fill([CLASSES, 3], ink)
        else:
            hue = tf.range(CLASSES, dtype=tf.float32) / CLASSES
            hsv = tf.stack([hue, look["saturation"], look["value"]], axis=-1)
            strokes = tf.image.hsv_to_rgb(hsv)
        return 2.0 * strokes - 1.0, 2.0 * tf.fill([3], 1.0 - ink) - 1.0
