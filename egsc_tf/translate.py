"""Translates image files: `python -m egsc_tf.translate --workdir=DIR --input=... `

Every input with every exemplar, or pairwise (--pairing=zip). Outputs are PNG files of
the inputs' own sizes, named after them; where one input gives several, the exemplar's
name follows.
"""

from egsc_tf.program import run  # first: it quiets the start of TensorFlow

# isort: split
import os

import numpy as np
import tensorflow as tf
from absl import flags
from PIL import Image, ImageOps
from tqdm import tqdm

from egsc_tf import callbacks, restore
from egsc_tf import pairing as pairing_lib
from egsc_tf.data import images
from egsc_tf.domains import split
from egsc_tf.errors import UserError
from egsc_tf.pairing import find_images, plan, report

FLAGS = flags.FLAGS
PIXELS_AT_ONCE = 8 * 256 * 256
THUMBNAIL = 128
LARGEST_GRID = 1000


def read_good(paths, smallest_side, on_bad_image):
    """([(path, pixels)], [message]): what decodes and is not too small; raises at the
    first that does not where on_bad_image is "stop"."""
    good, bad = [], []
    for path in paths:
        try:
            good.append((path, images.read(path, smallest_side)))
        except images.BadImage as error:
            if on_bad_image == "stop":
                raise
            bad.append(str(error))
    return good, bad


def translate_files(
    translator,
    inputs,
    exemplars,
    output,
    direction="a2b",
    pairing="all",
    strength=1.0,
    on_bad_image="stop",
    grid=None,
):
    """Translates files into the folder `output`.

    Args:
      translator: from egsc_tf.load.
      inputs, exemplars: lists of paths.
      output: folder of the PNG files.
      direction: "a2b" or "b2a".
      pairing: "all", every input with every exemplar, or "zip", the i-th with the i-th.
      strength: 0 to 1, see Translator.translate_with_style.
      on_bad_image: "stop" or "skip".
      grid: None, or the path of a contact sheet to write (pairing "all").

    Returns:
      (number of files written, messages about files left out).

    Raises:
      UserError: for pairs that do not match up, and where nothing is left to do.
      BadImage: for a file that does not decode, where on_bad_image is "stop".
    """
    jobs = plan(inputs, exemplars, output, pairing, grid)
    _, target = split(direction)
    least = translator.smallest_side
    read_exemplars, bad = read_good(exemplars, least, on_bad_image)
    if not read_exemplars:
        raise UserError(f"--exemplar: expected a usable image, found none: {bad}")
    styles = {
        path: translator.encode_style(images.to_float(pixels)[None], target)
        for path, pixels in read_exemplars
    }
    written, rows = 0, []
    for path, outputs in tqdm(jobs, unit="image"):
        chosen = {e: file for e, file in outputs.items() if e in styles}
        good, bad_now = read_good([path], least, on_bad_image)
        bad += bad_now
        if not good or not chosen:
            continue
        content = images.to_float(good[0][1])[None]
        results = _with_styles(
            translator, content, [styles[e] for e in chosen], direction, strength
        )
        for file, result in zip(chosen.values(), results):
            images.write_png(file, result)
            written += 1
        if grid:
            rows.append([_thumbnail(image) for image in (content[0], *results)])
    if grid and rows:
        heads = np.stack([_thumbnail(images.to_float(p)) for _, p in read_exemplars])
        body = np.stack([np.stack(row) for row in rows])
        sheet = callbacks.contact_sheet(
            body[:, 0], heads, np.swapaxes(body[:, 1:], 0, 1)
        )
        images.write_png(grid, sheet)
    return written, bad


def _with_styles(translator, content, styles, direction, strength):
    """[H, W, 3] images of one content [1, H, W, 3] in many styles, encoded once."""
    source, target = split(direction)
    c, m = translator.encode_content(content, source)
    height, width = content.shape[1:3]
    at_once = max(1, PIXELS_AT_ONCE // (height * width))
    results = []
    for first in range(0, len(styles), at_once):
        some = tf.concat(styles[first : first + at_once], axis=0)
        c_many, m_many = (tf.repeat(x, len(some), axis=0) for x in (c, m))
        results += list(translator.decode(c_many, m_many, some, target, strength))
    return [np.asarray(result)[:height, :width] for result in results]


def _thumbnail(image):
    """[H, W, 3] in [-1, 1] -> a square of 128 pixels, on white."""
    picture = Image.fromarray(images.to_uint8(image))
    square = ImageOps.pad(picture, (THUMBNAIL, THUMBNAIL), color="white")
    return images.to_float(np.asarray(square))


def main():
    if FLAGS.grid and FLAGS.pairing == "zip":
        raise UserError("--grid: expected --pairing=all, found zip")
    inputs, exemplars = find_images(FLAGS.input), find_images(FLAGS.exemplar)
    if FLAGS.grid and len(inputs) * len(exemplars) > LARGEST_GRID:
        raise UserError(
            f"--grid: expected at most {LARGEST_GRID} translations, found "
            f"{len(inputs)} inputs x {len(exemplars)} exemplars"
        )
    written, bad = translate_files(
        restore.load(FLAGS.workdir),
        inputs,
        exemplars,
        FLAGS.output,
        FLAGS.direction,
        FLAGS.pairing,
        FLAGS.style_strength,
        FLAGS.on_bad_image,
        os.path.join(FLAGS.output, "grid.png") if FLAGS.grid else None,
    )
    report(inputs, exemplars, FLAGS.output, written, bad)
    return 0 if written else 2


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Folder of a trained run.", required=True)
    pairing_lib.define_flags()
    flags.adopt_module_key_flags(pairing_lib)  # so that --help lists them
    flags.DEFINE_float(
        "style_strength", 1.0, "0: content's own look, 1: exemplar's.", 0.0, 1.0
    )
    flags.DEFINE_enum(
        "on_bad_image", "stop", ("stop", "skip"), "For files that do not decode."
    )
    flags.DEFINE_bool("grid", False, "Also write OUTPUT/grid.png, a contact sheet.")
    run(main)
