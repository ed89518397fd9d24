"""Sources, exemplars and translations as one picture."""

import numpy as np


def contact_sheet(sources, exemplars, columns):
    """Sources down, exemplars across: one picture.

    Args:
      sources: [R, H, W, 3]; exemplars: [K, H, W, 3]; columns: [K, R, H, W, 3], the
        translations by exemplar; all in [-1, 1], all of one size.

    Returns:
      [(R + 1) * H, (K + 1) * W, 3], with a white corner.
    """
    corner = np.ones_like(exemplars[:1])
    head = np.concatenate([corner, exemplars])
    body = np.concatenate([np.asarray(sources)[None], np.asarray(columns)])
    rows = [head, *np.swapaxes(body, 0, 1)]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
