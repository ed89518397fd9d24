"""The exported networks in Beam's RunInference.

Beam's own handlers for TensorFlow load Keras models and stack a batch; an export of
egsc_tf.export.saved_model has signatures and no Keras, and the images of a folder have
many sizes. The dense signatures are used, as they translate at an image's own size, as
egsc_tf.translate does.
"""

import functools
import os
import typing

import numpy as np
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from egsc_tf.beam import files
from egsc_tf.errors import UserError
from egsc_tf.export.serving.graph import signature_name

STYLE, TRANSLATE = "encode_style", "translate_with_style"


class Content(typing.NamedTuple):
    """What TRANSLATE gets: pixels [H, W, 3] uint8, style [2C], strength 0 to 1."""

    pixels: np.ndarray
    style: np.ndarray
    strength: float


class Refused(typing.NamedTuple):
    """In place of a result: why the networks take no such image."""

    reason: str


# The styles' and the contents' handlers of a process share it.
load = functools.lru_cache(maxsize=1)(tf.saved_model.load)


def require_signatures(folder, direction):
    """Raises UserError where no export lies there, or none of this direction."""
    try:
        found = load(folder).signatures
    except OSError as error:
        raise UserError(
            f"--saved_model={folder}: expected MODELS/NAME/VERSION, as "
            "egsc_tf.export.saved_model wrote it, found no SavedModel"
        ) from error
    needed = {signature_name(part, direction) for part in (STYLE, TRANSLATE)}
    if not needed <= set(found):
        raise UserError(
            f"--direction={direction}: expected {folder} to have the signatures "
            f"{', '.join(sorted(needed))}, found {', '.join(sorted(found))}"
        )


def checksum(folder):
    """SHA-256 over the graph and the weights of a SavedModel."""
    parts = [os.path.join(folder, "saved_model.pb")]
    parts += sorted(tf.io.gfile.glob(os.path.join(folder, "variables", "*")))
    digests = []
    for path in parts:
        with tf.io.gfile.GFile(path, "rb") as file:
            digests.append(files.sha256(file.read()))
    return files.sha256("".join(digests).encode())


class Signature(ModelHandler):
    """A signature over images of any sizes: STYLE, of pixels, or TRANSLATE, of Content.

    An image that the networks refuse gives Refused, and the others of its batch their
    results.
    """

    def __init__(self, folder, part, direction, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self._folder, self._part = folder, part
        self._name = signature_name(part, direction)

    def load_model(self):
        return load(self._folder)

    def run_inference(self, batch, model, inference_args=None):
        of_size = {}
        for i, row in enumerate(batch):
            pixels = row if self._part == STYLE else row.pixels
            of_size.setdefault(pixels.shape, []).append(i)
        results = {}
        for rows in of_size.values():
            some = [batch[i] for i in rows]
            results.update(zip(rows, self._results(model.signatures, some)))
        return [results[i] for i in range(len(batch))]

    def _results(self, signatures, rows):
        """The results of rows of one size; halves of them where they are too many."""
        try:
            return list(self._call(signatures, rows))
        except tf.errors.InvalidArgumentError as error:
            if len(rows) == 1:
                # TensorFlow adds the node of the graph, and lines of it.
                text = error.message.split("[[{{")[0].split("assertion failed:")[-1]
                return [Refused(" ".join(text.split()))]
        half = len(rows) // 2
        first, last = rows[:half], rows[half:]
        return self._results(signatures, first) + self._results(signatures, last)

    def _call(self, signatures, rows):
        function = signatures[self._name]
        if self._part == STYLE:
            return function(exemplar=tf.constant(np.stack(rows)))["style"].numpy()
        return function(
            content=tf.constant(np.stack([row.pixels for row in rows])),
            style=tf.constant(np.stack([row.style for row in rows])),
            strength=tf.constant([row.strength for row in rows], tf.float32),
        )["image"].numpy()

    def get_num_bytes(self, batch):
        rows = batch if self._part == STYLE else [row.pixels for row in batch]
        return sum(pixels.nbytes for pixels in rows)

    def get_metrics_namespace(self):
        return f"egsc_tf_{self._part}"
