"""Scores of translated digits, where the right answer is known (paper, section 4.1).

Content: the source's digit can be read in the translation. Style: its foreground and
its background each have the exemplar's colour. SSIM and L1 compare it with the source's
stroke painted in the exemplar's look.
"""

import numpy as np
from skimage.metrics import structural_similarity

from egsc_tf.data.digits import PAIRS, POLARITIES


def looks(source, domain):
    """The looks that a domain of a DigitsSingle source has."""
    if domain == "b":
        return list(range(len(PAIRS)))
    if source.polarity == "both":
        return sorted(POLARITIES.values())
    return [POLARITIES[source.polarity]]


def style_is_right(image, mask, source, domain, kind):
    """Whether stroke and ground each have a mean colour nearest to the kind's own.

    Args:
      image: [H, W, 3] in [-1, 1]; mask: [H, W] in {0, 1}, the true stroke.
      source: DigitsSingle; domain, kind: of the exemplar.
    """
    colours = [np.stack(source.colours(domain, k)) for k in looks(source, domain)]
    palette = np.unique(np.concatenate(colours), axis=0)
    right = np.stack(source.colours(domain, kind))
    stroke = np.asarray(mask) > 0.5
    for pixels, colour in ((image[stroke], right[0]), (image[~stroke], right[1])):
        distance = np.linalg.norm(palette - pixels.mean(axis=0), axis=-1)
        if not np.array_equal(palette[distance.argmin()], colour):
            return False
    return True


def l1(image, right):
    """Mean absolute difference of images in [-1, 1], on the scale 0 to 1."""
    return float(np.abs(image - right).mean() / 2.0)


def ssim(image, right):
    """Structural similarity of two images in [-1, 1] (scikit-image, 7x7 windows)."""
    return float(structural_similarity(image, right, channel_axis=-1, data_range=2.0))
