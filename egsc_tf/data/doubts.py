"""Pictures that decode and are hardly what was meant: nearly black, or of one colour.

Most often their values do not fill their type: 8 or 12 bits kept in 16, numbers of
classes taken for grey. Decided here for all programs, of what they decode anyway.
"""

import threading

import numpy as np
from absl import logging

from egsc_tf.data import images, rgb
from egsc_tf.runtime.counted import counted

NAMED = 20  # pictures that the log names
QUARTER = 64  # of 255: the largest value of 14 bits in 16, of 6 in 8
PLAIN = 2.0  # standard deviation of each channel, of 255
LOOKED_AT = 2**16  # pixels of a picture, evenly over it


def of(picture):
    """What is doubtful about an images.Picture, in words, or ""."""
    pixels = picture.pixels
    step = max(1, round((pixels.shape[0] * pixels.shape[1] / LOOKED_AT) ** 0.5))
    some = pixels[::step, ::step]
    white = rgb.WHITE.get(picture.mode)
    where = f" (mode {picture.mode}, where white is {white:g})" if white else ""
    if some.max() <= QUARTER and pixels.max() <= QUARTER:
        return f"nothing is brighter than {pixels.max()} of 255{where}"
    # Only of values that were scaled: a drawing on white may be as bright.
    if white and some.min() >= 255 - QUARTER and pixels.min() >= 255 - QUARTER:
        return f"nothing is darker than {pixels.min()} of 255{where}"
    if np.std(some, axis=(0, 1)).max() < PLAIN:
        colour = ", ".join(str(round(x)) for x in some.mean(axis=(0, 1)))
        return f"all of it is nearly of one colour, {colour} of 255{where}"
    return ""


class Doubts:
    """Those of many pictures, of which few are named. For any threads."""

    def __init__(self):
        self.count, self._told = 0, 0
        self._lock = threading.Lock()

    def add(self, name, doubt):
        """Warns of what `of` said of a picture, or counts it where many were named."""
        if not doubt:
            return
        with self._lock:
            self.count += 1
            if self.count <= NAMED:
                logging.warning("doubtful: %s: %s", images.printable(name), doubt)

    def tell(self, total):
        """Says how many of `total` there were, where there are more than last told."""
        if self.count > self._told:
            logging.warning(
                "doubtful: %d of %s, nearly black or of one colour when decoded; do "
                "their values fill their type? (documentation: Check your folders)",
                self.count,
                counted(total, "image"),
            )
        self._told = self.count
