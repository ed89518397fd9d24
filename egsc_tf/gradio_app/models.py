"""What can be tried out: a run's model, or a SavedModel that was exported.

Both have `directions` and

- `style(pixels, direction)` -> the style code [1, 2C] of an exemplar;
- `translate(pixels, styles, direction, strength)` -> ([uint8 [H, W, 3], ...], one for
  each style, and the mean over its channels of the mask of the source, [h, w]).

pixels: [H, W, 3] uint8.
"""

import os
import re

import numpy as np
import tensorflow as tf

from egsc_tf.data import images
from egsc_tf.domains import DIRECTIONS, split
from egsc_tf.errors import UserError
from egsc_tf.inference import tiling


class RunModel:
    """A run's Translator.

    Args:
      translator: without noise of z.
      tile: larger sources are translated by tiles of this side; a multiple of the
        stride.
    """

    directions = DIRECTIONS

    def __init__(self, translator, tile):
        tiling.check(translator, tile)
        self.translator, self.tile = translator, tile
        self.smallest_side = translator.smallest_side

    def style(self, pixels, direction):
        exemplar = images.to_float(pixels)[None]
        return self.translator.encode_style(exemplar, split(direction)[1])

    def translate(self, pixels, styles, direction, strength):
        source, target = split(direction)
        height, width = pixels.shape[:2]
        if max(height, width) > self.tile:
            return self._by_tiles(pixels, styles, direction, strength)
        content = images.to_float(pixels)[None]
        c, m = self.translator.encode_content(content, source)
        styles = [
            self.translator.style_at(strength, s, content, target) for s in styles
        ]
        made = [self.translator.decode(c, m, s, target) for s in styles]
        results = [images.to_uint8(image[0, :height, :width]) for image in made]
        return results, m.numpy()[0].mean(axis=-1)

    def _by_tiles(self, pixels, styles, direction, strength):
        source, tile = split(direction)[0], self.tile
        moments = tiling.content_moments(self.translator, pixels, source, tile)
        results = [
            tiling.translate_tiled(
                self.translator, pixels, style, direction, tile, strength, moments
            )
            for style in styles
        ]
        # The mask is looked at only: of the source reduced to a tile's side.
        sides = np.array(pixels.shape[:2]) * tile // max(pixels.shape[:2])
        small = images.resize(pixels, *np.maximum(sides, self.smallest_side))
        content = images.to_float(small)[None]
        _, m = self.translator.encode_content(content, source)
        return results, m.numpy()[0].mean(axis=-1)


class SavedModel:
    """A version that egsc_tf.export.saved_model wrote, by its signatures.

    Args:
      path: MODELS/NAME/VERSION.

    Raises:
      UserError: where there is none. Methods raise it for what the graph refuses.
    """

    smallest_side = images.SMALLEST_SIDE  # the graph knows its own

    def __init__(self, path):
        if not tf.saved_model.contains_saved_model(path):
            raise UserError(
                f"--saved_model={path}: expected MODELS/NAME/VERSION, a folder that "
                "egsc_tf.export.saved_model wrote, found no SavedModel"
            )
        self._loaded = tf.saved_model.load(os.fspath(path))
        signatures = self._loaded.signatures
        self.directions = tuple(
            d for d in DIRECTIONS if _name("translate_with_style", d) in signatures
        )
        if not self.directions:
            raise UserError(
                f"--saved_model={path}: expected signatures of egsc_tf.export."
                f"saved_model, found {', '.join(signatures)}"
            )

    def style(self, pixels, direction):
        return self._call("encode_style", direction, exemplar=pixels[None])["style"]

    def translate(self, pixels, styles, direction, strength):
        made = [
            self._call(
                "translate_with_style",
                direction,
                content=pixels[None],
                style=style,
                strength=np.float32([strength]),
            )
            for style in styles
        ]
        mask = self._call("feature_mask", direction, content=pixels[None])["mask"]
        return [x["image"].numpy()[0] for x in made], mask.numpy()[0].mean(axis=-1)

    def _call(self, part, direction, **inputs):
        function = self._loaded.signatures[_name(part, direction)]
        try:
            return function(**{k: tf.convert_to_tensor(v) for k, v in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise UserError(_reason(error.message)) from error


def _reason(message):
    """What encoded_images.require says, of all that TensorFlow does."""
    found = re.search("assertion failed: (.*)", message)
    return re.sub(r"[\[\]]", "", found[1] if found else message.splitlines()[0])


def _name(part, direction):
    return part if direction == "a2b" else f"{part}_{direction}"
