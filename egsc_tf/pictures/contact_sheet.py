"""Sources, exemplars and translations as one picture."""

import numpy as np


def contact_sheet(sources, exemplars, columns):
    """Sources down, exemplars across: one picture.

    Args:
      sources: R images [H, W, 3]; exemplars: K of them; columns: K lists of R, the
        translations by exemplar; all in [-1, 1], each of any size.

    Returns:
      [H, W, 3], with a white corner. A row is as high as its highest image, a column as
      wide as its widest; there is white around smaller ones.
    """
    corner = np.ones([1, 1, 3], np.float32)
    rows = [[corner, *exemplars]]
    rows += [[x, *(made[i] for made in columns)] for i, x in enumerate(sources)]
    heights = [max(image.shape[0] for image in row) for row in rows]
    widths = [max(image.shape[1] for image in column) for column in zip(*rows)]
    lines = [
        np.concatenate([_cell(x, high, wide) for x, wide in zip(row, widths)], axis=1)
        for row, high in zip(rows, heights)
    ]
    return np.concatenate(lines)


def _cell(image, height, width):
    """An image in the middle of white."""
    image = np.asarray(image)
    cell = np.ones([height, width, 3], image.dtype)
    top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    cell[top : top + image.shape[0], left : left + image.shape[1]] = image
    return cell
