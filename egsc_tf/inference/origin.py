"""What a translation was made from, noted in its PNG file.

A program replaces a translation only by the same one made again: of the same input and
model (by their paths, so that either may have changed meanwhile), the same exemplar (by
its bytes), direction and strength. Anything else that has a result's name is told, and
--overwrite replaces it. Without TensorFlow.
"""

import hashlib
import io
import json
import os
import struct
import zlib

from PIL import Image

from egsc_tf.data import images
from egsc_tf.errors import UserError

KEY = "egsc_tf"  # of the text in a PNG file
SAME = "same"  # equal in two notes of the same translation
HEADER = 33  # bytes of a PNG file's signature and its first chunk


def place(path):
    """A path or URL, the same however it is written."""
    return path.rstrip("/") if "://" in path else os.path.realpath(path or ".")


def sha256(path):
    """Of a file's bytes; None where it cannot be read, which its reader will tell."""
    try:
        with images.open_file(path) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except (OSError, images.BadImage):
        return None


def note(source, exemplar, exemplar_sha256, model, direction, strength):
    """What a translation is made from, as a dict of text and numbers.

    Args:
      source, exemplar: paths; of the exemplar only the name is kept.
      exemplar_sha256: of its bytes.
      model: `place` of the model, or what else tells it from others.
      direction, strength: of the translation.
    """
    told = {"direction": direction, "strength": float(strength)}
    return {
        "input": os.path.basename(source),
        "exemplar": os.path.basename(exemplar),
        "model": os.path.basename(model),
        **told,
        SAME: _digest([place(source), exemplar_sha256, model, *told.values()]),
    }


def _digest(values):
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def texts(made_from):
    """{keyword: text} of a PNG file that is to have a note."""
    return {KEY: json.dumps(made_from)}


def noted(data, made_from):
    """The bytes of a PNG file that another program wrote, with a note in it."""
    ((keyword, text),) = texts(made_from).items()
    content = f"{keyword}\0{text}".encode()
    chunk = b"tEXt" + content
    size, checksum = (
        struct.pack(">I", number) for number in (len(content), zlib.crc32(chunk))
    )
    return data[:HEADER] + size + chunk + checksum + data[HEADER:]


def found_in(data):
    """The note in the bytes of a file; {} where there is none."""
    return _found(io.BytesIO(data))


def _found(file):
    try:
        with Image.open(file, formats=["PNG"]) as image:
            found = json.loads(image.info.get(KEY, "{}"))
    except Exception:  # Pillow's readers raise many kinds.
        return {}
    return found if isinstance(found, dict) else {}


def refusal(file, found):
    """A line on a file that is not replaced; found: the note in it."""
    shown = (f"{k}={v}" for k, v in found.items() if k != SAME and v != "")
    of = images.printable(", ".join(shown)) or "no note of its origin"
    return (
        f"{images.printable(file)}: expected no file, or the same translation made "
        f"before, found one with {of}; --overwrite replaces it"
    )


class Origins:
    """The notes of all translations that a program makes.

    Args:
      exemplars: paths.
      model: see `note`.
      direction, strength: of the translations.
    """

    def __init__(self, exemplars, model, direction, strength):
        self._sha256 = {path: sha256(path) for path in exemplars}
        self._how = (model, direction, strength)

    def of(self, source, exemplar):
        """The note of a translation."""
        return note(source, exemplar, self._sha256[exemplar], *self._how)

    def of_sheet(self, path):
        """The note of a contact sheet of translations, whatever the inputs are."""
        return note(path, "", sorted(filter(None, self._sha256.values())), *self._how)

    def check(self, jobs, output, sheet=None):
        """Raises UserError where a result would replace another one.

        Args:
          jobs: of egsc_tf.inference.pairing.plan.
          output: the folder of the results.
          sheet: the path of a contact sheet in it, or None.
        """
        there = set(os.listdir(output)) if os.path.isdir(output) else set()
        results = [
            (file, self.of(path, exemplar))
            for path, outputs in jobs
            for exemplar, file in outputs.items()
            if os.path.basename(file) in there and self._sha256[exemplar]
        ]
        if sheet and os.path.basename(sheet) in there:
            results.append((sheet, self.of_sheet(sheet)))
        others = [
            (file, found)
            for file, made_from in results
            for found in [_found(file)]
            if found.get(SAME) != made_from[SAME]
        ]
        if others:
            more = len(others) - 1
            raise UserError(
                f"--output: {refusal(*others[0])}" + (f", and {more} more" * bool(more))
            )
