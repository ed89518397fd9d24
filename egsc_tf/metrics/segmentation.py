"""Semantic consistency: does a translation still show the classes of its source?

Label maps are [H, W] integers; the label `ignore` counts nowhere.
"""

import json
import os

import numpy as np
import tensorflow as tf

from egsc_tf.data.label_maps import CATEGORIES, TRAIN_IDS, category_of_train_id
from egsc_tf.errors import UserError

IGNORE = 255
HELD_OUT = "held_out.json"  # beside saved_model.pb


class Confusion:
    """Counts pixels by true and found class.

    Args:
      classes: how many; ignore: the true label that is left out.
    """

    def __init__(self, classes, ignore=IGNORE):
        self.classes, self.ignore = classes, ignore
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, truth, found):
        """Label maps of one shape. Raises UserError for a label out of range."""
        truth, found = np.asarray(truth).ravel(), np.asarray(found).ravel()
        keep = truth != self.ignore
        for name, labels in (("truth", truth[keep]), ("found", found[keep])):
            if labels.size and not 0 <= labels.min() <= labels.max() < self.classes:
                raise UserError(
                    f"label maps, {name}: expected labels 0 to {self.classes - 1} or "
                    f"{self.ignore}, found {labels.min()} to {labels.max()}"
                )
        self.counts += tf.math.confusion_matrix(
            truth[keep], found[keep], self.classes, dtype=tf.int64
        ).numpy()

    def scores(self):
        """{"miou", "pixel_accuracy", "iou": by class, None where it never occurs,
        and for the one that is left out}."""
        right = np.diag(self.counts).astype(float)
        union = self.counts.sum(axis=0) + self.counts.sum(axis=1) - right
        with np.errstate(invalid="ignore"):
            iou = right / union
        # Found where another is: no class of its own.
        if 0 <= self.ignore < self.classes:
            iou[self.ignore] = np.nan
        total = self.counts.sum()
        return {
            "miou": float(np.nanmean(iou)) if total else None,
            "pixel_accuracy": float(right.sum() / total) if total else None,
            "iou": [None if np.isnan(value) else float(value) for value in iou],
        }


def check(path):
    """Raises UserError where no SavedModel lies there."""
    if not tf.saved_model.contains_saved_model(path):
        raise UserError(
            f"--segmentation_model={path}: expected a SavedModel with serving_default, "
            "found none"
        )


def held_out(path):
    """What egsc_tf.train_segmentation found of its own network; None of another.

    Returns:
      {"scores": {folder: as of Confusion.scores}, "images": {folder: how many}, ...}.
    """
    path = os.path.join(path, HELD_OUT)
    if not os.path.isfile(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def load_model(path, classes):
    """A user's segmentation SavedModel: [B, H, W, 3] in [-1, 1] -> labels [B, H, W].

    Its serving_default takes one float image tensor in [-1, 1] and gives integer labels
    [B, H, W] or [B, H, W, 1], or logits [B, h, w, C], which are enlarged to the image.
    Where 8 classes are asked for and C is 19 (Cityscapes' train ids), or the labels are
    integers, they are mapped to the categories.

    Raises:
      UserError: where there is no such SavedModel or signature, or C is another number.
    """
    where = f"--segmentation_model={path}"
    try:
        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{where}: expected a SavedModel with serving_default, found {error}"
        ) from error
    inputs = signature.structured_input_signature[1]
    outputs = list(signature.structured_outputs.values())
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{where}: expected one input and one output, found {list(inputs)} and "
            f"{list(signature.structured_outputs)}"
        )
    ((name, spec),), (output,) = inputs.items(), outputs
    if not spec.dtype.is_floating:
        raise UserError(f"{where}: expected a float input, found {spec.dtype.name}")
    is_logits = output.dtype.is_floating
    channels = output.shape[-1] if is_logits else None
    usable = {classes, TRAIN_IDS} if classes == CATEGORIES else {classes}
    if is_logits and channels not in usable:
        raise UserError(
            f"{where}: expected logits of {classes} classes, found {output.shape}"
        )
    to_categories = classes == CATEGORIES and channels in (TRAIN_IDS, None)

    def segment(images):
        (found,) = signature(**{name: tf.cast(images, spec.dtype)}).values()
        if is_logits:
            found = tf.image.resize(found, tf.shape(images)[1:3])
            found = tf.argmax(found, axis=-1)
        elif found.shape.rank == 4:
            found = found[..., 0]
        labels = found.numpy()
        return category_of_train_id(labels) if to_categories else labels

    segment.keep = loaded  # a signature does not keep its model alive
    return segment
