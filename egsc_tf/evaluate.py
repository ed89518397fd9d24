"""Scores a run on its test split: `python -m egsc_tf.evaluate --workdir=DIR`.

Writes DIR/results.json, with every setting that a number depends on, and pictures; of
digits, whose right answers are known, DIR/grid_a2b.png and DIR/grid_b2a.png.
"""

from egsc_tf.runtime.program import run  # first: it quiets the start of TensorFlow

# isort: split
import dataclasses
import os

from egsc_tf.evaluation import scoring
from egsc_tf.evaluation.settings import RESULTS, Settings
from egsc_tf.reporting import writing
from egsc_tf.run.workdir import TrainedRun
from egsc_tf.runtime import paths
from egsc_tf.runtime.flags import Use, setting


@dataclasses.dataclass(frozen=True)
class Flags(TrainedRun):
    """The program's own flags."""

    output: str = setting(
        "", "Folder of the results; empty: the workdir.", path=paths.FOLDER
    )
    overwrite: bool = setting(
        False,
        "Replace what --output has of another run.",
        use=Use(("output",), "--output", bool),
    )


def main(flags, settings):
    if flags.output and not flags.overwrite:
        scoring.require_of_run(flags.output, flags.workdir)
    results = scoring.evaluate(flags.workdir, settings, flags.output or None)
    for name, value in sorted(results.items()):
        if isinstance(value, (dict, list)):
            continue  # in the file
        shown = f"{value:.4f}" if isinstance(value, float) else value
        print(f"{name:32} {shown}")
    output = flags.output or flags.workdir
    print(f"written: {os.path.join(output, RESULTS)}")
    page = os.path.join(output, writing.NAME)
    print(f"written: {writing.write([flags.workdir], page, settings, output)}")


if __name__ == "__main__":
    run(main, Flags, Settings)
