"""Semantic consistency: does a translation still show the classes of its source?

Label maps are [H, W] integers; the label `ignore` counts nowhere.
"""

import numpy as np
import tensorflow as tf

from egsc_tf.errors import UserError

IGNORE = 255
# Cityscapes' categories: 0 void, 1 flat, 2 construction, 3 object, 4 nature, 5 sky,
# 6 human, 7 vehicle; by its 34 label ids, and by its 19 train ids.
CATEGORIES = 8
_OF_LABEL_ID = (0,) * 7 + (1,) * 4 + (2,) * 6 + (3,) * 4 + (4,) * 2 + (5,) + (6,) * 2
_OF_LABEL_ID += (7,) * 9  # vehicles; 34 is the licence plate
_OF_TRAIN_ID = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6, 7, 7, 7, 7, 7, 7)


def category_of_label_id(labels):
    """Label maps of Cityscapes' and GTA5's label ids -> categories; others are void."""
    return _look_up(_OF_LABEL_ID, labels)


def category_of_train_id(labels):
    """Label maps of Cityscapes' and BDD100K's train ids -> categories; 255 is void."""
    return _look_up(_OF_TRAIN_ID, labels)


def _look_up(categories, labels):
    table = np.zeros(256, np.uint8)
    table[: len(categories)] = categories
    return table[np.asarray(labels, np.uint8)]


class Confusion:
    """Counts pixels by true and found class.

    Args:
      classes: how many; ignore: the true label that is left out.
    """

    def __init__(self, classes, ignore=IGNORE):
        self.classes, self.ignore = classes, ignore
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, truth, found):
        """Label maps of one shape. Raises ValueError for a label out of range."""
        truth, found = np.asarray(truth).ravel(), np.asarray(found).ravel()
        keep = truth != self.ignore
        for name, labels in (("truth", truth[keep]), ("found", found[keep])):
            if labels.size and not 0 <= labels.min() <= labels.max() < self.classes:
                raise ValueError(
                    f"{name}: expected labels 0 to {self.classes - 1} or "
                    f"{self.ignore}, found {labels.min()} to {labels.max()}"
                )
        self.counts += tf.math.confusion_matrix(
            truth[keep], found[keep], self.classes, dtype=tf.int64
        ).numpy()

    def scores(self):
        """{"miou", "pixel_accuracy", "iou": by class, NaN where it never occurs}."""
        right = np.diag(self.counts).astype(float)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - right
        with np.errstate(invalid="ignore"):
            iou = right / union
        total = self.counts.sum()
        return {
            "miou": float(np.nanmean(iou)) if total else float("nan"),
            "pixel_accuracy": float(right.sum() / total) if total else float("nan"),
            "iou": [float(value) for value in iou],
        }


def load_model(path):
    """A user's segmentation SavedModel: [B, H, W, 3] in [-1, 1] -> labels [B, H, W].

    Its serving_default takes one float image tensor in [-1, 1] and gives labels
    [B, H, W], or logits [B, h, w, classes], which are enlarged to the image.

    Raises:
      UserError: where there is no such SavedModel or signature.
    """
    try:
        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"--segmentation_model={path}: expected a SavedModel with serving_default, "
            f"found {error}"
        ) from error
    names = list(signature.structured_input_signature[1])
    if len(names) != 1 or len(signature.structured_outputs) != 1:
        raise UserError(
            f"--segmentation_model={path}: expected one input and one output, found "
            f"{names} and {list(signature.structured_outputs)}"
        )

    def segment(images):
        (found,) = signature(**{names[0]: images}).values()
        if found.shape.rank == 4:
            found = tf.image.resize(found, tf.shape(images)[1:3])
            found = tf.argmax(found, axis=-1)
        return found.numpy()

    segment.keep = loaded  # a signature does not keep its model alive
    return segment
