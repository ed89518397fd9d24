"""The worst-scored translations of an evaluation, as a picture: failures, not luck."""

import os

import numpy as np

from egsc_tf.data import images

KEPT = 6


class Worst:
    """Keeps the KEPT translations whose score is the highest; lower is better.

    Args:
      score: the name of the score.
    """

    def __init__(self, score):
        self.score = score
        self.values = np.zeros(0)
        self.columns = {}

    def add(self, values, columns):
        """Takes N more translations.

        Args:
          values: [N] scores.
          columns: {what is shown: [N, H, W, 3]}, always the same names.
        """
        values = np.concatenate([self.values, values])
        order = np.argsort(-values, kind="stable")[:KEPT]
        for name, rows in columns.items():
            if name in self.columns:
                rows = np.concatenate([self.columns[name], rows])
            self.columns[name] = np.asarray(rows)[order]
        self.values = values[order]

    def write(self, folder, direction):
        """Writes worst_SCORE_DIRECTION.png, a row a translation, the worst first.

        Returns:
          {"score", "file", "columns", "values"}, for results.json.
        """
        rows = [np.concatenate(x, axis=1) for x in zip(*self.columns.values())]
        file = f"worst_{self.score}_{direction}.png"
        images.write_png(os.path.join(folder, file), np.concatenate(rows))
        return {
            "score": self.score,
            "file": file,
            "columns": list(self.columns),
            "values": [float(value) for value in self.values],
        }
