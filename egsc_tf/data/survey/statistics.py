"""Counts, sizes, modes and colours of the images of a folder, collected one by one."""

import collections

import numpy as np

SAMPLES = 20  # of a folder, for the contact sheet
SIZES = 10  # the most frequent ones are listed


class FolderStatistics:
    """Of one folder.

    Args:
      contents: egsc_tf.data.folders.Contents.

    Attributes:
      stopping: how many of its images stop training.
      samples: usable images, evenly over the folder: [h, w, 3] uint8.
    """

    def __init__(self, contents):
        self.contents = contents
        self.samples = []
        self.stopping = 0
        self._sizes = []
        self._formats, self._modes = collections.Counter(), collections.Counter()
        self._colour = np.zeros(3)

    @property
    def usable(self):
        """How many images decode."""
        return len(self._sizes)

    def add(self, index, found):
        """The `index`-th image that training would read."""
        if found.bad:
            self.stopping += 1
            return
        self._sizes.append((found.height, found.width))
        self._formats[found.format] += 1
        self._modes[found.mode] += 1
        self._colour += found.thumbnail.mean(axis=(0, 1))
        if index * SAMPLES >= len(self.samples) * len(self.contents.images):
            self.samples.append(found.thumbnail)

    def summary(self):
        """{...} for JSON: counts, and statistics of the usable images."""
        summary = {
            "images": len(self.contents.images),
            "usable": self.usable,
            "hidden_entries": self.contents.hidden,
        }
        if self.contents.refused:
            summary["refused"] = self.contents.refused
        if not self._sizes:
            return summary
        height, width = np.transpose(self._sizes)
        sizes = collections.Counter(f"{w}x{h}" for h, w in self._sizes)
        return {
            **summary,
            "height": _spread(height),
            "width": _spread(width),
            "width_by_height": _spread(np.round(width / height, 3)),
            "distinct_sizes": len(sizes),
            "frequent_sizes": dict(sizes.most_common(SIZES)),
            "formats": dict(self._formats.most_common()),
            "modes": dict(self._modes.most_common()),
            "mean_colour": np.round(self._colour / self.usable, 1).tolist(),
        }


def _spread(values):
    """{"min", "median", "max"} of numbers."""
    values = np.asarray(values)
    return {
        "min": values.min().item(),
        "median": np.median(values).item(),
        "max": values.max().item(),
    }
