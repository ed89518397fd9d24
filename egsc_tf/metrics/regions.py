"""How much of what varies over images varies between the classes of their regions."""

import numpy as np


class Regions:
    """Gathers the mean and variance of values by class, a few images at a time.

    Args:
      classes: how many; ignore: the label that is left out.
    """

    def __init__(self, classes, ignore):
        self.classes, self.ignore = classes, ignore
        self.count, self.sums, self.squares = 0.0, 0.0, 0.0

    def add(self, values, labels):
        """values: [B, h, w, C]; labels: [B, h, w], 0 to classes - 1, or ignore."""
        values = np.asarray(values, np.float64).reshape(-1, np.shape(values)[-1])
        labels = np.asarray(labels).ravel()
        values, labels = values[labels != self.ignore], labels[labels != self.ignore]
        member = np.eye(self.classes)[labels]
        self.count = self.count + member.sum(axis=0)
        self.sums = self.sums + member.T @ values
        self.squares = self.squares + np.square(values).sum(axis=0)

    def share(self):
        """Between 0 and 1: the variance of the classes' means, over all variance, both
        summed over channels (eta squared). None where nothing varies or counts."""
        total = np.sum(self.count)
        if not total:
            return None
        seen = self.count > 0
        mean = self.sums.sum(axis=0) / total
        means = self.sums[seen] / self.count[seen, None]
        between = (self.count[seen, None] * np.square(means - mean)).sum()
        varies = (self.squares - total * np.square(mean)).sum()
        return float(between / varies) if varies > 0 else None
