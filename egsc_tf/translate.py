"""Translates image files: `python -m egsc_tf.translate --workdir=DIR --input=... `

Every input with every exemplar, or pairwise (--pairing=zip). Outputs are PNG files of
the inputs' own sizes, named after them; where one input gives several, the exemplar's
name follows.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import os

from absl import flags

from egsc_tf.errors import UserError
from egsc_tf.inference import pairing as pairing_lib
from egsc_tf.inference.files import translate_files
from egsc_tf.inference.pairing import find_images, report
from egsc_tf.run import restore

FLAGS = flags.FLAGS
LARGEST_GRID = 1000


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
        restore.load(FLAGS.workdir, deterministic=FLAGS.tile > 0),
        inputs,
        exemplars,
        FLAGS.output,
        FLAGS.direction,
        FLAGS.pairing,
        FLAGS.style_strength,
        FLAGS.on_bad_image,
        os.path.join(FLAGS.output, "grid.png") if FLAGS.grid else None,
        FLAGS.tile,
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
    flags.DEFINE_integer(
        "tile",
        0,
        "Side in pixels of the tiles by which larger inputs are translated, to bound "
        "memory; the result is the same. z has no noise then. 0: no tiles.",
        0,
    )
    run(main)
