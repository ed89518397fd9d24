"""A picture of samples of several folders, each under its name."""

import numpy as np
from PIL import Image, ImageDraw

from egsc_tf.runtime.counted import counted

COLUMNS = 10
GAP = 4
HEAD = 20
NARROWEST = 200  # A name has to fit.


def draw(samples):
    """[H, W, 3] uint8.

    Args:
      samples: {name: [[h, w, 3] uint8, ...]}, all of one size; a list may be empty.
    """
    sizes = [image.shape for listed in samples.values() for image in listed]
    height, width = sizes[0][:2] if sizes else (0, 0)
    rows = {name: -(-len(listed) // COLUMNS) for name, listed in samples.items()}
    sheet = Image.new(
        "RGB",
        (
            max(COLUMNS * (width + GAP) + GAP, NARROWEST),
            sum(HEAD + n * (height + GAP) for n in rows.values()) + GAP,
        ),
        "white",
    )
    pen, top = ImageDraw.Draw(sheet), 0
    for name, listed in samples.items():
        told = f"{name}: {counted(len(listed), 'sample')}"
        pen.text((GAP, top + GAP), told, fill="black")
        top += HEAD
        for i, image in enumerate(listed):
            row, column = divmod(i, COLUMNS)
            place = (GAP + column * (width + GAP), top + row * (height + GAP))
            sheet.paste(Image.fromarray(image), place)
        top += rows[name] * (height + GAP)
    return np.asarray(sheet)
