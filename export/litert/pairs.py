"""Real pairs of a content and an exemplar: to calibrate with, and to compare on."""

import dataclasses

import numpy as np

from egsc_tf.data.source import open_source
from egsc_tf.data.stream import take
from egsc_tf.domains import split

SEED = 0


@dataclasses.dataclass(frozen=True)
class Pairs:
    """contents, exemplars: [N, H, W, 3] uint8; the i-th belongs to the i-th."""

    contents: np.ndarray
    exemplars: np.ndarray

    def __len__(self):
        return len(self.contents)

    def __iter__(self):
        return iter(zip(self.contents, self.exemplars))


def draw(config, part, direction, count):
    """`count` random pairs of a run's data, the same at each call. No image comes twice
    before each has come once.

    Args:
      config: egsc_tf.config.Config; its height and width are those of the pairs.
      part: "train" or "test".
      direction: "a2b" or "b2a".
      count: how many.

    Raises:
      UserError: where the data are missing or bad.
    """
    source = open_source(config, part)
    random = np.random.RandomState(SEED)

    def some(domain):
        size = source.size(domain)
        rounds = -(-count // size)  # so that none comes twice where there are enough
        indices = np.concatenate([random.permutation(size) for _ in range(rounds)])
        return take(source, domain, indices[:count], SEED)

    found = Pairs(*(some(domain) for domain in split(direction)))
    source.tell()
    return found
