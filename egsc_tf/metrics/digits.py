"""Scores of translated digits, where the right answer is known (paper, section 4.1).

Style: the strokes and the ground each have the exemplar's colour. SSIM, PSNR and L1
compare a translation with the source's strokes painted in the exemplar's look.
"""

import numpy as np
import tensorflow as tf

from egsc_tf.data.digits.sources import CLASSES

TIE = 1e-6  # a grey that is as near to another colour is not right


def styles_right(images, case):
    """The share of an image's classes whose stroke and ground are right, [K].

    Right: the mean colour is nearest, of all colours in the palette, to the exemplar's.

    Args:
      images: [K, H, W, 3] in [-1, 1], translations with the K exemplars of a case.
      case: see `egsc_tf.evaluation.digit_cases`, as arrays.
    """
    ink = case["mask"] > 0.5
    present = [c for c in range(CLASSES) if (ink & (case["classes"] == c)).any()]
    ground = _is_nearest(images[:, ~ink], case["ground"], case["palette"])
    strokes = [
        _is_nearest(
            images[:, ink & (case["classes"] == c)],
            case["strokes"][:, c],
            case["palette"],
        )
        for c in present
    ]
    return (np.stack(strokes) & ground).mean(axis=0)


def _is_nearest(pixels, right, palette):
    """[K] bool: whether the mean of pixels [K, N, 3] is nearest to right [K, 3]."""
    distance = np.linalg.norm(palette - pixels.mean(axis=1)[:, None], axis=-1)
    own = (palette == right[:, None]).all(axis=-1)
    to_own = np.where(own, distance, np.inf).min(axis=1)
    return to_own < np.where(own, np.inf, distance).min(axis=1) - TIE


def l1(images, right):
    """[N] mean absolute differences of images in [-1, 1], on the scale 0 to 1."""
    return np.abs(images - right).mean(axis=(1, 2, 3)) / 2.0


def psnr(images, right):
    """[N] peak signal-to-noise ratios in dB (tf.image.psnr); infinite where equal."""
    return tf.image.psnr(images, right, max_val=2.0).numpy()


def ssim(images, right):
    """[N] structural similarities of images in [-1, 1] (tf.image.ssim).

    Windows of 11 pixels, its default, or of the image where that is smaller.
    """
    window = min(11, *images.shape[1:3])
    return tf.image.ssim(images, right, max_val=2.0, filter_size=window).numpy()
