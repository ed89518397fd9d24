"""Files in, translations out: what the page and its endpoint do at a click."""

import os
import time
import typing

import numpy as np

from egsc_tf.data import images
from egsc_tf.errors import UserError
from egsc_tf.pictures import mask_overlay

MOST_EXEMPLARS = 8


class Outcome(typing.NamedTuple):
    """What came of it.

    Attributes:
      translations: [([H, W, 3] uint8, what it is)].
      mask: [H, W, 3] uint8, the mask's mean over the source.
      told: the time taken, and what the mask is.
    """

    translations: list
    mask: np.ndarray
    told: str


class Session:
    """Reads, checks and translates.

    Args:
      model: of egsc_tf.gradio_app.models.
      most_pixels: of a source; most_exemplar_pixels: of an exemplar, which the networks
        see as a whole.
    """

    def __init__(self, model, most_pixels, most_exemplar_pixels):
        self.model = model
        self.most_pixels = most_pixels
        self.most_exemplar_pixels = most_exemplar_pixels

    def translate(self, sources, exemplars, direction, strength, blend):
        """The source in the style of each exemplar, and of two blended.

        Args:
          sources: [path] of one file; exemplars: [path, ...]; None for none.
          direction: one of the model's.
          strength: 0 to 1, see Translator.style_at.
          blend: 0 to 1: of the first exemplar's style and the second's, where there are
            two or more.

        Returns:
          Outcome.

        Raises:
          UserError: for whatever is missing or wrong.
        """
        source, exemplars = self._checked(
            sources or [], exemplars or [], direction, strength, blend
        )
        pixels = self._read(source, self.most_pixels)
        looks = [self._read(path, self.most_exemplar_pixels) for path in exemplars]
        start = time.perf_counter()
        styles = [self.model.style(look, direction) for look in looks]
        names = [f"exemplar {n}" for n in range(1, len(styles) + 1)]
        if len(styles) > 1:
            styles.append((1.0 - blend) * styles[0] + blend * styles[1])
            names.append(f"blend {blend:g}")
        made, mask = self.model.translate(pixels, styles, direction, strength)
        seconds = time.perf_counter() - start
        height, width = pixels.shape[:2]
        return Outcome(
            list(zip(made, names)),
            mask_overlay.over_source(pixels, mask),
            f"{len(made)} of {width}x{height} pixels in {1e3 * seconds:.0f} ms, "
            f"without reading and showing. Mask: {mask.min():.2f} to {mask.max():.2f}, "
            "the mean over its channels; yellow is 1, violet 0.5.",
        )

    def _checked(self, sources, exemplars, direction, strength, blend):
        """(source, exemplars). Raises UserError."""
        if len(sources) != 1:
            raise UserError(
                f"Source: expected one image, found {len(sources) or 'none'}"
            )
        if not 1 <= len(exemplars) <= MOST_EXEMPLARS:
            raise UserError(
                f"Exemplars: expected 1 to {MOST_EXEMPLARS} images, found "
                f"{len(exemplars) or 'none'}"
            )
        if direction not in self.model.directions:
            raise UserError(
                f"Direction: expected one of {', '.join(self.model.directions)}, found "
                f"{direction}"
            )
        for name, value in (("Strength", strength), ("Blend", blend)):
            if value is None or not 0.0 <= value <= 1.0:
                raise UserError(f"{name}: expected 0 to 1, found {value}")
        return sources[0], exemplars

    def _read(self, path, most):
        """[H, W, 3] uint8, as training reads it. Raises BadImage."""
        with images.open_file(path) as file:
            name, smallest = os.path.basename(path), self.model.smallest_side
            return images.decode(file, name, smallest, most).pixels
