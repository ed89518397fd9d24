"""The training images nearest to a picture: has the generator learned them by heart?"""

import numpy as np

from egsc_tf.data import images

SIDE = 32


def features(rows):
    """[N, H, W, 3] uint8 -> [N, D]: pixels at 32x32 or less, in [0, 1]."""
    height, width = (min(SIDE, size) for size in rows.shape[1:3])
    small = np.stack([images.resize(x, height, width) for x in rows])
    return small.reshape(len(rows), -1).astype(np.float32) / 255.0


def search(queries, pool, count):
    """(index [N, count], distance [N, count]) of the nearest rows of `pool`.

    Args:
      queries: [N, D]; pool: [M, D], both from `features`.

    The distance is the root of the mean squared difference of a pixel's values.
    """
    squares = (
        (queries**2).sum(1)[:, None] - 2.0 * queries @ pool.T + (pool**2).sum(1)[None]
    )
    index = np.argsort(squares, axis=1, kind="stable")[:, :count]
    found = np.take_along_axis(squares, index, axis=1)
    return index, np.sqrt(np.maximum(found, 0.0) / queries.shape[1])
