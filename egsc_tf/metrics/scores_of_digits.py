"""Scores of translated digits, where the right answer is known (paper, section 4.1).

Content: the source's digit can be read in the translation. Style: its foreground and
its background each have the exemplar's colour. SSIM and L1 compare it with the source's
stroke painted in the exemplar's look.
"""

import numpy as np
import tensorflow as tf

from egsc_tf.data.digits import PAIRS, POLARITIES


def looks(source, domain):
    """The looks that a domain of a DigitsSingle source has."""
    if domain == "b":
        return list(range(len(PAIRS)))
    if source.polarity == "both":
        return sorted(POLARITIES.values())
    return [POLARITIES[source.polarity]]


def styles_right(images, masks, source, domain, exemplar_looks):
    """Whether stroke and ground each have a mean colour nearest to the exemplar's own.

    Args:
      images: [N, H, W, 3] in [-1, 1]; masks: [N, H, W] in {0, 1}, the true strokes.
      source: DigitsSingle; domain: of the exemplars.
      exemplar_looks: [N].

    Returns:
      [N] bool.
    """
    colours = {k: np.stack(source.colours(domain, k)) for k in looks(source, domain)}
    palette = np.unique(np.concatenate(list(colours.values())), axis=0)
    right = np.stack([colours[look] for look in exemplar_looks])
    found = []
    for weight, colour in ((masks, right[:, 0]), (1.0 - masks, right[:, 1])):
        weight = weight[..., None]
        mean = (images * weight).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
        distance = np.linalg.norm(mean[:, None] - palette, axis=-1)
        found.append((palette[distance.argmin(axis=1)] == colour).all(axis=1))
    return np.logical_and(*found)


def l1(images, right):
    """[N] mean absolute differences of images in [-1, 1], on the scale 0 to 1."""
    return np.abs(images - right).mean(axis=(1, 2, 3)) / 2.0


def ssim(images, right):
    """[N] structural similarities of images in [-1, 1] (tf.image.ssim).

    Windows of 11 pixels, its default, or of the image where that is smaller.
    """
    window = min(11, *images.shape[1:3])
    return tf.image.ssim(images, right, max_val=2.0, filter_size=window).numpy()
