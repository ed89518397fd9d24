"""Translates image files: `python -m egsc_tf.translate --workdir=DIR --input=... `

Every input with every exemplar, or pairwise (--pairing=zip). Outputs are PNG files of
the inputs' own sizes, named after them; where one input gives several, the exemplar's
name follows. Only the same translation made again replaces one (--overwrite: any).
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os

from egsc_tf.errors import UserError
from egsc_tf.inference import origin
from egsc_tf.inference.files import translate_files
from egsc_tf.inference.pairing import FileFlags, Strength, inputs_and_exemplars, report
from egsc_tf.run import restore
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime.counted import counted
from egsc_tf.runtime.flags import like, setting

LARGEST_GRID = 1000


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    strength: float = like(Strength, "strength")
    on_bad_image: str = setting(
        "stop", "For files that do not decode.", choices=("stop", "skip")
    )
    grid: bool = setting(False, "Also write OUTPUT/grid.png, a contact sheet.")
    tile: int = setting(
        0,
        "Side in pixels of the tiles by which larger inputs are translated, to bound "
        "memory; the result is the same. z has no noise then. 0: no tiles.",
        least=0,
    )


def main(flags, files):
    if flags.grid and files.pairing == "zip":
        raise UserError("--grid: expected --pairing=all, found zip")
    inputs, exemplars = inputs_and_exemplars(files)
    if flags.grid and len(inputs) * len(exemplars) > LARGEST_GRID:
        raise UserError(
            f"--grid: expected at most {LARGEST_GRID} translations, found "
            f"{counted(len(inputs), 'input')} x {counted(len(exemplars), 'exemplar')}"
        )
    written, bad = translate_files(
        restore.load(flags.workdir, flags.tile > 0, [files.direction]),
        inputs,
        exemplars,
        files.output,
        files.direction,
        files.pairing,
        flags.strength,
        flags.on_bad_image,
        os.path.join(files.output, "grid.png") if flags.grid else None,
        flags.tile,
        origin.place(flags.workdir),
        files.overwrite,
    )
    report(inputs, exemplars, files.output, written, bad)
    return 0 if written else 2


if __name__ == "__main__":
    run(main, Flags, FileFlags)
